//! Tests that the docs match the code: settings, error codes, fields, log events, and the version.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeSet;
use std::num::{NonZeroU8, NonZeroU32};

use optimized_metadata::config::{Config, PurgeBound};
use optimized_metadata::http::ProblemCode;
use optimized_metadata::image::color::Color;
use optimized_metadata::image::density::Density;
use optimized_metadata::image::metadata::{
    ColorSpace, Dimensions, Format, ImageMetadata, Orientation, Traits,
};
use optimized_metadata::image::placeholder::{Placeholder, Placeholders};
use optimized_metadata::image::thumb_hash::ThumbHash;
use optimized_metadata::telemetry::event::{FIELDS, NAMES};
use optimized_metadata::telemetry::families::FAMILIES;
use serde_json::{Value, json};

const CONFIGURATION: &str = include_str!("../docs/configuration.md");
const HTTP_API: &str = include_str!("../docs/http-api.md");
const OBSERVABILITY: &str = include_str!("../docs/observability.md");
const OPERATIONS: &str = include_str!("../docs/operations.md");
const OPENAPI: &str = include_str!("../docs/openapi.yaml");
const PAGES: &str = include_str!("../docs/pages.md");
const README: &str = include_str!("../README.md");
const TYPES: &str = include_str!("../client/src/api.ts");
const WRANGLER: &str = include_str!("../wrangler.toml");

/// Returns all settings, from the error message for an unknown one.
fn settings() -> BTreeSet<String> {
    let unknown = json!({ "originUrl": "https://images.test", "unknown": true });
    let error = Config::from_json(&unknown).unwrap_err();
    let (_, keys) = error.expected.split_once("the keys are ").unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

/// Returns the keys of an element of `origins`, in the same way.
fn origin_keys() -> BTreeSet<String> {
    let unknown =
        json!({ "origins": [{ "prefix": "", "url": "https://images.test", "unknown": true }] });
    let error = Config::from_json(&unknown).unwrap_err();
    let (_, keys) = error.expected.split_once("the keys are ").unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

/// Returns the settings in the first column of a page's tables.
fn rows(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name.to_owned())
        .filter(|name| is_setting(name))
        .collect()
}

fn is_setting(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[test]
fn every_setting_is_in_the_docs_and_the_docs_list_no_unknown_setting() {
    assert_eq!(rows(CONFIGURATION), settings());
}

#[test]
fn every_key_of_an_origin_is_in_the_docs() {
    for key in origin_keys() {
        assert!(
            CONFIGURATION.contains(&format!("`origins[].{key}`")),
            "{key}"
        );
    }
}

#[test]
fn the_readme_and_wrangler_toml_name_only_existing_settings() {
    let (_, section) = README.split_once("\n## Configuration\n").unwrap();
    let in_readme = rows(section.split("\n## ").next().unwrap());
    assert!(!in_readme.is_empty());
    assert!(in_readme.is_subset(&settings()), "{in_readme:?}");

    let (_, section) = WRANGLER.split_once("[vars.metadata]").unwrap();
    let top = section.split("\n\n").next().unwrap();
    let inline = WRANGLER
        .lines()
        .filter_map(|line| line.split_once("vars.metadata = "))
        .map(|(_, table)| table);
    // Each origin is a table on a line of its own.
    let is_origin = |line: &&str| line.trim_start_matches(['#', ' ']).starts_with('{');
    let (origins, top): (Vec<_>, Vec<_>) = top.lines().partition(is_origin);
    let names = |lines: Vec<&str>| -> BTreeSet<String> {
        let pairs = lines.into_iter().flat_map(|line| line.split(['{', ',']));
        pairs
            .filter_map(|pair| pair.split_once(" = "))
            .map(|(name, _)| name.trim_start_matches('#').trim().to_owned())
            .collect()
    };
    let in_origins = names(origins);
    assert!(in_origins.contains("prefix"), "{in_origins:?}");
    assert!(in_origins.is_subset(&origin_keys()), "{in_origins:?}");
    let in_toml = names(top.into_iter().chain(inline).collect());
    assert!(in_toml.contains("originUrl") && in_toml.contains("originBucket"));
    assert!(in_toml.is_subset(&settings()), "{in_toml:?}");
}

#[test]
fn every_problem_is_in_the_docs_openapi_and_the_types() {
    for code in ProblemCode::ALL {
        let (status, code) = (code.status(), code.name());
        let row = format!("| {status} | `{code}` |");
        assert!(HTTP_API.contains(&row), "{row} in docs/http-api.md");
        let item = format!("            - {code}\n");
        assert!(OPENAPI.contains(&item), "{code} in docs/openapi.yaml");
        let literal = format!("| \"{code}\"");
        assert!(TYPES.contains(&literal), "{code} in client/src/api.ts");
        assert!(TYPES.contains(&format!(" {status} |")) || TYPES.contains(&format!(" {status};")));
    }
}

#[test]
fn the_docs_list_no_unknown_problem() {
    let codes: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.name()).collect();
    let (_, section) = HTTP_API.split_once("\n## Errors\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| 4") || line.starts_with("| 5"));
    for row in rows {
        let code = row.split('`').nth(1).unwrap();
        assert!(codes.contains(&code), "{row}");
    }
}

#[test]
fn the_page_for_page_builders_installs_the_versions_of_the_examples() {
    let version = |package: &str, list: &str, name: &str| {
        let package: Value = serde_json::from_str(package).unwrap();
        format!("{name}@{}", package[list][name].as_str().unwrap())
    };
    let astro = include_str!("../examples/astro/package.json");
    let next = include_str!("../examples/next/package.json");
    let installed = [
        version(astro, "dependencies", "astro"),
        version(next, "dependencies", "next"),
        version(next, "dependencies", "react"),
        version(next, "dependencies", "react-dom"),
        version(
            include_str!("../package.json"),
            "devDependencies",
            "wrangler",
        ),
        format!("optimized-metadata-{}.tgz", env!("CARGO_PKG_VERSION")),
    ];
    for package in installed {
        assert!(
            PAGES.contains(&format!("{package} ")) || PAGES.contains(&format!("{package}\n")),
            "{package} in docs/pages.md"
        );
    }
}

#[test]
fn every_metadata_field_is_in_the_docs_openapi_and_the_types() {
    let metadata = ImageMetadata {
        dimensions: Dimensions::new(1, 1).unwrap(),
        format: Some(Format::Webp),
        file_size: Some(1),
        etag: Some("a".into()),
        traits: Traits {
            orientation: Orientation::new(1),
            has_alpha: Some(true),
            animated: Some(true),
            frames: NonZeroU32::new(1),
            bit_depth: NonZeroU8::new(8),
            color_space: Some(ColorSpace::Rgb),
            density: Density::new(72),
            has_profile: Some(true),
        },
        placeholders: Placeholders {
            thumbhash: Placeholder::Made(ThumbHash::new(vec![0; 25]).unwrap()),
            color: Placeholder::Made(Color::new([0; 3])),
        },
        confidence: "high".into(),
        source: "image-header".into(),
    };
    let Value::Object(fields) = serde_json::to_value(&metadata).unwrap() else {
        panic!("metadata is an object");
    };
    for field in fields.keys() {
        assert!(HTTP_API.contains(&format!("`{field}`")), "{field}");
        assert!(OPENAPI.contains(&format!("        {field}:\n")), "{field}");
        let typed = [format!("  {field}: "), format!("  {field}?: ")];
        assert!(typed.iter().any(|field| TYPES.contains(field)), "{field}");
    }
}

#[test]
fn every_log_event_and_field_is_in_the_docs() {
    let (_, section) = OBSERVABILITY.split_once("\n## Logs\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    for name in FIELDS.iter().chain(NAMES) {
        assert!(section.contains(&format!("`{name}`")), "{name}");
    }
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for event in rows.filter(|name| *name != "event") {
        assert!(NAMES.contains(&event), "{event}");
    }
}

#[test]
fn every_metric_is_in_the_docs() {
    let (_, section) = OBSERVABILITY
        .split_once("\n## Metrics of one isolate\n")
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    for family in FAMILIES {
        let name = family.name;
        let is_listed =
            section.contains(&format!("`{name}`")) || section.contains(&format!("`{name}{{"));
        assert!(is_listed, "{name}");
    }
    let known = |name: &str| FAMILIES.iter().any(|family| family.name == name);
    let names = section.split('`').skip(1).step_by(2);
    for name in names.map(|text| text.split('{').next().unwrap_or(text)) {
        let is_metric = name.ends_with("_total") || name.ends_with("_duration_seconds");
        assert!(!is_metric || known(name), "{name}");
    }
}

#[test]
fn openapi_and_the_client_have_the_version_of_the_crate() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(OPENAPI.contains(&format!("\n  version: {version}\n")));
    let client: Value = serde_json::from_str(include_str!("../client/package.json")).unwrap();
    assert_eq!(client["version"], version);
}

#[test]
fn operations_has_the_bound_after_a_purge_for_the_default_settings() {
    let rows = |edge_cache: bool| {
        let settings = json!({ "originUrl": "https://images.test", "edgeCache": edge_cache });
        PurgeBound::of(&Config::from_json(&settings).unwrap()).rows()
    };
    let (_, section) = OPERATIONS.split_once("\n## Changed images\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (_, table) = section.split_once("|---|---|---|\n").unwrap();
    let table = table.split("\n\n").next().unwrap().lines();
    let documented: Vec<(&str, String)> = table
        .map(|row| {
            let mut cells = row.split(" | ");
            let place = cells.next().unwrap().trim_start_matches("| ");
            (place, cells.next().unwrap().to_owned())
        })
        .collect();
    assert_eq!(documented, rows(true));
    let width = rows(false).iter().map(|(place, _)| place.len()).max();
    for (place, time) in rows(false) {
        let line = format!("\n  {place:0$}  for up to {time}\n", width.unwrap());
        assert!(section.contains(&line), "{line}");
    }
}

//! Reads the headers of the image files from `npm run corpus`, which independent encoders created and independent readers
//! described.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

#[path = "../fuzz/checks.rs"]
#[allow(dead_code)] // not all of them are used here
mod checks;

use std::path::{Path, PathBuf};

use optimized_metadata::image::density::MIN_DENSITY;
use optimized_metadata::image::header::{self, ImageError, Limits, steps};
use optimized_metadata::image::metadata::ImageMetadata;
use optimized_metadata::image::prefix::BodyPrefix;
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;
use serde_json::{Value, json};

/// Files up to this size are truncated at every byte.
const SMALL_BYTES: usize = 20_000;

/// A file of the corpus, and its entry in the manifest.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    expected: Value,
}

/// Returns the files that `npm run corpus` has created; none if it has not run.
fn corpus() -> Vec<Sample> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"));
    let folder = target.join("corpus");
    let Ok(manifest) = std::fs::read(folder.join("manifest.json")) else {
        println!("skipped: the corpus is missing; create it: npm run corpus");
        return Vec::new();
    };
    let manifest: Vec<Value> = serde_json::from_slice(&manifest).unwrap();
    assert!(manifest.len() > 100, "a corpus of {}", manifest.len());
    let samples = manifest.into_iter().map(|expected| {
        let name = expected["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        Sample {
            name,
            bytes,
            expected,
        }
    });
    samples.collect()
}

fn read(bytes: &[u8]) -> Result<ImageMetadata, ImageError> {
    let (image, steps) = steps::count(|| BodyPrefix::whole(Limits::default(), None, bytes).image());
    // A long header is parsed more than once.
    assert!(steps <= 3 * steps::limit(bytes.len()), "{steps} steps");
    image
}

/// The fields in which this service differs from the manifest. `tests/corpus/differences.json` has the reasons.
fn differences() -> Value {
    serde_json::from_str(include_str!("corpus/differences.json")).unwrap()
}

#[test]
fn every_image_is_read_as_other_readers_read_it() {
    let mut wrong = Vec::new();
    let differences = differences();
    for Sample {
        name,
        bytes,
        expected,
    } in corpus()
    {
        let differs = |field: &str| {
            differences[&name]["fields"]
                .as_array()
                .is_some_and(|fields| fields.contains(&json!(field)))
        };
        let is_image = expected["expect"].is_null();
        let refused_by = expected["refused"].as_array().map_or(0, Vec::len);
        let found = match read(&bytes) {
            Ok(image) if is_image => serde_json::to_value(&image).unwrap(),
            Err(_) if !is_image || refused_by > 1 || differs("refused") => continue,
            outcome => {
                wrong.push(format!("{name}: {outcome:?} instead of {expected}"));
                continue;
            }
        };
        let mut compare = |field: &str, found: &Value, expected: &Value| {
            if found != expected && !differs(field) {
                wrong.push(format!("{name}: {field} {found} instead of {expected}"));
            }
        };
        for field in ["format", "width", "height"] {
            compare(field, &found[field], &expected[field]);
        }
        let upright = |value: &Value| value.as_u64().unwrap_or(1).into();
        compare(
            "orientation",
            &upright(&found["orientation"]),
            &upright(&expected["orientation"]),
        );
        // A field is compared only if both have it.
        for field in [
            "hasAlpha",
            "animated",
            "frames",
            "bitDepth",
            "colorSpace",
            "hasProfile",
        ] {
            if !found[field].is_null() && !expected[field].is_null() {
                compare(field, &found[field], &expected[field]);
            }
        }
        if let Some(density) = expected["density"].as_u64() {
            // Some writers write a lower one if they know none.
            let usable = (density >= MIN_DENSITY.into()).then_some(density);
            compare("density", &found["density"], &json!(usable));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} in total",
        wrong.join("\n"),
        wrong.len()
    );
}

#[test]
fn an_image_truncated_at_any_byte_has_its_size_or_none() {
    let mut cuts = 0;
    for Sample { name, bytes, .. } in corpus() {
        // The test above checks that this size is right.
        let whole = match read(&bytes) {
            Ok(image) if bytes.len() <= SMALL_BYTES => image.dimensions,
            _ => continue,
        };
        for length in 0..bytes.len() {
            cuts += 1;
            match read(&bytes[..length]) {
                Ok(cut) => assert!(
                    checks::may_be_cut(cut.dimensions, cut.confidence == "high", whole),
                    "{name} truncated at {length}: {cut:?}"
                ),
                Err(ImageError::HeaderTooLong) => panic!("{name} truncated at {length}"),
                Err(_) => {}
            }
        }
    }
    println!("{cuts} cuts");
}

#[test]
fn an_image_read_in_ranges_has_its_size() {
    let limits = Limits {
        first: 1_024,
        ..Limits::default()
    };
    let mut jumps = 0;
    for Sample { name, bytes, .. } in corpus() {
        let whole = header::read(&bytes, limits.most);
        let (ranges, steps) = steps::count(|| checks::object(&bytes, limits, &whole));
        assert!(
            steps <= 4 * steps::limit(bytes.len()),
            "{name}: {steps} steps"
        );
        jumps += ranges - 1;
    }
    println!("{jumps} ranges after the first");
}

#[test]
fn a_corrupt_image_breaks_no_invariant() {
    let mut random = XorShiftRng::seed_from_u64(7);
    for Sample { bytes, .. } in corpus() {
        let mut bytes = bytes;
        bytes.truncate(SMALL_BYTES);
        for _ in 0..5 {
            let mut corrupt = bytes.clone();
            // Most header fields are at the beginning.
            for _ in 0..random.random_range(1..8) {
                let most = if random.random() { 64 } else { corrupt.len() };
                let position = random.random_range(0..most.max(1));
                if let Some(byte) = corrupt.get_mut(position) {
                    *byte = random.random();
                }
            }
            checks::image_header(&corrupt);
        }
    }
}

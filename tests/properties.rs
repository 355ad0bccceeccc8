//! Property tests on random input, and the same checks on the fuzz corpus.
//!
//! `PROPTEST_CASES=1000000 cargo test --release --test properties` searches for longer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::path::Path;

use optimized_metadata::cache::freshness::{Freshness, FreshnessPolicy, Lifetime, age_s, ttl_s};
use optimized_metadata::config::Config;
use optimized_metadata::image::displayed_size::DisplayedSize;
use optimized_metadata::image::metadata::Dimensions;
use optimized_metadata::path::ImagePath;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

/// Text with parts that the canonicalisation of paths treats specially.
fn raw_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9._~-]{1,4}",
        "[ -~]{1,3}",
        "%[0-9a-fA-F]{2}",
        "\\PC{1,2}",
        Just("/".to_owned()),
        select(&["%2F", "%2f"]).prop_map(str::to_owned),
        Just("..".to_owned()),
        Just("%2e".to_owned()),
        Just("sha256:".to_owned()),
        Just("a".repeat(260)),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A raw path and a raw query. There are few of them, so that two are often the same image.
fn versioned() -> impl Strategy<Value = (String, String)> {
    let piece = select(&["a", "v=1", "%3F", "/", "//", "%2F%2F%3F", "sha256:"]);
    let long = select(&["", "/bbbbbbbb"]).prop_map(|piece| piece.repeat(55));
    let pair = select(&["v=1", "%76=%31", "size=1", "v=2", "utm=1", "v=//", "v", ""]);
    let path = (vec(piece, 1..4), long).prop_map(|(pieces, long)| pieces.concat() + &long);
    (path, vec(pair, 0..3).prop_map(|pairs| pairs.join("&")))
}

/// Checks that two raw paths with raw queries have the same key and URL only if they are the same image.
fn check_versions(a: &(String, String), b: &(String, String)) {
    let settings = json!({ "originUrl": "https://images.test", "query": ["v", "size"] });
    let config = Config::from_json(&settings).unwrap();
    let image = |(raw, query): &(String, String)| {
        let path = ImagePath::from_raw(raw).ok()?;
        config.origins.version(&path, query).ok()
    };
    let (Some(a), Some(b)) = (image(a), image(b)) else {
        return;
    };
    let is_same = (a.as_str(), a.query()) == (b.as_str(), b.query());
    assert_eq!(is_same, a == b);
    assert_eq!(is_same, a.cache_key() == b.cache_key(), "{a:?} {b:?}");
    assert_eq!(
        is_same,
        a.origin_url("https://images.test") == b.origin_url("https://images.test")
    );
    assert!(a.cache_key().len() <= 512);
    // The fast path and the canonical path find the same entry.
    let plain = ImagePath::key_of_plain(a.as_str(), a.query().unwrap_or_default());
    assert!(plain.is_none_or(|key| *key == *a.cache_key()));
}

/// The first bytes of each format.
const SIGNATURES: &[&[u8]] = &[
    b"",
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"RIFF\xff\0\0\0WEBPVP8 ",
    b"RIFF\xff\0\0\0WEBPVP8L",
    b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\x0a\0\0\0",
    b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\xffmeta\0\0\0\0",
    b"\xff\x0a",
    b"\0\0\0\x0cJXL \r\n\x87\n",
    b"BM",
    b"\0\0\x01\0\x01\0",
    b"II*\0\x08\0\0\0",
    b"MM\0+\0\x08\0\0",
    b"<svg width='",
    b"<?xml ?><!DOCTYPE svg [",
];

/// JSON objects with the fields of records and origin responses, and values that these fields may have.
fn record_or_reply() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<u32>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        Just("2147483647".to_owned()),
        Just("\"high\"".to_owned()),
        Just("\"image/png\"".to_owned()),
        Just("null".to_owned()),
        Just("{\"width\":3,\"height\":2,\"format\":\"image/gif\",\"file_size\":9}".to_owned()),
    ];
    let field = prop_oneof![
        Just("width"),
        Just("height"),
        Just("format"),
        Just("fileSize"),
        Just("lastFetched"),
        Just("confidence"),
        Just("source"),
        Just("original"),
        Just("originalDimensions"),
        Just("originalMetadata"),
        Just("naturalWidth"),
        Just("originalHeight"),
    ];
    vec((field, value), 0..10).prop_map(|fields| {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #[test]
    fn a_displayed_size_is_correct_or_marked_uncertain_at_any_scale(
        width in 1..20_000_u32, height in 1..20_000_u32, rotated: bool, per_mille in 1..=1_000_u32, rounding in 0..3_u32,
    ) {
        let size = |width, height| Dimensions::new(width, height).unwrap();
        let scaled = |side: u32| ((side * per_mille + [0, 500, 999][rounding as usize]) / 1_000).max(1);
        let (stored, output) = (size(width, height), size(scaled(width), scaled(height)));
        let turn = |size: Dimensions| if rotated { size.swapped() } else { size };
        let displayed = DisplayedSize::of(stored, Some(turn(output)));
        let is_right = displayed.dimensions == turn(stored);
        prop_assert!(is_right || !displayed.is_certain, "{displayed:?}");
        // It is uncertain only if rounding may hide the difference between the two orientations.
        let differ = output.width().abs_diff(output.height()) > 2;
        prop_assert!(displayed.is_certain || !differ, "{displayed:?}");
    }

    #[test]
    fn an_accepted_path_round_trips_and_stays_below_the_origin(raw in raw_path()) {
        checks::path(raw.as_bytes());
    }

    #[test]
    fn different_paths_have_different_keys_and_urls(a in raw_path(), b in raw_path()) {
        checks::two_paths(&a, &b);
        checks::two_paths(&a, &a.replace("%2", "%252"));
        checks::two_paths(&a, &a.replace('/', "%252F"));
        checks::two_paths(&a, &a.to_lowercase());
    }

    #[test]
    fn different_versions_have_different_keys_and_urls(
        a in versioned(),
        b in versioned(),
    ) {
        check_versions(&a, &b);
    }

    #[test]
    fn any_bytes_decode_to_a_valid_record_or_none(
        bytes in vec(any::<u8>(), 0..200), json in record_or_reply(),
    ) {
        checks::record(&bytes);
        checks::record(json.as_bytes());
    }

    #[test]
    fn any_bytes_decode_to_a_valid_origin_response_or_an_error(
        bytes in vec(any::<u8>(), 0..200), json in record_or_reply(),
    ) {
        checks::reply(&bytes);
        checks::reply(json.as_bytes());
    }

    #[test]
    fn any_bytes_after_a_signature_are_a_valid_header_or_an_error(
        signature in select(SIGNATURES), bytes in vec(any::<u8>(), 0..300),
    ) {
        checks::image_header(&[signature, &bytes].concat());
    }

    #[test]
    fn any_bytes_are_a_tiny_picture_with_placeholders_or_refused(
        form in any::<u8>(), size in (0..40_u8, 0..40_u8), bytes in vec(any::<u8>(), 0..900),
    ) {
        checks::placeholder(&bytes);
        checks::placeholder(&[&[size.0, size.1, form], &bytes[..]].concat());
    }

    #[test]
    fn a_tiny_png_with_any_changes_is_read_within_the_bounds(
        name in select(&["palette", "gray", "rgba"]),
        changes in vec((any::<Index>(), any::<u8>()), 0..4), length in any::<Index>(),
    ) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/placeholder");
        let mut bytes = std::fs::read(corpus.join(name)).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        checks::placeholder(&bytes);
        checks::placeholder(&bytes[..length.index(bytes.len())]);
    }

    #[test]
    fn the_memory_cache_matches_a_list_model(operations in vec(any::<u8>(), 0..400)) {
        checks::memory_cache(&operations);
    }

    #[test]
    fn freshness_never_increases_over_time(
        fresh_ms: u64, while_revalidate_ms: u64, if_error_ms: u64, retry_ms: u64,
        fetched_ms: u64, moment_ms: u64, later_ms: u64, key in "[a-z]{0,8}",
    ) {
        let policy = FreshnessPolicy { fresh_ms, while_revalidate_ms, if_error_ms };
        let lifetime_ms = policy.lifetime_ms(&key);
        prop_assert!(lifetime_ms <= fresh_ms && lifetime_ms >= fresh_ms - fresh_ms / 20);
        let lifetime = Lifetime::of_complete(lifetime_ms).until_retry(retry_ms);
        let rank = |now_ms| match policy.state(fetched_ms, lifetime, now_ms) {
            Freshness::Fresh => 0,
            Freshness::StaleWhileRevalidate => 1,
            Freshness::StaleIfError => 2,
            Freshness::Expired => 3,
        };
        let (moment_ms, later_ms) = (moment_ms.min(later_ms), moment_ms.max(later_ms));
        prop_assert!(rank(moment_ms) <= rank(later_ms));
        prop_assert!(age_s(fetched_ms, moment_ms) <= age_s(fetched_ms, later_ms));
        let ttl = ttl_s(fetched_ms, lifetime.fresh_ms, moment_ms);
        prop_assert_eq!(ttl >= 0, rank(moment_ms) == 0);
        prop_assert!(ttl >= ttl_s(fetched_ms, lifetime.fresh_ms, later_ms));
        if moment_ms <= fetched_ms {
            prop_assert_eq!(age_s(fetched_ms, moment_ms), 0);
        }
    }
}

#[test]
fn the_fuzz_corpus_passes_all_checks() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, check) in [
        ("path", checks::path as fn(&[u8])),
        ("record", checks::record),
        ("reply", checks::reply),
        ("image_header", checks::image_header),
        ("memory_cache", checks::memory_cache),
        ("placeholder", checks::placeholder),
    ] {
        let seeds: Vec<_> = corpus.join(target).read_dir().unwrap().collect();
        assert!(seeds.len() >= 3, "{target} has seeds");
        for seed in seeds {
            check(&std::fs::read(seed.unwrap().path()).unwrap());
        }
    }
}

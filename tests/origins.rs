//! Several origins and versions: which origin is asked, what is cached, and what a purge removes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod support;

use optimized_metadata::lookup::Layer;
use optimized_metadata::origin::error::ErrorKind;
use serde_json::{Value, json};
use support::{FakeResponse, TestIsolate, gif};

fn several() -> Value {
    json!({ "originUrl": "https://images.test", "origins": [
        { "prefix": "cdn", "url": "https://cdn.test/assets" },
        { "prefix": "cdn/r2", "bucket": "AVATARS" },
        { "prefix": "og", "service": "OG" },
    ] })
}

fn isolate(settings: Value) -> TestIsolate {
    let isolate = TestIsolate::new(settings);
    isolate.runtime.mock_origin([FakeResponse::Size(4, 3)]);
    isolate
}

#[test]
fn the_origin_with_the_longest_prefix_gets_the_path_below_it() {
    let mut isolate = isolate(several());
    isolate.runtime.put_object("a b.gif", Some(&gif(7, 5)));
    for path in [
        "a.jpg",
        "cdn2/a.jpg",
        "cdn/a%20b.jpg",
        "og/a/b.png",
        "cdn/r2/a%20b.gif",
    ] {
        let result = isolate.get(path);
        assert!(result.is_ok(), "{path}: {result:?}");
    }
    let urls = [
        "https://images.test/a.jpg",
        "https://images.test/cdn2/a.jpg",
        "https://cdn.test/assets/a%20b.jpg",
        "OG https://service/a/b.png",
    ];
    assert_eq!(isolate.runtime.origin_urls(), urls);
    assert_eq!(isolate.runtime.bucket_reads(), ["AVATARS:a b.gif"]);
}

#[test]
fn the_body_and_the_key_have_the_whole_path() {
    let mut isolate = isolate(several());
    let lookup = isolate.get("cdn/a.jpg").unwrap();
    assert!(
        lookup
            .entry
            .body
            .starts_with(r#"{"path":"cdn/a.jpg","metadata":"#)
    );
    assert!(isolate.runtime.kv_get("metadata:cdn/a.jpg").is_some());
}

#[test]
fn a_path_that_no_origin_takes_asks_neither_kv_nor_an_origin() {
    let mut isolate = isolate(
        json!({ "originUrl": null, "origins": [{ "prefix": "a", "url": "https://a.test" }] }),
    );
    for path in ["b/a.jpg", "a", "ab/c"] {
        let error = isolate.get(path).unwrap_err();
        assert_eq!(error.cause.kind, ErrorKind::NoOrigin, "{path}");
    }
    assert_eq!(isolate.runtime.kv_operations(), (0, 0, 0));
    assert_eq!(isolate.runtime.origin_fetches(), 0);
    assert_eq!(isolate.runtime.charges(), []);
    assert!(isolate.get("a/b").is_ok());
}

#[test]
fn a_missing_object_of_a_listed_bucket_is_missing() {
    let mut isolate = isolate(several());
    let error = isolate.get("cdn/r2/a.gif").unwrap_err();
    assert_eq!(error.cause.kind, ErrorKind::NotFound);
    // Neither the default origin nor that of the shorter prefix is asked.
    assert_eq!(isolate.runtime.origin_fetches(), 0);
}

#[test]
fn a_record_of_another_origin_is_a_miss_if_the_path_has_moved() {
    let mut isolate = isolate(several());
    isolate.get("cdn/a.jpg").unwrap();
    isolate.restart(several());
    assert_eq!(isolate.get("cdn/a.jpg").unwrap().layer, Layer::Kv);

    // Both URLs are still configured, but no longer for the same path.
    let swapped = json!({ "originUrl": "https://cdn.test/assets", "origins": [
        { "prefix": "cdn", "url": "https://images.test" },
    ] });
    isolate.restart(swapped);
    let moved = isolate.get("cdn/a.jpg").unwrap();
    assert_eq!(moved.layer, Layer::Origin { stored: true });
    assert_eq!(
        isolate.runtime.origin_urls().last().unwrap(),
        "https://images.test/a.jpg"
    );
}

fn versioned() -> Value {
    json!({ "originUrl": "https://images.test", "query": ["v", "size"], "origins": [
        { "prefix": "plain", "url": "https://plain.test" },
    ] })
}

#[test]
fn versions_are_fetched_forwarded_and_cached_apart() {
    let mut isolate = isolate(versioned());
    for path in [
        "a.jpg",
        "a.jpg?v=3",
        "a.jpg?utm=1&size=l&v=3",
        "plain/a.jpg?v=3",
    ] {
        let lookup = isolate.get(path).unwrap();
        assert_eq!(lookup.layer, Layer::Origin { stored: true }, "{path}");
    }
    let urls = [
        "https://images.test/a.jpg",
        "https://images.test/a.jpg?v=3",
        "https://images.test/a.jpg?v=3&size=l",
        "https://plain.test/a.jpg",
    ];
    assert_eq!(isolate.runtime.origin_urls(), urls);
    for (path, body) in [
        ("a.jpg?utm=2", r#"{"path":"a.jpg","metadata":"#),
        (
            "a.jpg?v=3&utm=2",
            r#"{"path":"a.jpg","query":"v=3","metadata":"#,
        ),
        (
            "a.jpg?v=3&size=l",
            r#"{"path":"a.jpg","query":"v=3&size=l","metadata":"#,
        ),
        ("plain/a.jpg?v=4", r#"{"path":"plain/a.jpg","metadata":"#),
    ] {
        let lookup = isolate.get(path).unwrap();
        assert_eq!(lookup.layer, Layer::Memory, "{path}");
        assert!(lookup.entry.body.starts_with(body), "{}", lookup.entry.body);
    }
    assert!(
        isolate
            .runtime
            .kv_get("metadata:a.jpg//?v=3&size=l")
            .is_some()
    );
}

#[test]
fn a_purge_of_a_path_includes_its_versions_and_that_of_a_version_only_itself() {
    let mut isolate = isolate(versioned());
    let versions = [
        "a.jpg",
        "a.jpg?v=1",
        "a.jpg?v=2",
        "a.jpg2?v=1",
        "b/a.jpg?v=1",
    ];
    let fill = |isolate: &mut TestIsolate| {
        for path in versions {
            isolate.get(path).unwrap();
        }
    };
    let cached = |isolate: &mut TestIsolate| -> Vec<&str> {
        let keys = versions.iter().filter(|path| {
            let key = format!("metadata:{}", path.replace('?', "//?"));
            let in_memory = isolate.service.metadata_in_memory(&key, 0).is_some();
            assert_eq!(in_memory, isolate.runtime.kv_get(&key).is_some(), "{path}");
            in_memory
        });
        keys.copied().collect()
    };
    fill(&mut isolate);
    assert_eq!(cached(&mut isolate), versions);
    assert_eq!(isolate.purge("a.jpg?v=1").unwrap().count, 1);
    assert_eq!(
        cached(&mut isolate),
        ["a.jpg", "a.jpg?v=2", "a.jpg2?v=1", "b/a.jpg?v=1"]
    );
    fill(&mut isolate);
    assert_eq!(isolate.purge("a.jpg").unwrap().count, 3);
    assert_eq!(cached(&mut isolate), ["a.jpg2?v=1", "b/a.jpg?v=1"]);
}

#[test]
fn a_purge_of_many_versions_counts_the_image_itself_once() {
    let mut isolate = isolate(versioned());
    isolate.get("a.jpg").unwrap();
    for version in 0..150 {
        isolate.get(&format!("a.jpg?v={version}")).unwrap();
    }
    let first = isolate.purge_page("a.jpg", None).unwrap();
    let last = isolate
        .purge_page("a.jpg", first.cursor.as_deref())
        .unwrap();
    assert_eq!((first.count, last.count, last.cursor), (101, 50, None));
    assert_eq!(isolate.runtime.kv_operations().2, 151);
}

#[test]
fn a_purge_of_a_path_without_versions_lists_no_keys() {
    let mut isolate = isolate(versioned());
    isolate.get("plain/a.jpg").unwrap();
    let (reads, writes, deletions) = isolate.runtime.kv_operations();
    assert_eq!(isolate.purge("plain/a.jpg").unwrap().count, 1);
    assert_eq!(
        isolate.runtime.kv_operations(),
        (reads, writes, deletions + 1)
    );
}

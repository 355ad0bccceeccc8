//! Purges of the platform's cache in front of the service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod support;

use optimized_metadata::cache::tags::{folder_tag, image_tag};
use optimized_metadata::path::ImagePath;
use optimized_metadata::service::PurgeError;
use serde_json::json;
use support::{FakeResponse, TestIsolate};

fn isolate(edge_cache: bool) -> TestIsolate {
    let isolate = TestIsolate::new(json!({ "edgeCache": edge_cache, "query": ["v"] }));
    isolate.runtime.mock_origin([FakeResponse::Size(4, 3)]);
    isolate
}

fn path(raw: &str) -> ImagePath {
    ImagePath::from_raw(raw).unwrap()
}

#[test]
fn a_purge_of_an_image_purges_its_tag() {
    let mut isolate = isolate(true);
    isolate.runtime.set_edge_cache(Ok(()));
    for raw in ["a/b.jpg", "a/b.jpg?v=3"] {
        assert_eq!(isolate.purge(raw).unwrap().edge, Some(true));
        assert_eq!(isolate.runtime.purged_tags(), [image_tag(&path("a/b.jpg"))]);
    }
}

#[test]
fn a_purge_of_a_folder_purges_its_tag_once_with_the_last_page() {
    let mut isolate = isolate(true);
    isolate.runtime.set_edge_cache(Ok(()));
    for n in 0..150 {
        isolate.get(&format!("a/{n}.jpg")).unwrap();
    }
    let first = isolate.purge_below(Some("a"), None).unwrap();
    assert_eq!(first.edge, None);
    assert_eq!(isolate.runtime.purged_tags(), [""; 0]);
    let last = isolate.purge_below(Some("a"), first.cursor.as_deref());
    assert_eq!(last.unwrap().edge, Some(true));
    assert_eq!(
        isolate.runtime.purged_tags(),
        [folder_tag(Some(&path("a")))]
    );
    assert_eq!(isolate.purge_below(None, None).unwrap().edge, Some(true));
    assert_eq!(isolate.runtime.purged_tags(), [folder_tag(None)]);
}

#[test]
fn a_refused_purge_fails_and_a_repeated_one_finishes_the_work() {
    let mut isolate = isolate(true);
    isolate.get("a.jpg").unwrap();
    isolate.runtime.set_edge_cache(Err("rate limited".into()));
    assert_eq!(isolate.purge("a.jpg"), Err(PurgeError::Edge));
    assert_eq!(isolate.purge_below(None, None), Err(PurgeError::Edge));
    assert_eq!(isolate.runtime.kv_get("metadata:a.jpg"), None);
    isolate.runtime.set_edge_cache(Ok(()));
    assert_eq!(isolate.purge("a.jpg").unwrap().edge, Some(true));
    assert_eq!(isolate.purge_below(None, None).unwrap().edge, Some(true));
}

#[test]
fn without_such_a_cache_a_purge_succeeds_and_says_so_and_one_warning_is_logged() {
    let mut isolate = isolate(true);
    for _ in 0..2 {
        assert_eq!(isolate.purge("a.jpg").unwrap().edge, Some(false));
    }
    let log = isolate.runtime.log();
    let warnings = log
        .iter()
        .filter(|line| line.contains("edge-cache-missing"));
    assert_eq!(warnings.count(), 1, "{log:?}");
}

#[test]
fn without_the_setting_nothing_is_purged_there() {
    let mut isolate = isolate(false);
    isolate.runtime.set_edge_cache(Ok(()));
    assert_eq!(isolate.purge("a.jpg").unwrap().edge, None);
    assert_eq!(isolate.purge_below(None, None).unwrap().edge, None);
    assert_eq!(isolate.runtime.purged_tags(), [""; 0]);
}

//! Look-ups of images with placeholders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod support;

use optimized_metadata::lookup::{Layer, Lookup};
use optimized_metadata::origin::error::{ErrorKind, OriginError};
use optimized_metadata::placeholder::png::PngError;
use optimized_metadata::service::picture::PictureFault;
use optimized_metadata::service::ports::Stored;
use optimized_metadata::telemetry::families::{FAMILIES, Read};
use serde_json::{Value, json};
use support::{FakeResponse, START_MS, TestIsolate, gif, put_in_kv};

const RED: [u8; 4] = [255, 0, 0, 255];

fn both() -> Value {
    json!(["thumbhash", "color"])
}

fn isolate(mut settings: Value) -> TestIsolate {
    if settings.get("placeholders").is_none() {
        settings["placeholders"] = both();
    }
    let isolate = TestIsolate::new(settings);
    isolate.runtime.mock_origin([FakeResponse::Size(4, 3)]);
    isolate.runtime.set_picture(Ok(RED));
    isolate
}

fn refused(kind: ErrorKind, status: Option<u16>) -> PictureFault {
    let error = OriginError {
        origin_status: status,
        ..kind.into()
    };
    PictureFault::Refused(error.into())
}

fn fields(lookup: &Lookup) -> [Option<String>; 2] {
    let body: Value = serde_json::from_str(&lookup.entry.body).unwrap();
    ["thumbhash", "color"].map(|name| body["metadata"][name].as_str().map(str::to_owned))
}

fn color(lookup: &Lookup) -> Option<String> {
    let [_, color] = fields(lookup);
    color
}

fn record(isolate: &TestIsolate, path: &str) -> Value {
    let stored = isolate.runtime.kv_get(&format!("metadata:{path}"));
    let Some((Stored::Metadata(json), _)) = stored else {
        panic!("there is no record");
    };
    serde_json::from_str(&json).unwrap()
}

#[test]
fn without_the_setting_no_picture_is_asked_for() {
    let mut isolate = isolate(json!({ "placeholders": [] }));
    let lookup = isolate.get("cat.png").unwrap();
    assert_eq!(fields(&lookup), [None, None]);
    assert_eq!(isolate.runtime.pictures_asked(), [""; 0]);
    assert_eq!(lookup.entry.ttl_s(START_MS) / 3_600, 23);
}

#[test]
fn the_fields_are_in_the_response_of_every_layer_with_the_same_entity_tag() {
    let mut isolate = isolate(json!({}));
    let from_origin = isolate.get("cat.png").unwrap();
    assert_eq!(color(&from_origin).as_deref(), Some("#ff0000"));
    let asked = ["resizer https://images.test/cat.png"];
    assert_eq!(isolate.runtime.pictures_asked(), asked);
    isolate.restart(json!({ "placeholders": both() }));
    let from_kv = isolate.get("cat.png").unwrap();
    assert_eq!(from_kv.layer, Layer::Kv);
    assert_eq!(from_kv.entry.body, from_origin.entry.body);
    assert_eq!(from_kv.entry.etag, from_origin.entry.etag);
    assert_eq!(isolate.runtime.pictures_asked(), asked);
}

#[test]
fn the_record_has_two_more_fields_before_its_origin() {
    let mut isolate = isolate(json!({}));
    isolate.get("cat.png").unwrap();
    let Some((Stored::Metadata(json), _)) = isolate.runtime.kv_get("metadata:cat.png") else {
        panic!("there is no record");
    };
    let (_, after) = json
        .split_once(r#""originalMetadata":{"format":"image/png"},"#)
        .unwrap();
    let (fields, _) = after.split_once(r#","origin":"#).unwrap();
    let hash = record(&isolate, "cat.png")["thumbhash"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        fields,
        format!(r##""thumbhash":"{hash}","color":"#ff0000""##)
    );
}

#[test]
fn only_the_kinds_of_the_setting_are_made_stored_and_returned() {
    let mut isolate = isolate(json!({ "placeholders": ["color"] }));
    let lookup = isolate.get("cat.png").unwrap();
    assert_eq!(fields(&lookup), [None, Some("#ff0000".into())]);
    assert_eq!(record(&isolate, "cat.png").get("thumbhash"), None);
    // With the setting off, the field of the record is not returned: the response depends on the image alone.
    isolate.restart(json!({}));
    let lookup = isolate.get("cat.png").unwrap();
    assert_eq!((lookup.layer, fields(&lookup)), (Layer::Kv, [None, None]));
}

#[test]
fn a_herd_of_requests_costs_one_picture() {
    let mut isolate = isolate(json!({}));
    let pending: Vec<_> = (0..50).map(|_| isolate.start("cat.png")).collect();
    for pending in pending {
        assert!(color(&isolate.finish(pending).unwrap()).is_some());
    }
    assert_eq!(isolate.runtime.pictures_asked().len(), 1);
}

#[test]
fn an_image_that_can_have_none_is_not_fetched_again_before_its_time() {
    for fault in [
        refused(ErrorKind::Forbidden, Some(403)),
        refused(ErrorKind::OriginFailed, Some(400)),
        refused(ErrorKind::SourceTooLarge, Some(502)),
        PictureFault::Unreadable(PngError::NotPng),
        PictureFault::Unreadable(PngError::TooLarge),
        PictureFault::Unreadable(PngError::Malformed),
    ] {
        let mut isolate = isolate(json!({}));
        isolate.runtime.set_picture(Err(fault.clone()));
        let lookup = isolate.get("cat.png").unwrap();
        assert_eq!(fields(&lookup), [None, None]);
        assert!(lookup.entry.ttl_s(START_MS) > 80_000, "{fault}");
        let stored = record(&isolate, "cat.png");
        assert_eq!(stored["thumbhash"], Value::Null);
        assert!(stored.as_object().unwrap().contains_key("thumbhash"));
        isolate.restart(json!({ "placeholders": both() }));
        let from_kv = isolate.get("cat.png").unwrap();
        assert!(from_kv.entry.ttl_s(START_MS) > 80_000, "{fault}");
    }
}

#[test]
fn a_picture_that_fails_for_now_is_asked_for_again_after_five_minutes_in_the_background() {
    for fault in [
        refused(ErrorKind::OriginFailed, Some(500)),
        refused(ErrorKind::OriginOverloaded, Some(429)),
        refused(ErrorKind::OriginUnreachable, None),
        refused(ErrorKind::SubrequestLimit, None),
    ] {
        let mut isolate = isolate(json!({}));
        isolate.runtime.set_picture(Err(fault.clone()));
        let lookup = isolate.get("cat.png").unwrap();
        assert_eq!(fields(&lookup), [None, None]);
        assert_eq!(lookup.entry.ttl_s(START_MS), 300, "{fault}");
        let stored = record(&isolate, "cat.png");
        assert!(!stored.as_object().unwrap().contains_key("thumbhash"));

        isolate.runtime.set_picture(Ok(RED));
        isolate.advance(299_000);
        assert_eq!(fields(&isolate.get("cat.png").unwrap()), [None, None]);
        assert_eq!(isolate.runtime.pictures_asked().len(), 1);
        isolate.advance(2_000);
        let stale = isolate.get("cat.png").unwrap();
        assert!(fields(&stale) == [None, None] && stale.entry.ttl_s(stale.now_ms) < 0);
        isolate.advance(0);
        let complete = isolate.get("cat.png").unwrap();
        assert!(color(&complete).is_some(), "{fault}");
        assert_eq!(isolate.runtime.pictures_asked().len(), 2);
    }
}

#[test]
fn error_ttl_sets_a_longer_time() {
    let mut isolate = isolate(json!({ "errorTtl": 1_000 }));
    isolate
        .runtime
        .set_picture(Err(refused(ErrorKind::OriginFailed, Some(503))));
    assert_eq!(isolate.get("cat.png").unwrap().entry.ttl_s(START_MS), 1_000);
}

#[test]
fn metadata_waits_for_its_placeholder_no_longer_than_the_setting_says() {
    let mut isolate = isolate(json!({ "placeholderTimeoutMs": 700 }));
    isolate
        .runtime
        .set_picture(Err(refused(ErrorKind::OriginTimeout, None)));
    let pending = isolate.start("cat.png");
    isolate.advance(700);
    let lookup = isolate.finish(pending).unwrap();
    assert_eq!(
        (lookup.timing.total_ms, fields(&lookup)),
        (700, [None, None])
    );
    assert_eq!(lookup.entry.ttl_s(START_MS + 700), 300);
}

#[test]
fn a_record_from_before_the_setting_is_served_while_its_placeholder_is_made() {
    let mut isolate = isolate(json!({}));
    // Older than both windows of staleness after five minutes, but within its lifetime.
    put_in_kv(&isolate, "metadata:cat.png", 80_000);
    let lookup = isolate.get("cat.png").unwrap();
    assert_eq!((lookup.layer, fields(&lookup)), (Layer::Kv, [None, None]));
    isolate.advance(0);
    assert!(color(&isolate.get("cat.png").unwrap()).is_some());
    assert_eq!(isolate.runtime.origin_fetches(), 1);
}

#[test]
fn pictures_of_files_come_from_the_images_binding_and_without_it_there_are_none() {
    let origins = json!([
        { "prefix": "bucket", "bucket": "IMAGES" },
        { "prefix": "service", "service": "FILES" },
        { "prefix": "header", "url": "https://files.test", "probe": "header" },
    ]);
    let paths = ["bucket/a/b.gif", "service/a/b.gif", "header/a/b.gif"];
    let mut bound = isolate(json!({ "origins": origins.clone(), "imagesBinding": "RESIZER" }));
    bound.runtime.put_object("a/b.gif", Some(&gif(4, 3)));
    for path in paths {
        assert!(color(&bound.get(path).unwrap()).is_some(), "{path}");
    }
    assert_eq!(
        bound.runtime.pictures_asked(),
        [
            "object IMAGES:a/b.gif",
            "file https://service/a/b.gif",
            "file https://files.test/a/b.gif"
        ]
    );
    let mut unbound = isolate(json!({ "origins": origins }));
    unbound.runtime.put_object("a/b.gif", Some(&gif(4, 3)));
    for path in paths {
        let lookup = unbound.get(path).unwrap();
        assert_eq!(fields(&lookup), [None, None], "{path}");
        assert!(lookup.entry.ttl_s(START_MS) > 80_000, "{path}");
    }
    assert_eq!(unbound.runtime.pictures_asked(), [""; 0]);
}

#[test]
fn a_refresh_of_the_same_file_keeps_its_placeholder() {
    let mut isolate = isolate(json!({
        "originUrl": null, "originBucket": "IMAGES", "imagesBinding": "RESIZER", "kvCacheTtl": 60, "memoryCacheTtl": 0,
    }));
    // The fake bucket gives all objects the same entity tag.
    isolate.runtime.put_object("a.gif", Some(&gif(4, 3)));
    isolate.get("a.gif").unwrap();
    isolate.advance(61_000);
    assert!(isolate.get("a.gif").unwrap().entry.ttl_s(START_MS + 61_000) < 0);
    isolate.advance(0);
    let refreshed = isolate.get("a.gif").unwrap();
    assert_eq!(refreshed.entry.age_s(refreshed.now_ms), 0);
    assert_eq!(color(&refreshed).as_deref(), Some("#ff0000"));
    assert_eq!(isolate.runtime.bucket_reads().len(), 2);
    assert_eq!(isolate.runtime.pictures_asked().len(), 1);
    // After a purge, nothing is known.
    isolate.purge("a.gif").unwrap();
    isolate.get("a.gif").unwrap();
    assert_eq!(isolate.runtime.pictures_asked().len(), 2);
}

#[test]
fn images_without_a_binding_get_their_placeholders_once_there_is_one() {
    let settings = json!({ "originUrl": null, "originBucket": "IMAGES", "placeholders": both() });
    let mut isolate = isolate(settings.clone());
    isolate.runtime.put_object("a.gif", Some(&gif(4, 3)));
    let lookup = isolate.get("a.gif").unwrap();
    assert_eq!(fields(&lookup), [None, None]);
    let mut bound = settings;
    bound["imagesBinding"] = json!("RESIZER");
    isolate.restart(bound);
    isolate.advance(301_000);
    isolate.get("a.gif").unwrap();
    isolate.advance(0);
    assert!(color(&isolate.get("a.gif").unwrap()).is_some());
    assert_eq!(isolate.runtime.pictures_asked().len(), 1);
}

#[test]
fn a_picture_that_was_refused_is_asked_for_again_with_the_metadata_also_for_the_same_file() {
    let mut isolate = isolate(json!({
        "originUrl": null, "originBucket": "IMAGES", "imagesBinding": "RESIZER", "kvCacheTtl": 60,
    }));
    isolate.runtime.put_object("a.gif", Some(&gif(4, 3)));
    let fault = refused(ErrorKind::Forbidden, None);
    isolate.runtime.set_picture(Err(fault));
    isolate.get("a.gif").unwrap();
    isolate.runtime.set_picture(Ok(RED));
    isolate.advance(61_000);
    isolate.get("a.gif").unwrap();
    isolate.advance(0);
    assert!(color(&isolate.get("a.gif").unwrap()).is_some());
}

#[test]
fn a_picture_that_fails_for_now_does_not_remove_the_placeholders_of_the_same_file() {
    let fault = refused(ErrorKind::OriginOverloaded, Some(503));
    // A resizer returns no entity tag, but the size of the file.
    let mut isolate = isolate(json!({ "kvCacheTtl": 60 }));
    isolate.runtime.mock_origin([FakeResponse::File(4, 3, 99)]);
    isolate.get("cat.png").unwrap();
    isolate.runtime.set_picture(Err(fault));
    isolate.advance(61_000);
    isolate.get("cat.png").unwrap();
    isolate.advance(0);
    let refreshed = isolate.get("cat.png").unwrap();
    assert_eq!(refreshed.entry.age_s(refreshed.now_ms), 0);
    assert_eq!(color(&refreshed).as_deref(), Some("#ff0000"));
    assert_eq!(isolate.runtime.pictures_asked().len(), 2);
    isolate.runtime.mock_origin([FakeResponse::File(4, 3, 98)]);
    isolate.advance(61_000);
    isolate.get("cat.png").unwrap();
    isolate.advance(0);
    assert_eq!(
        color(&isolate.get("cat.png").unwrap()),
        None,
        "another file"
    );
}

#[test]
fn a_kind_that_is_added_and_fails_for_now_does_not_remove_the_other() {
    let mut settings = json!({
        "originUrl": null, "originBucket": "IMAGES", "imagesBinding": "RESIZER", "placeholders": ["color"],
    });
    let mut isolate = isolate(settings.clone());
    isolate.runtime.put_object("a.gif", Some(&gif(4, 3)));
    isolate.get("a.gif").unwrap();
    settings["placeholders"] = both();
    isolate.restart(settings);
    let fault = refused(ErrorKind::OriginOverloaded, Some(503));
    isolate.runtime.set_picture(Err(fault));
    isolate.advance(301_000);
    isolate.get("a.gif").unwrap();
    isolate.advance(0);
    let refreshed = isolate.get("a.gif").unwrap();
    assert_eq!(fields(&refreshed), [None, Some("#ff0000".into())]);
    assert_eq!(refreshed.entry.ttl_s(refreshed.now_ms), 300);
}

#[test]
fn the_log_and_the_metrics_say_what_became_of_pictures() {
    let mut isolate = isolate(json!({ "logLevel": "debug" }));
    isolate.get("a.png").unwrap();
    let fault = refused(ErrorKind::OriginFailed, Some(500));
    isolate.runtime.set_picture(Err(fault));
    isolate.get("b.png").unwrap();
    isolate
        .runtime
        .set_picture(Err(PictureFault::Unreadable(PngError::NotPng)));
    isolate.get("c.png").unwrap();
    let snapshot = isolate.service.snapshot();
    let family = FAMILIES
        .iter()
        .find(|family| family.name == "pictures_total");
    for series in family.unwrap().series {
        let Read::Counter(read) = series.read else {
            panic!("{} is a counter", series.labels);
        };
        assert_eq!(read(&snapshot), 1, "{}", series.labels);
    }
    let log = isolate.runtime.log();
    let failures = log
        .iter()
        .filter(|line| line.contains("placeholder-failure"));
    let failures: Vec<Value> = failures
        .map(|line| serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap())
        .collect();
    let of = |index: usize, field: &str| failures[index][field].as_str().unwrap().to_owned();
    assert_eq!(
        [of(0, "level"), of(0, "path"), of(0, "cause")],
        ["warn", "b.png", "status 500"]
    );
    assert_eq!(
        [of(1, "level"), of(1, "path"), of(1, "cause")],
        ["debug", "c.png", "not a PNG"]
    );
    assert_eq!(failures.len(), 2);
}

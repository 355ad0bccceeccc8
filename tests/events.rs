//! Messages of the queue: what is purged, what is read again, and which messages are delivered again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod support;

use std::rc::Rc;

use optimized_metadata::lookup::Layer;
use optimized_metadata::queue::{Delivery, Handled, consume};
use optimized_metadata::telemetry::metrics::{EventAction, EventOutcome};
use serde_json::{Value, json};
use support::{FakeResponse, START_MS, TestIsolate, gif};

fn settings() -> Value {
    json!({ "edgeCache": true, "query": ["v"], "originUrl": "https://images.test", "origins": [
        { "prefix": "r2", "bucket": "A", "bucketName": "images" },
        { "prefix": "also/r2", "bucket": "A", "bucketName": "images" },
        { "prefix": "r2/elsewhere", "url": "https://elsewhere.test" },
        { "prefix": "other", "bucket": "B", "bucketName": "archive" },
    ] })
}

fn isolate() -> TestIsolate {
    let isolate = TestIsolate::new(settings());
    isolate.runtime.mock_origin([FakeResponse::Size(4, 3)]);
    isolate.runtime.set_edge_cache(Ok(()));
    isolate
}

fn object(action: &str, bucket: &str, key: &str) -> Value {
    json!({ "action": action, "bucket": bucket, "object": { "key": key } })
}

/// Delivers messages for the `attempts`th time, 7 seconds after they were sent.
fn deliver_again(isolate: &mut TestIsolate, bodies: &[Value], attempts: u32) -> Vec<Handled> {
    let delivery = |body: &Value| Delivery {
        body: body.clone(),
        attempts,
        sent_ms: START_MS - 7_000,
    };
    let deliveries: Vec<_> = bodies.iter().map(delivery).collect();
    let (service, runtime) = (Rc::clone(&isolate.service), isolate.runtime.clone());
    let pending = isolate.spawn(async move { consume(&service, &deliveries, &runtime).await });
    isolate.finish(pending)
}

fn deliver(isolate: &mut TestIsolate, bodies: &[Value]) -> Vec<Handled> {
    deliver_again(isolate, bodies, 1)
}

fn outcomes(handled: &[Handled]) -> Vec<EventOutcome> {
    handled.iter().map(|message| message.outcome).collect()
}

#[test]
fn a_written_object_is_read_again_under_each_prefix_of_its_bucket() {
    let mut isolate = isolate();
    isolate.runtime.put_object("a b.gif", Some(&gif(4, 3)));
    isolate.get("r2/a%20b.gif").unwrap();
    isolate.runtime.put_object("a b.gif", Some(&gif(7, 5)));
    let [handled] = deliver(&mut isolate, &[object("PutObject", "images", "a b.gif")])[..] else {
        panic!("one message");
    };
    let expected = Handled {
        action: EventAction::Write,
        outcome: EventOutcome::Done,
        retry_after_s: None,
        age_s: 7,
    };
    assert_eq!(handled, expected);
    for path in ["r2/a%20b.gif", "also/r2/a%20b.gif"] {
        let lookup = isolate.get(path).unwrap();
        let width = lookup.metadata().dimensions.width();
        assert_eq!((lookup.layer, width), (Layer::Memory, 7), "{path}");
    }
    assert_eq!(isolate.runtime.purged_tags().len(), 2);
    assert!(isolate.runtime.kv_get("metadata:r2/a b.gif").is_some());
}

#[test]
fn a_deleted_object_and_one_that_is_gone_by_now_are_purged() {
    let mut isolate = isolate();
    isolate.runtime.put_object("a.gif", Some(&gif(4, 3)));
    for action in ["DeleteObject", "LifecycleDeletion", "PutObject"] {
        isolate.runtime.put_object("a.gif", Some(&gif(4, 3)));
        isolate.get("r2/a.gif").unwrap();
        isolate.runtime.remove_object("a.gif");
        let reads = isolate.runtime.bucket_reads().len();
        let handled = deliver(&mut isolate, &[object(action, "images", "a.gif")]);
        assert_eq!(outcomes(&handled), [EventOutcome::Done], "{action}");
        assert_eq!(isolate.runtime.kv_get("metadata:r2/a.gif"), None);
        let expected = if action == "PutObject" { 2 } else { 0 };
        assert_eq!(
            isolate.runtime.bucket_reads().len() - reads,
            expected,
            "{action}"
        );
        isolate.get("r2/a.gif").unwrap_err();
        isolate.advance(61_000);
    }
}

#[test]
fn an_object_that_no_origin_reads_costs_nothing() {
    let mut isolate = isolate();
    let bodies = [
        object("PutObject", "unknown", "a.gif"),
        object("DeleteObject", "unknown", "a.gif"),
    ];
    let handled = deliver(&mut isolate, &bodies);
    assert_eq!(outcomes(&handled), [EventOutcome::Done; 2]);
    // A longer prefix has another origin: only the other prefix of the bucket has the object.
    deliver(
        &mut isolate,
        &[object("PutObject", "images", "elsewhere/a.gif")],
    );
    assert_eq!(isolate.runtime.bucket_reads(), ["A:elsewhere/a.gif"]);
    assert_eq!(isolate.runtime.origin_fetches(), 0);
}

#[test]
fn an_origin_without_a_bucket_name_takes_the_events_of_buckets_that_no_other_origin_names() {
    let mut isolate = isolate();
    isolate.restart(json!({ "originBucket": "A", "origins": [
        { "prefix": "named", "bucket": "B", "bucketName": "images" },
    ] }));
    deliver(&mut isolate, &[object("PutObject", "images", "a.gif")]);
    deliver(&mut isolate, &[object("PutObject", "any", "b.gif")]);
    assert_eq!(isolate.runtime.bucket_reads(), ["B:a.gif", "A:b.gif"]);
}

#[test]
fn a_hundred_messages_cost_one_purge_at_the_edge_and_one_read_for_each_object() {
    let mut isolate = isolate();
    let mut bodies = Vec::new();
    for n in 0..50 {
        let key = format!("{n}.gif");
        isolate.runtime.put_object(&key, Some(&gif(4, 3)));
        bodies.push(object("PutObject", "archive", &key));
        bodies.push(object("CopyObject", "archive", &key));
    }
    let handled = deliver(&mut isolate, &bodies);
    assert_eq!(outcomes(&handled), vec![EventOutcome::Done; 100]);
    assert_eq!(isolate.runtime.bucket_reads().len(), 50);
    assert_eq!(isolate.runtime.edge_calls(), 1);
    let (reads, writes, deletions) = isolate.runtime.kv_operations();
    assert_eq!((reads, writes, deletions), (0, 50, 50));
}

#[test]
fn more_than_a_hundred_tags_are_purged_in_several_calls() {
    let mut isolate = isolate();
    let paths: Vec<_> = (0..100).map(|n| format!("{n}.jpg")).collect();
    let bodies = [
        json!({ "action": "purge", "paths": paths }),
        json!({ "action": "purge", "paths": ["a.jpg", "b/*"] }),
    ];
    deliver(&mut isolate, &bodies);
    assert_eq!(isolate.runtime.edge_calls(), 2);
    assert_eq!(isolate.runtime.purged_tags().len(), 102);
}

#[test]
fn paths_and_folders_are_purged_and_not_read() {
    let mut isolate = isolate();
    let paths = ["a.jpg", "b.jpg?v=3", "b.jpg", "c/d.jpg", "e.jpg"];
    for path in paths {
        isolate.get(path).unwrap();
    }
    let fetches = isolate.runtime.origin_fetches();
    let body = json!({ "action": "purge", "paths": ["a.jpg", "b.jpg?v=3", "c/*"] });
    deliver(&mut isolate, &[body]);
    assert_eq!(isolate.runtime.origin_fetches(), fetches);
    let left = paths.map(|path| {
        let key = format!("metadata:{}", path.replace('?', "//?"));
        isolate.runtime.kv_get(&key).is_some()
    });
    assert_eq!(left, [false, false, true, false, true]);
}

#[test]
fn warming_fetches_what_kv_does_not_have_with_one_read_of_kv() {
    let mut isolate = isolate();
    isolate.get("a.jpg").unwrap();
    isolate.restart(settings());
    let (reads, ..) = isolate.runtime.kv_operations();
    let body = json!({ "action": "warm", "paths": ["a.jpg", "b.jpg", "b.jpg?v=3", "*"] });
    let handled = deliver(&mut isolate, &[body.clone(), body]);
    assert_eq!(outcomes(&handled), [EventOutcome::Done; 2]);
    assert_eq!(isolate.runtime.kv_operations().0 - reads, 1);
    let urls = isolate.runtime.origin_urls();
    let last = ["b.jpg", "b.jpg?v=3", "*"].map(|path| format!("https://images.test/{path}"));
    assert_eq!(urls[1..], last);
    assert_eq!(isolate.runtime.edge_calls(), 0);
}

#[test]
fn warming_many_images_leaves_flights_for_clients() {
    let mut isolate = isolate();
    isolate.restart(json!({ "originUrl": "https://images.test", "maxInFlight": 100 }));
    let bodies = [0, 1, 2].map(|message| {
        let paths: Vec<_> = (0..100).map(|n| format!("{message}/{n}.jpg")).collect();
        json!({ "action": "warm", "paths": paths })
    });
    let handled = deliver(&mut isolate, &bodies);
    assert_eq!(outcomes(&handled), [EventOutcome::Done; 3]);
}

#[test]
fn a_purge_of_what_is_also_to_be_warmed_comes_first() {
    let mut isolate = isolate();
    isolate.get("a.jpg").unwrap();
    isolate.runtime.mock_origin([FakeResponse::Size(9, 9)]);
    let bodies = ["warm", "purge"].map(|action| json!({ "action": action, "paths": ["a.jpg"] }));
    deliver(&mut isolate, &bodies);
    let lookup = isolate.get("a.jpg").unwrap();
    assert_eq!(lookup.metadata().dimensions.width(), 9);
    assert_eq!(lookup.layer, Layer::Memory);
}

#[test]
fn only_messages_whose_origin_or_kv_fails_are_delivered_again_each_time_later() {
    let mut isolate = isolate();
    isolate.runtime.put_object("broken.gif", None);
    isolate.runtime.put_object("text.gif", Some(b"text"));
    let bodies = [
        object("PutObject", "archive", "broken.gif"),
        object("PutObject", "archive", "text.gif"),
        object("DeleteObject", "archive", "broken2.gif"),
    ];
    for (attempts, delay_s) in [(1, 10), (2, 20), (4, 80), (7, 600), (100, 600)] {
        let (service, runtime) = (Rc::clone(&isolate.service), isolate.runtime.clone());
        let deliveries = bodies.each_ref().map(|body| Delivery {
            body: body.clone(),
            attempts,
            sent_ms: START_MS,
        });
        let pending = isolate.spawn(async move { consume(&service, &deliveries, &runtime).await });
        isolate.advance(1_000);
        let handled = isolate.finish(pending);
        let delays: Vec<_> = handled
            .iter()
            .map(|message| message.retry_after_s)
            .collect();
        assert_eq!(delays, [Some(delay_s), None, None]);
        isolate.advance(6_000);
    }
    isolate.runtime.set_kv_fails(true);
    let handled = deliver(&mut isolate, &bodies[2..]);
    assert_eq!(outcomes(&handled), [EventOutcome::Retried]);
}

#[test]
fn if_the_edge_refuses_messages_that_purge_are_delivered_again() {
    let mut isolate = isolate();
    isolate.runtime.set_edge_cache(Err("limit".into()));
    let bodies = ["warm", "purge"].map(|action| json!({ "action": action, "paths": [action] }));
    let handled = deliver(&mut isolate, &bodies);
    assert_eq!(
        outcomes(&handled),
        [EventOutcome::Done, EventOutcome::Retried]
    );
}

#[test]
fn a_malformed_message_is_acknowledged_and_logged_once() {
    let mut isolate = isolate();
    let bodies = [
        json!("text"),
        json!({ "action": "purge", "paths": ["a//b"] }),
        json!({ "action": "purge", "paths": ["a?v=/"] }),
        object("PutObject", "images", "a//b.gif"),
        object("PutObject", "images", "../b.gif"),
    ];
    let handled = deliver(&mut isolate, &bodies);
    assert_eq!(outcomes(&handled), [EventOutcome::Malformed; 5]);
    assert!(
        handled
            .iter()
            .all(|message| message.retry_after_s.is_none())
    );
    let log = isolate.runtime.log();
    let lines = log.iter().filter(|line| line.contains("malformed-message"));
    assert_eq!(lines.count(), 5, "{log:?}");
    assert_eq!(isolate.runtime.kv_operations(), (0, 0, 0));
}

#[test]
fn a_key_is_never_percent_decoded() {
    let mut isolate = isolate();
    deliver(
        &mut isolate,
        &[object("PutObject", "archive", "100%25.gif")],
    );
    assert_eq!(isolate.runtime.bucket_reads(), ["B:100%25.gif"]);
}

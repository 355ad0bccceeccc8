//! Tests the service through its public API, on a fake runtime whose clock only the test advances.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

mod support;

use optimized_metadata::lookup::Layer;
use optimized_metadata::origin::error::ErrorKind;
use optimized_metadata::service::ports::Stored;
use serde_json::json;
use support::{FakeResponse, Gate, Outcome, START_MS, TestIsolate, gif, put_in_kv, record};

const KEY: &str = "metadata:cat.jpg";

fn isolate() -> TestIsolate {
    TestIsolate::new(json!({}))
}

fn layer(outcome: &Outcome) -> Layer {
    outcome.as_ref().unwrap().layer
}

fn width(outcome: &Outcome) -> u32 {
    outcome.as_ref().unwrap().metadata().dimensions.width()
}

fn kind(outcome: &Outcome) -> ErrorKind {
    outcome.as_ref().unwrap_err().cause.kind
}

fn ttl_s(outcome: &Outcome) -> i64 {
    let lookup = outcome.as_ref().unwrap();
    lookup.entry.ttl_s(lookup.now_ms)
}

#[test]
fn a_lookup_is_answered_by_the_first_layer_that_has_the_image() {
    let mut isolate = isolate();
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
    let first = isolate.get("cat.jpg");
    assert_eq!(layer(&first), Layer::Origin { stored: true });
    let second = isolate.get("cat.jpg");
    assert_eq!(layer(&second), Layer::Memory);
    isolate.restart(json!({}));
    let third = isolate.get("cat.jpg");
    assert_eq!(layer(&third), Layer::Kv);
    let entries = [&first, &second, &third].map(|outcome| &outcome.as_ref().unwrap().entry);
    assert!(entries.iter().all(|entry| entry.body == entries[0].body));
    assert!(entries.iter().all(|entry| entry.etag == entries[0].etag));
    assert_eq!(isolate.runtime.origin_fetches(), 1);
    assert_eq!(isolate.runtime.kv_operations(), (2, 1, 0));
    let (_, ttl_s) = isolate.runtime.kv_get(KEY).unwrap();
    assert_eq!(ttl_s, 86_400 + 86_400);
}

#[test]
fn a_herd_costs_one_read_one_fetch_and_one_write() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 800, 600)]);
    let herd: Vec<_> = (0..200).map(|_| isolate.start("cat.jpg")).collect();
    open.send(()).unwrap();
    let outcomes: Vec<_> = herd.into_iter().map(|one| isolate.finish(one)).collect();
    assert_eq!(layer(&outcomes[0]), Layer::Origin { stored: true });
    assert!(
        outcomes[1..]
            .iter()
            .all(|one| layer(one) == Layer::InFlight)
    );
    assert_eq!(isolate.runtime.origin_fetches(), 1);
    assert_eq!(isolate.runtime.kv_operations(), (1, 1, 0));
}

#[test]
fn a_herd_on_a_failing_image_costs_two_fetches_and_the_failure_is_cached() {
    let mut isolate = isolate();
    isolate.runtime.mock_origin([FakeResponse::Unreachable]);
    let herd: Vec<_> = (0..200).map(|_| isolate.start("cat.jpg")).collect();
    isolate.advance(100);
    let outcomes: Vec<_> = herd.into_iter().map(|one| isolate.finish(one)).collect();
    assert!(
        outcomes
            .iter()
            .all(|one| kind(one) == ErrorKind::OriginUnreachable)
    );
    assert_eq!(isolate.runtime.origin_fetches(), 2);
    assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::OriginUnreachable);
    assert_eq!(isolate.runtime.origin_fetches(), 2, "cached for errorTtl");
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
    isolate.advance(5_000);
    assert_eq!(width(&isolate.get("cat.jpg")), 800);
}

#[test]
fn a_retry_can_succeed_within_the_deadline_of_the_first_attempt() {
    let mut isolate = isolate();
    isolate
        .runtime
        .mock_origin([FakeResponse::Status(503), FakeResponse::Size(800, 600)]);
    let request = isolate.start("cat.jpg");
    isolate.advance(100);
    assert_eq!(width(&isolate.finish(request)), 800);
    isolate
        .runtime
        .mock_origin([FakeResponse::Status(502), FakeResponse::Timeout]);
    let request = isolate.start("dog.jpg");
    isolate.advance(5_000);
    assert_eq!(kind(&isolate.finish(request)), ErrorKind::OriginTimeout);
}

#[test]
fn a_stale_entry_is_served_while_one_refresh_runs() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 86_400 + 60);
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 900, 600)]);
    for n in 0..50 {
        let stale = isolate.get("cat.jpg");
        assert_eq!(
            (width(&stale), ttl_s(&stale) < 0),
            (800, true),
            "request {n}"
        );
    }
    assert_eq!(
        (
            isolate.runtime.origin_fetches(),
            isolate.runtime.kv_operations().0
        ),
        (1, 1)
    );
    open.send(()).unwrap();
    isolate.advance(0);
    let fresh = isolate.get("cat.jpg");
    assert_eq!((width(&fresh), layer(&fresh)), (900, Layer::Memory));
    assert!(ttl_s(&fresh) > 0);
}

#[test]
fn a_stale_entry_is_served_while_refreshes_fail_until_it_expires() {
    let mut isolate = TestIsolate::new(json!({ "memoryCacheTtl": 86400 }));
    put_in_kv(&isolate, KEY, 86_400 + 3_600 - 10);
    isolate.runtime.mock_origin([FakeResponse::Status(500)]);
    assert_eq!(width(&isolate.get("cat.jpg")), 800);
    assert_eq!(isolate.runtime.origin_fetches(), 1);
    assert_eq!(width(&isolate.get("cat.jpg")), 800);
    assert_eq!(isolate.runtime.origin_fetches(), 1, "the failure is cached");
    isolate.advance(10_000);
    assert_eq!(
        width(&isolate.get("cat.jpg")),
        800,
        "after staleWhileRevalidate"
    );
    assert_eq!(isolate.runtime.origin_fetches(), 2);
    isolate.advance(2 * 86_400_000);
    assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::OriginFailed);
}

#[test]
fn a_404_from_the_origin_overrides_a_stale_entry_and_removes_it() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 86_400 + 7_200);
    isolate.runtime.mock_origin([FakeResponse::Status(404)]);
    assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::NotFound);
    assert_eq!(isolate.runtime.kv_get(KEY), None);
    let remembered = isolate.get("cat.jpg");
    assert_eq!(remembered.unwrap_err().remaining_s, 60);
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    isolate.advance(60_000);
    assert_eq!(width(&isolate.get("cat.jpg")), 900);
}

#[test]
fn a_record_whose_last_fetched_time_is_missing_invalid_or_too_old_is_fetched_again() {
    for (last_fetched, fetches) in [
        (json!(null), 1),
        (json!("yesterday"), 1),
        (json!(0), 1),
        (json!(START_MS + 1_000_000_000), 0),
        (json!(START_MS), 0),
    ] {
        let mut isolate = isolate();
        let mut stored: serde_json::Value = serde_json::from_str(&record(0)).unwrap();
        stored["lastFetched"] = last_fetched.clone();
        isolate
            .runtime
            .kv_put(KEY, Stored::Metadata(stored.to_string()));
        isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
        let outcome = isolate.get("cat.jpg");
        assert_eq!(isolate.runtime.origin_fetches(), fetches, "{last_fetched}");
        let lookup = outcome.unwrap();
        assert_eq!(lookup.entry.age_s(lookup.now_ms), 0, "{last_fetched}");
    }
}

#[test]
fn a_follower_takes_over_when_its_leader_is_lost() {
    let mut isolate = isolate();
    isolate.runtime.set_leaders_lost(true);
    let herd: Vec<_> = (0..20).map(|_| isolate.start("cat.jpg")).collect();
    isolate.runtime.set_leaders_lost(false);
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
    isolate.advance(6_500);
    for one in herd {
        assert_eq!(width(&isolate.finish(one)), 800);
    }
    assert_eq!(isolate.runtime.origin_fetches(), 1);
}

#[test]
fn a_request_times_out_when_every_leader_is_lost() {
    let mut isolate = isolate();
    isolate.runtime.set_leaders_lost(true);
    let request = isolate.start("cat.jpg");
    isolate.advance(13_000);
    assert_eq!(kind(&isolate.finish(request)), ErrorKind::OriginTimeout);
}

#[test]
fn a_kv_failure_or_timeout_is_a_miss() {
    let mut isolate = isolate();
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
    isolate.runtime.set_kv_fails(true);
    assert_eq!(width(&isolate.get("cat.jpg")), 800);
    assert_eq!(width(&isolate.get("dog.jpg")), 800);
    assert_eq!(
        isolate.runtime.log().len(),
        2,
        "once for reads, once for writes"
    );
    isolate.runtime.set_kv_hangs(true);
    let request = isolate.start("cow.jpg");
    isolate.advance(500);
    assert_eq!(width(&isolate.finish(request)), 800);
    assert_eq!(isolate.runtime.log().len(), 3);
}

#[test]
fn an_entry_older_than_the_memory_ttl_is_served_when_kv_and_the_origin_fail() {
    let mut isolate = isolate();
    isolate
        .runtime
        .mock_origin([FakeResponse::Size(800, 600), FakeResponse::Status(500)]);
    isolate.get("cat.jpg").unwrap();
    isolate.advance(301_000);
    isolate.runtime.set_kv_fails(true);
    let stale = isolate.get("cat.jpg");
    assert_eq!((width(&stale), layer(&stale)), (800, Layer::Memory));
    assert_eq!(isolate.runtime.origin_fetches(), 2);
}

#[test]
fn an_entry_in_memory_is_checked_against_kv_after_the_memory_ttl() {
    let mut isolate = isolate();
    isolate
        .runtime
        .mock_origin([FakeResponse::Size(800, 600), FakeResponse::Size(900, 600)]);
    isolate.get("cat.jpg").unwrap();
    isolate.advance(299_000);
    put_in_kv(&isolate, KEY, 0);
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Memory);
    isolate.advance(1_000);
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
}

#[test]
fn at_the_in_flight_limit_only_followers_are_served() {
    let mut isolate = TestIsolate::new(json!({ "maxInFlight": 2 }));
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 800, 600)]);
    let running = ["a", "b", "a", "b"].map(|path| isolate.start(path));
    let refused = isolate.get("c");
    assert_eq!(kind(&refused), ErrorKind::Overloaded);
    assert_eq!(refused.unwrap_err().cause.retry_after_s, Some(1));
    open.send(()).unwrap();
    for one in running {
        assert_eq!(width(&isolate.finish(one)), 800);
    }
    assert_eq!(
        isolate.runtime.origin_urls(),
        ["https://images.test/a", "https://images.test/b"]
    );
    assert_eq!(width(&isolate.get("c")), 800);
}

#[test]
fn without_caching_every_request_is_fetched_but_concurrent_ones_share_a_fetch() {
    let mut isolate = TestIsolate::new(json!({ "cacheEnabled": false }));
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 800, 600)]);
    let herd: Vec<_> = (0..20).map(|_| isolate.start("cat.jpg")).collect();
    open.send(()).unwrap();
    let outcomes: Vec<_> = herd.into_iter().map(|one| isolate.finish(one)).collect();
    assert_eq!(layer(&outcomes[0]), Layer::Origin { stored: false });
    assert_eq!(isolate.runtime.origin_fetches(), 1);
    isolate.get("cat.jpg").unwrap();
    assert_eq!(isolate.runtime.origin_fetches(), 2);
    assert_eq!(isolate.runtime.kv_operations(), (0, 0, 0));
}

#[test]
fn a_record_of_the_previous_version_is_served_and_rewritten_only_when_it_is_stale() {
    let mut isolate = isolate();
    isolate
        .runtime
        .kv_put(KEY, Stored::Value(record(START_MS - 1_000)));
    let outcome = isolate.get("cat.jpg");
    assert_eq!((layer(&outcome), width(&outcome)), (Layer::Kv, 800));
    // A fresh record is not rewritten: KV may still serve it from its cache after another isolate has purged it,
    // and a write would restore it.
    assert_eq!(isolate.runtime.kv_operations(), (1, 0, 0));
    let stale = record(START_MS - 86_401_000);
    isolate.runtime.kv_put(KEY, Stored::Value(stale));
    isolate.restart(json!({}));
    isolate.runtime.mock_origin([FakeResponse::Size(80, 60)]);
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
    isolate.advance(0);
    let Some((Stored::Metadata(rewritten), ttl_s)) = isolate.runtime.kv_get(KEY) else {
        panic!("not rewritten");
    };
    assert!(rewritten.contains(&format!("\"lastFetched\":{START_MS}")));
    assert_eq!(ttl_s, 2 * 86_400);
}

#[test]
fn a_malformed_record_is_a_miss_that_is_logged_and_overwritten() {
    let mut isolate = isolate();
    isolate
        .runtime
        .kv_put(KEY, Stored::Metadata("{\"width\":\"wide\"}".into()));
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    assert_eq!(width(&isolate.get("cat.jpg")), 900);
    let log = isolate.runtime.log();
    assert_eq!(
        log,
        [
            r#"{"event":"malformed-record","level":"warn","path":"cat.jpg","reason":"dimensions missing or malformed"}"#
        ]
    );
    let Some((Stored::Metadata(rewritten), _)) = isolate.runtime.kv_get(KEY) else {
        panic!("not overwritten");
    };
    assert!(rewritten.contains("\"width\":900"));
}

#[test]
fn a_write_that_finishes_after_a_purge_is_deleted() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
    isolate.runtime.gate_kv_writes(gate);
    isolate.get("cat.jpg").unwrap();
    isolate.purge("cat.jpg").unwrap();
    open.send(()).unwrap();
    isolate.advance(0);
    assert_eq!(isolate.runtime.kv_operations(), (1, 1, 2));
    assert_eq!(isolate.runtime.kv_get(KEY), None);
}

#[test]
fn a_stale_record_purged_during_its_read_is_not_cached_or_refreshed() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 86_400 + 60);
    let (gate, open) = Gate::new();
    isolate.runtime.gate_kv_reads(gate);
    isolate.runtime.mock_origin([FakeResponse::Status(500)]);
    let before = isolate.start("cat.jpg");
    isolate.purge("cat.jpg").unwrap();
    open.send(()).unwrap();
    assert_eq!(width(&isolate.finish(before)), 800);
    assert_eq!(
        isolate.runtime.origin_fetches(),
        0,
        "a purged record is not refreshed"
    );
    assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::OriginFailed);
}

#[test]
fn a_purge_returns_an_error_when_kv_fails() {
    let mut isolate = isolate();
    isolate.runtime.set_kv_fails(true);
    isolate.purge("cat.jpg").unwrap_err();
    isolate.runtime.set_kv_fails(false);
    isolate.purge("cat.jpg").unwrap();
}

#[test]
fn a_batch_costs_one_kv_read_and_one_fetch_per_missing_image() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 0);
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    isolate.get("known").unwrap();
    let batch = isolate.start_batch(&["cat.jpg", "a", "known", "b", "a", "cat.jpg"]);
    let outcomes = isolate.finish(batch);
    let widths: Vec<_> = outcomes.iter().map(width).collect();
    assert_eq!(widths, [800, 900, 900, 900, 900, 800]);
    assert_eq!(layer(&outcomes[2]), Layer::Memory);
    assert_eq!(layer(&outcomes[5]), Layer::Kv);
    assert_eq!(isolate.runtime.kv_operations(), (2, 3, 0));
    assert_eq!(isolate.runtime.origin_fetches(), 3);
}

#[test]
fn a_batch_fetches_six_images_at_a_time() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 900, 600)]);
    let paths: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let batch = isolate.start_batch(&paths);
    assert_eq!(isolate.runtime.origin_fetches(), 6);
    // A single request does not wait for the batch's queue.
    let alone = isolate.start("19");
    assert_eq!(isolate.runtime.origin_fetches(), 7);
    open.send(()).unwrap();
    assert!(isolate.finish(batch).iter().all(|one| width(one) == 900));
    let alone = isolate.finish(alone);
    assert_eq!(layer(&alone), Layer::Origin { stored: true });
    assert_eq!(isolate.runtime.origin_fetches(), 20);
    assert_eq!(isolate.runtime.kv_operations().1, 20);
}

#[test]
fn a_follower_takes_over_from_a_lost_batch_leader_after_the_usual_timeout() {
    let mut isolate = isolate();
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    isolate.runtime.set_leaders_lost(true);
    let _batch = isolate.start_batch(&["a", "b"]);
    let alone = isolate.start("a");
    isolate.runtime.set_leaders_lost(false);
    // kvTimeoutMs + originTimeoutMs + 1 s.
    isolate.advance(6_500);
    assert_eq!(width(&isolate.finish(alone)), 900);
}

#[test]
fn a_batch_joins_flights_that_are_in_progress() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 900, 600)]);
    let leader = isolate.start("a");
    let batch = isolate.start_batch(&["a", "b"]);
    open.send(()).unwrap();
    let outcomes = isolate.finish(batch);
    assert_eq!(layer(&outcomes[0]), Layer::InFlight);
    assert_eq!(
        layer(&isolate.finish(leader)),
        Layer::Origin { stored: true }
    );
    assert_eq!(isolate.runtime.origin_fetches(), 2);
}

#[test]
fn queued_images_of_a_batch_fail_as_overloaded_when_the_queue_does_not_advance() {
    let mut isolate = TestIsolate::new(json!({ "originTimeoutMs": 10_000 }));
    isolate.runtime.mock_origin([FakeResponse::Timeout]);
    let paths: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let batch = isolate.start_batch(&paths);
    isolate.advance(20_000);
    let outcomes = isolate.finish(batch);
    let timed_out = outcomes
        .iter()
        .filter(|one| kind(one) == ErrorKind::OriginTimeout)
        .count();
    let overloaded = outcomes
        .iter()
        .filter(|one| kind(one) == ErrorKind::Overloaded)
        .count();
    assert_eq!((timed_out, overloaded), (12, 8));
    assert_eq!(isolate.runtime.origin_fetches(), 12);
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    assert_eq!(
        width(&isolate.get("19")),
        900,
        "an image that was never fetched has no cached failure"
    );
}

#[test]
fn a_folder_is_purged_page_by_page() {
    let mut isolate = isolate();
    for n in 0..150 {
        let key = format!("metadata:a/{n:03}");
        isolate
            .runtime
            .kv_put(&key, Stored::Metadata(record(START_MS)));
    }
    isolate
        .runtime
        .kv_put("metadata:ab", Stored::Metadata(record(START_MS)));
    isolate.get("a/000").unwrap();
    isolate.get("ab").unwrap();
    let first = isolate.purge_below(Some("a"), None).unwrap();
    assert_eq!(first.count, 100);
    let second = isolate
        .purge_below(Some("a"), first.cursor.as_deref())
        .unwrap();
    assert_eq!((second.count, second.cursor), (50, None));
    assert_eq!(isolate.purge_below(Some("a"), None).unwrap().count, 0);
    assert_eq!(layer(&isolate.get("ab")), Layer::Memory);
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    assert_eq!(layer(&isolate.get("a/000")), Layer::Origin { stored: true });
    assert_eq!(isolate.purge_below(None, None).unwrap().count, 2);
}

#[test]
fn the_bucket_is_read_before_the_origin() {
    let mut isolate = TestIsolate::new(json!({ "originBucket": "IMAGES" }));
    let runtime = isolate.runtime.clone();
    runtime.mock_origin([FakeResponse::Size(800, 600)]);
    runtime.put_object("cat.gif", Some(&gif(4, 3)));
    let in_bucket = isolate.get("cat.gif");
    assert_eq!(width(&in_bucket), 4);
    assert_eq!(layer(&in_bucket), Layer::Origin { stored: true });
    assert_eq!(runtime.origin_fetches(), 0);
    assert_eq!(width(&isolate.get("dog.gif")), 800);
    assert_eq!(runtime.bucket_reads(), ["IMAGES:cat.gif", "IMAGES:dog.gif"]);
    assert_eq!(runtime.origin_fetches(), 1);
}

#[test]
fn a_failing_bucket_is_retried_without_falling_back_to_the_origin() {
    let mut isolate = TestIsolate::new(json!({ "originBucket": "IMAGES" }));
    let runtime = isolate.runtime.clone();
    runtime.put_object("cat.gif", None);
    let pending = isolate.start("cat.gif");
    isolate.advance(100);
    let outcome = isolate.finish(pending);
    assert_eq!(kind(&outcome), ErrorKind::OriginUnreachable);
    assert_eq!(
        (runtime.bucket_reads().len(), runtime.origin_fetches()),
        (2, 0)
    );
}

/// Returns an isolate with an entry in memory that is older than `memoryCacheTtl`, and a failing origin.
fn failing_with_an_old_entry() -> TestIsolate {
    let mut isolate = isolate();
    isolate
        .runtime
        .mock_origin([FakeResponse::Size(800, 600), FakeResponse::Status(500)]);
    isolate.get("cat.jpg").unwrap();
    isolate.advance(400_000);
    isolate
}

/// Returns an isolate with a record in KV that may be served only if the origin fails, and a failing origin.
fn failing_with_an_old_record(settings: serde_json::Value) -> TestIsolate {
    let isolate = TestIsolate::new(settings);
    put_in_kv(&isolate, KEY, 86_400 + 7_200);
    isolate.runtime.mock_origin([FakeResponse::Status(500)]);
    isolate
}

#[test]
fn without_memory_a_stale_record_of_kv_is_served_while_the_origin_fails() {
    let mut isolate = failing_with_an_old_record(json!({ "memoryCacheTtl": 0 }));
    for _ in 0..3 {
        let outcome = isolate.get("cat.jpg");
        assert_eq!((layer(&outcome), width(&outcome)), (Layer::Kv, 800));
    }
    // The failure is cached for errorTtl; KV is read each time.
    assert_eq!(isolate.runtime.origin_fetches(), 1);
    assert_eq!(isolate.runtime.kv_operations(), (3, 0, 0));
    isolate.advance(5_000);
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
    assert_eq!(isolate.runtime.origin_fetches(), 2);
}

#[test]
fn without_memory_a_stale_record_of_kv_is_served_while_its_refresh_fails() {
    let mut isolate = TestIsolate::new(json!({ "memoryCacheTtl": 0 }));
    put_in_kv(&isolate, KEY, 86_400 + 60);
    isolate.runtime.mock_origin([FakeResponse::Status(500)]);
    for _ in 0..3 {
        assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
    }
    assert_eq!(isolate.runtime.origin_fetches(), 1);
}

#[test]
fn while_the_origin_fails_a_stale_record_evicted_from_memory_is_read_from_kv_again() {
    let mut isolate = failing_with_an_old_record(json!({ "memoryCacheSize": 1 }));
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
    let other = record(START_MS);
    isolate
        .runtime
        .kv_put("metadata:other.jpg", Stored::Metadata(other));
    isolate.get("other.jpg").unwrap();
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
    assert_eq!(isolate.runtime.origin_fetches(), 1);
}

#[test]
fn while_the_origin_fails_a_stale_record_purged_by_another_isolate_is_not_served() {
    let mut isolate = failing_with_an_old_record(json!({ "memoryCacheTtl": 0 }));
    assert_eq!(layer(&isolate.get("cat.jpg")), Layer::Kv);
    isolate.runtime.kv_remove(KEY);
    for _ in 0..2 {
        assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::OriginFailed);
    }
    assert_eq!(isolate.runtime.origin_fetches(), 1);
    // The second look-up finds the failure in memory.
    assert_eq!(isolate.runtime.kv_operations().0, 2);
}

#[test]
fn an_entry_older_than_the_memory_ttl_is_not_served_when_kv_no_longer_has_its_record() {
    let mut isolate = failing_with_an_old_entry();
    isolate.runtime.kv_remove(KEY);
    for _ in 0..3 {
        assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::OriginFailed);
    }
    isolate.advance(5_000);
    assert_eq!(kind(&isolate.get("cat.jpg")), ErrorKind::OriginFailed);
}

#[test]
fn the_entry_in_memory_is_the_fallback_when_the_record_in_kv_is_malformed() {
    let mut isolate = failing_with_an_old_entry();
    isolate
        .runtime
        .kv_put(KEY, Stored::Metadata("{\"width\":\"wide\"}".into()));
    for _ in 0..2 {
        let outcome = isolate.get("cat.jpg");
        assert_eq!((layer(&outcome), width(&outcome)), (Layer::Memory, 800));
    }
}

#[test]
fn the_newer_of_the_memory_and_kv_entries_is_the_fallback() {
    let mut isolate = isolate();
    isolate
        .runtime
        .mock_origin([FakeResponse::Size(80, 60), FakeResponse::Status(500)]);
    isolate.get("cat.jpg").unwrap();
    isolate.advance(86_400_000 + 7_200_000);
    // KV still has a record that was fetched an hour before the entry in memory.
    put_in_kv(&isolate, KEY, 3_600);
    let outcome = isolate.get("cat.jpg");
    assert_eq!((layer(&outcome), width(&outcome)), (Layer::Memory, 80));
}

#[test]
fn a_write_that_finishes_after_a_purge_does_not_overwrite_the_next_record() {
    let mut isolate = isolate();
    isolate
        .runtime
        .mock_origin([FakeResponse::Size(800, 600), FakeResponse::Size(80, 60)]);
    let (gate, open) = Gate::new();
    isolate.runtime.gate_kv_writes(gate);
    isolate.get("cat.jpg").unwrap();
    isolate.purge("cat.jpg").unwrap();
    assert_eq!(width(&isolate.get("cat.jpg")), 80);
    open.send(()).unwrap();
    isolate.advance(0);
    let Some((Stored::Metadata(record), _)) = isolate.runtime.kv_get(KEY) else {
        panic!("the newer record is gone");
    };
    assert!(record.contains("\"width\":80"), "{record}");
}

#[test]
fn a_request_that_lost_its_leader_does_not_serve_an_entry_purged_during_its_wait() {
    let mut isolate = failing_with_an_old_entry();
    isolate.runtime.unbind_kv();
    isolate.runtime.set_leaders_lost(true);
    let waiting = isolate.start("cat.jpg");
    isolate.purge("cat.jpg").unwrap();
    isolate.runtime.set_leaders_lost(false);
    isolate.advance(6_500);
    assert_eq!(kind(&isolate.finish(waiting)), ErrorKind::OriginFailed);
}

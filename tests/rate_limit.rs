//! Tests what a client is charged for, and what it gets when it has exceeded the rate limit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

mod support;

use optimized_metadata::lookup::Layer;
use optimized_metadata::origin::error::ErrorKind;
use optimized_metadata::service::ports::Charge;
use serde_json::json;
use support::{FakeResponse, Gate, Outcome, TestIsolate, put_in_kv};

const KEY: &str = "metadata:cat.jpg";

fn isolate() -> TestIsolate {
    let isolate = TestIsolate::new(json!({}));
    isolate.runtime.mock_origin([FakeResponse::Size(900, 600)]);
    isolate
}

fn width(outcome: &Outcome) -> u32 {
    outcome.as_ref().unwrap().metadata().dimensions.width()
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Err(error) if error.cause.kind == ErrorKind::RateLimited)
}

#[test]
fn a_fetch_is_charged_once_and_a_hit_in_memory_or_kv_is_free() {
    let mut isolate = isolate();
    assert_eq!(width(&isolate.get("cat.jpg")), 900);
    assert_eq!(isolate.runtime.charges(), [Charge::Origin]);
    isolate.get("cat.jpg").unwrap();
    isolate.restart(json!({}));
    assert_eq!(isolate.get("cat.jpg").unwrap().layer, Layer::Kv);
    assert_eq!(isolate.runtime.charges(), []);
}

#[test]
fn a_background_refresh_is_free() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 86_400 + 60);
    assert_eq!(width(&isolate.get("cat.jpg")), 800);
    assert_eq!(width(&isolate.get("cat.jpg")), 900, "refreshed");
    isolate.advance(86_400_000);
    isolate.get("cat.jpg").unwrap();
    assert_eq!(isolate.runtime.origin_fetches(), 2, "refreshed from memory");
    assert_eq!(isolate.runtime.charges(), []);
}

#[test]
fn followers_of_an_admitted_leader_are_free() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate
        .runtime
        .mock_origin([FakeResponse::Gated(gate, 900, 600)]);
    let herd: Vec<_> = (0..20).map(|_| isolate.start("cat.jpg")).collect();
    open.send(()).unwrap();
    for one in herd {
        assert_eq!(width(&isolate.finish(one)), 900);
    }
    assert_eq!(isolate.runtime.charges(), [Charge::Origin]);
}

#[test]
fn a_refused_request_does_not_reach_the_origin_and_its_error_is_not_cached() {
    let mut isolate = isolate();
    isolate.runtime.set_admissions([Ok(false), Ok(true)]);
    let refused = isolate.get("cat.jpg").unwrap_err();
    assert_eq!(refused.cause.kind, ErrorKind::RateLimited);
    assert_eq!(
        (refused.cause.retry_after_s, refused.remaining_s),
        (Some(60), 0)
    );
    assert_eq!(isolate.runtime.origin_fetches(), 0);
    assert_eq!(
        isolate.runtime.log(),
        [""; 0],
        "a flood does not fill the log"
    );
    assert_eq!(width(&isolate.get("cat.jpg")), 900);
}

#[test]
fn followers_of_a_refused_leader_are_charged_themselves_and_share_one_fetch() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate.runtime.gate_kv_reads(gate);
    isolate.runtime.set_admissions([Ok(false), Ok(true)]);
    let herd: Vec<_> = (0..20).map(|_| isolate.start("cat.jpg")).collect();
    open.send(()).unwrap();
    isolate.advance(0);
    let outcomes: Vec<_> = herd.into_iter().map(|one| isolate.finish(one)).collect();
    assert!(is_refused(&outcomes[0]));
    assert!(outcomes[1..].iter().all(|one| width(one) == 900));
    assert_eq!(isolate.runtime.charges().len(), 20);
    assert_eq!(isolate.runtime.origin_fetches(), 1);
}

#[test]
fn many_refused_requests_for_an_image_do_not_hold_up_an_admitted_one() {
    let mut isolate = isolate();
    let (gate, open) = Gate::new();
    isolate.runtime.gate_kv_reads(gate);
    let admissions = (0..50).map(|n| Ok(n == 49));
    isolate.runtime.set_admissions(admissions);
    let herd: Vec<_> = (0..50).map(|_| isolate.start("cat.jpg")).collect();
    open.send(()).unwrap();
    isolate.advance(0);
    let outcomes: Vec<_> = herd.into_iter().map(|one| isolate.finish(one)).collect();
    let refused = outcomes.iter().filter(|one| is_refused(one)).count();
    assert_eq!((refused, isolate.runtime.charges().len()), (49, 50));
    assert_eq!(isolate.runtime.origin_fetches(), 1);
}

#[test]
fn a_refused_request_gets_a_stale_record_if_there_is_one() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 86_400 + 7_200);
    isolate.runtime.set_admissions([Ok(false)]);
    assert_eq!(width(&isolate.get("cat.jpg")), 800);
    assert_eq!(isolate.runtime.origin_fetches(), 0);
}

#[test]
fn a_batch_is_charged_for_each_image_that_it_fetches() {
    let mut isolate = isolate();
    put_in_kv(&isolate, KEY, 60);
    let admissions = [Ok(true), Ok(true), Ok(false)];
    isolate.runtime.set_admissions(admissions);
    let batch = isolate.start_batch(&["a", "b", "cat.jpg", "c", "d", "a"]);
    let outcomes = isolate.finish(batch);
    let refused: Vec<bool> = outcomes.iter().map(is_refused).collect();
    assert_eq!(refused, [false, false, false, true, true, false]);
    assert_eq!(isolate.runtime.charges().len(), 4);
    assert_eq!(isolate.runtime.origin_fetches(), 2);
}

#[test]
fn a_rate_limit_that_fails_admits_the_request_and_is_logged() {
    let mut isolate = isolate();
    isolate.runtime.set_admissions([Err("broken".into())]);
    assert_eq!(width(&isolate.get("cat.jpg")), 900);
    assert_eq!(width(&isolate.get("dog.jpg")), 900);
    assert_eq!(
        isolate.runtime.log(),
        [r#"{"cause":"broken","event":"rate-limit-fault","level":"warn"}"#]
    );
}

#[test]
fn a_refused_follower_does_not_serve_an_entry_that_was_purged_elsewhere() {
    let mut isolate = isolate();
    isolate.get("cat.jpg").unwrap();
    isolate.runtime.kv_remove(KEY);
    isolate.advance(301_000);
    let (gate, open) = Gate::new();
    isolate.runtime.gate_kv_reads(gate);
    isolate.runtime.set_admissions([Ok(false)]);
    let (leader, follower) = (isolate.start("cat.jpg"), isolate.start("cat.jpg"));
    open.send(()).unwrap();
    assert!(is_refused(&isolate.finish(leader)));
    assert!(is_refused(&isolate.finish(follower)));
}

//! Tests the parts of `npm run simulate`, and that its model of L1 agrees with the core.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

#[allow(dead_code)] // the tests use only parts of it
#[path = "../benches/simulate/main.rs"]
mod simulate;

use std::rc::Rc;

use serde_json::json;
use simulate::model::{Model, Order};
use simulate::scenario::Scenario;
use simulate::store::{MAX_DELAY_MS, MISSING_MS, Store, Value};
use simulate::trace::{Shape, Trace, Zipf};

#[test]
fn the_popularity_of_images_follows_the_zipf_distribution() {
    const DRAWS: u32 = 100_000;
    for exponent in [0.8, 1.0, 1.2] {
        let zipf = Zipf::new(exponent, 1_000);
        let total: f64 = (0..1_000).map(|image| zipf.share(image)).sum();
        assert!((total - 1.0).abs() < 1e-9);
        let ratio = zipf.share(0) / zipf.share(9);
        assert!((ratio - 10_f64.powf(exponent)).abs() < 1e-6);

        let mut drawn = vec![0_u32; 1_000];
        let trace = Trace::new(Shape::Zipf(exponent), 1_000, 1.0, 1);
        for arrival in trace.take(DRAWS as usize) {
            drawn[arrival.image as usize] += 1;
        }
        for image in [0, 1, 9, 99] {
            let expected = zipf.share(image) * f64::from(DRAWS);
            let off = f64::from(drawn[image as usize]) - expected;
            assert!(off.abs() < 5.0 * expected.sqrt(), "{exponent} {image}");
        }
    }
}

#[test]
fn half_of_a_scan_heavy_trace_requests_all_images_in_order() {
    let mut trace = Trace::new(Shape::Scan, 100, 10.0, 1);
    let total: f64 = (0..100).map(|image| trace.rate_per_ms(image)).sum();
    assert!((total - 0.01).abs() < 1e-9);
    let mut requested = vec![false; 100];
    let mut last_ms = 0;
    for arrival in trace.by_ref().take(400) {
        requested[arrival.image as usize] = true;
        last_ms = arrival.at_ms;
    }
    assert!(requested.into_iter().all(|requested| requested));
    assert!(
        (30_000..50_000).contains(&last_ms),
        "ten requests per second"
    );
}

#[test]
fn the_lru_model_agrees_with_the_core_on_every_request() {
    let outcome = Scenario {
        mean_life_s: 100,
        warm_up_s: 0,
        measured_s: 200,
        settings: json!({ "memoryCacheSize": 200, "memoryCacheTtl": 60 }),
        // No record becomes stale, so there are no background refreshes.
        kv_begins_empty: true,
        ..Scenario::new(Shape::Zipf(1.0), 10_000, 3)
    }
    .run();
    let answers = outcome.answers;
    assert_eq!(answers.disagreements, 0);
    assert_eq!(answers.models.lru, answers.memory);
    assert!(answers.models.unbounded > answers.memory, "L1 was full");
    assert!(answers.memory > answers.models.fifo);
    assert_eq!(outcome.kv_reads, answers.requests - answers.memory);
    assert_eq!(outcome.origin_fetches, answers.origin);
    assert_eq!(outcome.kv_writes, answers.origin);
}

#[test]
fn a_run_is_deterministic() {
    let scenario = Scenario {
        warm_up_s: 10,
        measured_s: 20,
        ..Scenario::new(Shape::Scan, 10_000, 30)
    };
    assert_eq!(scenario.run(), scenario.run());
}

#[test]
fn fifo_evicts_a_recently_read_entry_and_lru_does_not() {
    for (order, is_hit) in [(Order::Fifo, false), (Order::Lru, true)] {
        let mut cache = Model::new(order, 2, 1, 1_000);
        for image in [0, 1, 0, 2] {
            cache.ask(image, 0);
        }
        assert_eq!(cache.ask(0, 0), is_hit);
    }
}

#[test]
fn an_entry_of_a_model_expires_after_the_ttl() {
    let mut cache = Model::new(Order::Fifo, usize::MAX, 1, 1_000);
    let hits = [0, 999, 1_000, 1_999].map(|now_ms| cache.ask(0, now_ms));
    assert_eq!(hits, [false, true, false, true]);
}

#[test]
fn a_write_reaches_other_locations_later() {
    let value = |json: &str, expires_ms| Value {
        json: json.into(),
        expires_ms,
    };
    let mut store = Store::new(300_000, 1);
    let read = |store: &mut Store, location, now_ms| -> Option<Rc<str>> {
        store.read(location, 0, now_ms, || None)
    };
    assert_eq!(read(&mut store, 0, 0), None);
    assert_eq!(read(&mut store, 1, 0), None);
    store.write(0, 0, 0, value("a", 1_000_000));
    assert_eq!(read(&mut store, 0, 0).as_deref(), Some("a"));
    assert_eq!(
        read(&mut store, 1, MISSING_MS - 1),
        None,
        "cached as missing"
    );
    assert_eq!(read(&mut store, 1, MAX_DELAY_MS).as_deref(), Some("a"));

    store.write(0, 0, 100_000, value("b", 1_000_000));
    assert_eq!(read(&mut store, 1, 359_999).as_deref(), Some("a"), "cached");
    assert_eq!(read(&mut store, 1, 360_000).as_deref(), Some("b"));
    assert_eq!(read(&mut store, 1, 1_000_000), None, "expired");
}

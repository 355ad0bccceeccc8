//! Tests that each event changes its own counters, and no others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

mod support;

use std::collections::BTreeMap;

use optimized_metadata::service::ports::Stored;
use optimized_metadata::telemetry::families::{FAMILIES, Read};
use serde_json::{Value, json};
use support::{FakeResponse, Gate, START_MS, TestIsolate, put_in_kv};

/// Runs the requests of a case.
type Scenario = fn(&mut TestIsolate);

/// A description, the settings, the requests, and the counters that they change.
type Case = (
    &'static str,
    Value,
    Scenario,
    &'static [(&'static str, u64)],
);

/// Returns all numbers other than 0, except for histograms and the capacity of memory.
fn numbers(isolate: &TestIsolate) -> BTreeMap<String, u64> {
    let now = isolate.service.snapshot();
    let mut numbers = BTreeMap::new();
    for series in FAMILIES.iter().flat_map(|family| family.series) {
        let number = match series.read {
            Read::Counter(read) | Read::Gauge(read) => read(&now),
            Read::Histogram(..) => 0,
            Read::Problems => now.metrics.problems().map(|(_, number)| number).sum(),
        };
        if number > 0 && series.path != ["capacity"] {
            numbers.insert(series.path.join("."), number);
        }
    }
    numbers
}

fn mock_origin(isolate: &TestIsolate) {
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
}

fn is_in_memory(isolate: &TestIsolate) -> bool {
    let now_ms = START_MS;
    isolate
        .service
        .metadata_in_memory("metadata:a", now_ms)
        .is_some()
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn each_event_changes_only_its_own_counters() {
    let cases: [Case; 21] = [
        ("nothing", json!({}), |_| {}, &[]),
        (
            "a miss",
            json!({}),
            |isolate| {
                mock_origin(isolate);
                isolate.get("a").unwrap();
            },
            &[
                ("answers.origin", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.misses", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
        (
            "a hit in KV, then one in memory",
            json!({}),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 0);
                isolate.get("a").unwrap();
                isolate.get("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("answers.memory", 1),
                ("layers.memory.misses", 1),
                ("layers.memory.hits", 1),
                ("layers.kv.hits", 1),
                ("kv.reads", 1),
                ("entries", 1),
            ],
        ),
        (
            "look-ups on the memory fast path, before and after a full look-up",
            json!({}),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 0);
                assert!(!is_in_memory(isolate));
                isolate.get("a").unwrap();
                assert!(is_in_memory(isolate));
            },
            &[
                ("answers.kv", 1),
                ("answers.memory", 1),
                ("layers.memory.misses", 1),
                ("layers.memory.hits", 1),
                ("layers.kv.hits", 1),
                ("kv.reads", 1),
                ("entries", 1),
            ],
        ),
        (
            "concurrent requests for one image",
            json!({}),
            |isolate| {
                let (gate, open) = Gate::new();
                let answer = FakeResponse::Gated(gate, 800, 600);
                isolate.runtime.mock_origin([answer]);
                let requests: Vec<_> = (0..20).map(|_| isolate.start("a")).collect();
                assert_eq!(numbers(isolate)["inFlight"], 1);
                open.send(()).unwrap();
                for request in requests {
                    isolate.finish(request).unwrap();
                }
            },
            &[
                ("answers.origin", 1),
                ("answers.inflight", 19),
                ("coalesced", 19),
                ("layers.memory.misses", 20),
                ("layers.kv.misses", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
        (
            "a stale record in KV",
            json!({}),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 86_400 + 60);
                mock_origin(isolate);
                isolate.get("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("stale", 1),
                ("refreshes", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.hits", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
        (
            "a stale record in memory, and the same record in KV",
            json!({ "memoryCacheTtl": 86_400, "staleWhileRevalidate": 10_000 }),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 80_000);
                isolate.get("a").unwrap();
                isolate.advance(7_200_000);
                mock_origin(isolate);
                isolate.get("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("answers.memory", 1),
                ("stale", 1),
                ("refreshes", 1),
                ("layers.memory.misses", 1),
                ("layers.memory.hits", 1),
                ("layers.kv.hits", 2),
                ("layers.origin.hits", 1),
                ("kv.reads", 2),
                ("kv.writes", 1),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
        (
            "a stale record in memory, and a newer one in KV",
            json!({ "memoryCacheTtl": 86_400, "staleWhileRevalidate": 10_000 }),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 80_000);
                isolate.get("a").unwrap();
                put_in_kv(isolate, "metadata:a", 0);
                isolate.advance(7_200_000);
                isolate.get("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("answers.memory", 1),
                ("stale", 1),
                ("refreshes", 1),
                ("layers.memory.misses", 1),
                ("layers.memory.hits", 1),
                ("layers.kv.hits", 2),
                ("kv.reads", 2),
                ("entries", 1),
            ],
        ),
        (
            "a record that may be served only if the origin fails",
            json!({ "staleWhileRevalidate": 0 }),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 86_400 + 60);
                isolate.runtime.mock_origin([FakeResponse::Status(500)]);
                isolate.get("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("stale", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.misses", 1),
                ("layers.origin.misses", 1),
                ("kv.reads", 1),
                ("origin.fetches", 1),
                ("origin.failures", 1),
                ("entries", 1),
            ],
        ),
        (
            "a missing image, whose failure is cached",
            json!({}),
            |isolate| {
                isolate.runtime.mock_origin([FakeResponse::Status(404)]);
                isolate.get("a").unwrap_err();
                isolate.get("a").unwrap_err();
                assert!(is_in_memory(isolate));
            },
            &[
                ("layers.memory.misses", 1),
                ("layers.memory.hits", 2),
                ("layers.kv.misses", 1),
                ("layers.origin.misses", 1),
                ("kv.reads", 1),
                ("origin.fetches", 1),
            ],
        ),
        (
            "a broken connection, and a successful retry",
            json!({ "cacheEnabled": false }),
            |isolate| {
                let answers = [FakeResponse::Unreachable, FakeResponse::Size(800, 600)];
                isolate.runtime.mock_origin(answers);
                let request = isolate.start("a");
                isolate.advance(100);
                isolate.finish(request).unwrap();
            },
            &[
                ("answers.origin", 1),
                ("layers.memory.misses", 1),
                ("layers.origin.hits", 1),
                ("origin.fetches", 2),
                ("origin.failures", 1),
            ],
        ),
        (
            "a timeout of the origin",
            json!({ "cacheEnabled": false }),
            |isolate| {
                isolate.runtime.mock_origin([FakeResponse::Timeout]);
                let request = isolate.start("a");
                isolate.advance(5_000);
                isolate.finish(request).unwrap_err();
            },
            &[
                ("layers.memory.misses", 1),
                ("layers.origin.misses", 1),
                ("origin.fetches", 1),
                ("origin.failures", 1),
            ],
        ),
        (
            "more images than fit in memory",
            json!({ "memoryCacheSize": 5, "kvNamespace": "NONE" }),
            |isolate| {
                isolate.runtime.unbind_kv();
                mock_origin(isolate);
                for path in ["a", "b", "c", "d", "e", "f", "g"] {
                    isolate.get(path).unwrap();
                }
            },
            &[
                ("answers.origin", 7),
                ("layers.memory.misses", 7),
                ("layers.origin.hits", 7),
                ("origin.fetches", 7),
                ("evictions", 2),
                ("entries", 5),
            ],
        ),
        (
            "failing KV operations",
            json!({}),
            |isolate| {
                isolate.runtime.set_kv_fails(true);
                mock_origin(isolate);
                isolate.get("a").unwrap();
                isolate.purge("a").unwrap_err();
                isolate.purge_below(None, None).unwrap_err();
            },
            &[
                ("answers.origin", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.misses", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("kv.deletes", 1),
                ("kv.failures", 4),
                ("origin.fetches", 1),
            ],
        ),
        (
            "KV operations that time out",
            json!({}),
            |isolate| {
                isolate.runtime.set_kv_hangs(true);
                mock_origin(isolate);
                let request = isolate.start("a");
                isolate.advance(20_000);
                isolate.finish(request).unwrap();
            },
            &[
                ("answers.origin", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.misses", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("kv.failures", 2),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
        (
            "an unbound KV namespace",
            json!({}),
            |isolate| {
                isolate.runtime.unbind_kv();
                mock_origin(isolate);
                isolate.get("a").unwrap();
                isolate.purge("a").unwrap();
            },
            &[
                ("answers.origin", 1),
                ("layers.memory.misses", 1),
                ("layers.origin.hits", 1),
                ("origin.fetches", 1),
            ],
        ),
        (
            "a malformed record",
            json!({}),
            |isolate| {
                let stored = Stored::Metadata("{}".into());
                isolate.runtime.kv_put("metadata:a", stored);
                mock_origin(isolate);
                isolate.get("a").unwrap();
            },
            &[
                ("answers.origin", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.misses", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
        (
            "a fresh record in the previous format, which is not rewritten",
            json!({}),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 0);
                let Some((Stored::Metadata(record), _)) = isolate.runtime.kv_get("metadata:a")
                else {
                    panic!("the record is missing");
                };
                isolate.runtime.kv_put("metadata:a", Stored::Value(record));
                isolate.get("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.hits", 1),
                ("kv.reads", 1),
                ("entries", 1),
            ],
        ),
        (
            "a batch with a duplicate path, which has one look-up and two results",
            json!({}),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 0);
                mock_origin(isolate);
                let batch = isolate.start_batch(&["a", "b", "a", "c"]);
                assert!(isolate.finish(batch).iter().all(Result::is_ok));
            },
            &[
                ("answers.kv", 2),
                ("answers.origin", 2),
                ("layers.memory.misses", 3),
                ("layers.kv.hits", 1),
                ("layers.kv.misses", 2),
                ("layers.origin.hits", 2),
                ("kv.reads", 3),
                ("kv.writes", 2),
                ("origin.fetches", 2),
                ("entries", 3),
            ],
        ),
        (
            "a purge",
            json!({}),
            |isolate| {
                put_in_kv(isolate, "metadata:a", 0);
                isolate.get("a").unwrap();
                isolate.purge("a").unwrap();
            },
            &[
                ("answers.kv", 1),
                ("layers.memory.misses", 1),
                ("layers.kv.hits", 1),
                ("kv.reads", 1),
                ("kv.deletes", 1),
            ],
        ),
        (
            "more flights than maxInFlight",
            json!({ "maxInFlight": 1 }),
            |isolate| {
                let (gate, _open) = Gate::new();
                let answer = FakeResponse::Gated(gate, 800, 600);
                isolate.runtime.mock_origin([answer]);
                let _running = isolate.start("a");
                isolate.get("b").unwrap_err();
            },
            // The gate's sender is dropped, which opens the gate.
            &[
                ("layers.memory.misses", 2),
                ("layers.kv.misses", 1),
                ("layers.origin.hits", 1),
                ("kv.reads", 1),
                ("kv.writes", 1),
                ("origin.fetches", 1),
                ("entries", 1),
            ],
        ),
    ];
    for (name, settings, run, expected) in cases {
        let mut isolate = TestIsolate::new(settings);
        run(&mut isolate);
        isolate.advance(0);
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect();
        assert_eq!(numbers(&isolate), expected, "{name}");
        let answers = expected
            .iter()
            .filter(|(name, _)| name.starts_with("answers."));
        let answers: u64 = answers.map(|(_, number)| number).sum();
        assert_eq!(isolate.service.metrics().ages.count(), answers, "{name}");
    }
}

#[test]
fn durations_and_ages_are_recorded_only_for_successful_lookups() {
    let mut isolate = TestIsolate::new(json!({ "cacheEnabled": true }));
    put_in_kv(&isolate, "metadata:a", 4_000);
    isolate.get("a").unwrap();
    isolate.runtime.mock_origin([FakeResponse::Timeout]);
    isolate.runtime.set_kv_hangs(true);
    let slow = isolate.start("b");
    isolate.advance(500);
    isolate.runtime.set_kv_hangs(false);
    isolate.advance(5_000);
    isolate.finish(slow).unwrap_err();
    isolate.get("a").unwrap();
    let metrics = isolate.service.metrics();
    assert_eq!((metrics.ages.count(), metrics.ages.sum()), (2, 8_005));
    assert_eq!((metrics.memory_ms.count(), metrics.memory_ms.sum()), (1, 0));
    assert_eq!(metrics.origin_ms.count(), 0, "failures are not recorded");
}

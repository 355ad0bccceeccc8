//! Every counter moves for its own reason, and for no other.

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
use support::{FakeResponse, Gate, START_MS, TestIsolate};

/// What a test asks of an isolate.
type Story = fn(&mut TestIsolate);

/// What it is about, the settings, what is asked, and what that counts.
type Case = (&'static str, Value, Story, &'static [(&'static str, u64)]);

/// All numbers but 0, histograms and the capacity of memory.
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

fn in_kv(isolate: &TestIsolate, age_s: u64) {
    let record = json!({
        "width": 800, "height": 600, "format": "png", "lastFetched": START_MS - age_s * 1_000,
        "confidence": "high", "source": "format-json"
    });
    let stored = Stored::Metadata(record.to_string());
    isolate.runtime.kv_put("metadata:a", stored);
}

fn origin_knows(isolate: &TestIsolate) {
    isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
}

fn in_memory(isolate: &TestIsolate) -> bool {
    let now_ms = START_MS;
    isolate
        .service
        .metadata_in_memory("metadata:a", now_ms)
        .is_some()
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn each_number_has_its_reason() {
    let stories: [Case; 21] = [
        ("nothing", json!({}), |_| {}, &[]),
        (
            "a miss",
            json!({}),
            |isolate| {
                origin_knows(isolate);
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
                in_kv(isolate, 0);
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
            "memory is asked first at once, then on the way, and then at once",
            json!({}),
            |isolate| {
                in_kv(isolate, 0);
                assert!(!in_memory(isolate));
                isolate.get("a").unwrap();
                assert!(in_memory(isolate));
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
            "a herd",
            json!({}),
            |isolate| {
                let (gate, open) = Gate::new();
                let answer = FakeResponse::Gated(gate, 800, 600);
                isolate.runtime.mock_origin([answer]);
                let herd: Vec<_> = (0..20).map(|_| isolate.start("a")).collect();
                assert_eq!(numbers(isolate)["inFlight"], 1);
                open.send(()).unwrap();
                for one in herd {
                    isolate.finish(one).unwrap();
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
                in_kv(isolate, 86_400 + 60);
                origin_knows(isolate);
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
            "a stale record in memory, which is as stale in KV",
            json!({ "memoryCacheTtl": 86_400, "staleWhileRevalidate": 10_000 }),
            |isolate| {
                in_kv(isolate, 80_000);
                isolate.get("a").unwrap();
                isolate.advance(7_200_000);
                origin_knows(isolate);
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
            "a stale record in memory, which KV has newer",
            json!({ "memoryCacheTtl": 86_400, "staleWhileRevalidate": 10_000 }),
            |isolate| {
                in_kv(isolate, 80_000);
                isolate.get("a").unwrap();
                in_kv(isolate, 0);
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
            "a record that is good only where the origin fails",
            json!({ "staleWhileRevalidate": 0 }),
            |isolate| {
                in_kv(isolate, 86_400 + 60);
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
            "a missing image, which is remembered",
            json!({}),
            |isolate| {
                isolate.runtime.mock_origin([FakeResponse::Status(404)]);
                isolate.get("a").unwrap_err();
                isolate.get("a").unwrap_err();
                assert!(in_memory(isolate));
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
            "a broken connection, and a retry that works",
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
            "an origin that is too slow",
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
            "more images than memory holds",
            json!({ "memoryCacheSize": 5, "kvNamespace": "NONE" }),
            |isolate| {
                isolate.runtime.unbind_kv();
                origin_knows(isolate);
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
            "a KV that fails",
            json!({}),
            |isolate| {
                isolate.runtime.set_kv_fails(true);
                origin_knows(isolate);
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
            "a KV that hangs",
            json!({}),
            |isolate| {
                isolate.runtime.set_kv_hangs(true);
                origin_knows(isolate);
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
            "a KV that is not there",
            json!({}),
            |isolate| {
                isolate.runtime.unbind_kv();
                origin_knows(isolate);
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
                origin_knows(isolate);
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
            "a record of an earlier form, which is not written again",
            json!({}),
            |isolate| {
                in_kv(isolate, 0);
                let Some((Stored::Metadata(record), _)) = isolate.runtime.kv_get("metadata:a")
                else {
                    panic!("not there");
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
            "a batch: what is in it twice is looked up once and answered twice",
            json!({}),
            |isolate| {
                in_kv(isolate, 0);
                origin_knows(isolate);
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
                in_kv(isolate, 0);
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
            "too many images at a time",
            json!({ "maxInFlight": 1 }),
            |isolate| {
                let (gate, _open) = Gate::new();
                let answer = FakeResponse::Gated(gate, 800, 600);
                isolate.runtime.mock_origin([answer]);
                let _running = isolate.start("a");
                isolate.get("b").unwrap_err();
            },
            // The gate is broken, which opens it.
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
    for (what, settings, story, expected) in stories {
        let mut isolate = TestIsolate::new(settings);
        story(&mut isolate);
        isolate.advance(0);
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect();
        assert_eq!(numbers(&isolate), expected, "{what}");
        let answers = expected
            .iter()
            .filter(|(name, _)| name.starts_with("answers."));
        let answers: u64 = answers.map(|(_, number)| number).sum();
        assert_eq!(isolate.service.metrics().ages.count(), answers, "{what}");
    }
}

#[test]
fn times_and_ages_are_those_of_the_answers() {
    let mut isolate = TestIsolate::new(json!({ "cacheEnabled": true }));
    in_kv(&isolate, 4_000);
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
    assert_eq!(metrics.origin_ms.count(), 0, "failures have no place here");
}

//! The published metrics and all of their names. `/stats` and `/metrics` are both built from this one list.

mod events;
mod pictures;

use crate::telemetry::histogram::Histogram;
use crate::telemetry::metrics::Metrics;

/// Counters and sizes of one isolate at one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// The counters of the isolate.
    pub metrics: &'a Metrics,
    /// Entries evicted from memory so far.
    pub evictions: u64,
    /// Flights in progress.
    pub in_flight: u64,
    /// Entries in memory.
    pub entries: u64,
    /// Maximum number of entries in memory.
    pub capacity: u64,
}

/// A metric family: series of one name, which differ by their labels.
#[derive(Debug)]
pub struct Family {
    /// The name in `/metrics`, without the common prefix.
    pub name: &'static str,
    /// The text of the `# HELP` line in `/metrics`.
    pub help: &'static str,
    /// The series, in the order in which both routes list them.
    pub series: &'static [Series],
}

/// One series of a metric family.
#[derive(Debug)]
pub struct Series {
    /// The path in `/stats`: the names of the enclosing objects, then its own name. Series of one object must be
    /// adjacent.
    pub path: &'static [&'static str],
    /// The labels that distinguish it within its family, in the Prometheus text format. For [`Read::Problems`] only the
    /// name of the label.
    pub labels: &'static str,
    /// How to read its value.
    pub read: Read,
}

/// The type of a series, and how to read its value from a snapshot.
#[derive(Debug)]
pub enum Read {
    /// A number that only grows.
    Counter(fn(&Snapshot<'_>) -> u64),
    /// A counter per error code, only for codes that occurred.
    Problems,
    /// A current number.
    Gauge(fn(&Snapshot<'_>) -> u64),
    /// A histogram, and how many of its units make one base unit of Prometheus: 1,000 for milliseconds.
    Histogram(for<'a> fn(&Snapshot<'a>) -> &'a Histogram, u64),
}

const fn series(path: &'static [&'static str], labels: &'static str, read: Read) -> Series {
    Series { path, labels, read }
}

/// All metrics of a service, in the order in which they are published.
pub static FAMILIES: &[Family] = &[
    Family {
        name: "answers_total",
        help: "Responses with metadata, by source.",
        series: &[
            series(
                &["answers", "memory"],
                r#"source="memory""#,
                Read::Counter(|now| now.metrics.memory_ms.count()),
            ),
            series(
                &["answers", "kv"],
                r#"source="kv""#,
                Read::Counter(|now| now.metrics.kv_ms.count()),
            ),
            series(
                &["answers", "origin"],
                r#"source="origin""#,
                Read::Counter(|now| now.metrics.origin_ms.count()),
            ),
            series(
                &["answers", "inflight"],
                r#"source="inflight""#,
                Read::Counter(|now| now.metrics.in_flight_ms.count()),
            ),
        ],
    },
    Family {
        name: "stale_answers_total",
        help: "Responses with stale metadata.",
        series: &[series(
            &["stale"],
            "",
            Read::Counter(|now| now.metrics.stale.get()),
        )],
    },
    Family {
        name: "errors_total",
        help: "Errors returned, by code.",
        series: &[series(&["errors"], "code", Read::Problems)],
    },
    Family {
        name: "lookups_total",
        help: "Look-ups by layer: requests look in memory, flights in KV and at the origin.",
        series: &[
            series(
                &["layers", "memory", "hits"],
                r#"layer="memory",result="hit""#,
                Read::Counter(|now| now.metrics.memory.hits.get()),
            ),
            series(
                &["layers", "memory", "misses"],
                r#"layer="memory",result="miss""#,
                Read::Counter(|now| now.metrics.memory.misses.get()),
            ),
            series(
                &["layers", "kv", "hits"],
                r#"layer="kv",result="hit""#,
                Read::Counter(|now| now.metrics.kv.hits.get()),
            ),
            series(
                &["layers", "kv", "misses"],
                r#"layer="kv",result="miss""#,
                Read::Counter(|now| now.metrics.kv.misses.get()),
            ),
            series(
                &["layers", "origin", "hits"],
                r#"layer="origin",result="hit""#,
                Read::Counter(|now| now.metrics.origin.hits.get()),
            ),
            series(
                &["layers", "origin", "misses"],
                r#"layer="origin",result="miss""#,
                Read::Counter(|now| now.metrics.origin.misses.get()),
            ),
        ],
    },
    Family {
        name: "kv_operations_total",
        help: "KV operations, counted by key, including failed ones.",
        series: &[
            series(
                &["kv", "reads"],
                r#"operation="read""#,
                Read::Counter(|now| {
                    // Every key that is read is a hit or a miss.
                    let kv = &now.metrics.kv;
                    kv.hits.get().saturating_add(kv.misses.get())
                }),
            ),
            series(
                &["kv", "writes"],
                r#"operation="write""#,
                Read::Counter(|now| now.metrics.kv_writes.get()),
            ),
            series(
                &["kv", "deletes"],
                r#"operation="delete""#,
                Read::Counter(|now| now.metrics.kv_deletes.get()),
            ),
        ],
    },
    Family {
        name: "kv_failures_total",
        help: "KV operations that failed or timed out.",
        series: &[series(
            &["kv", "failures"],
            "",
            Read::Counter(|now| now.metrics.kv_failures.get()),
        )],
    },
    Family {
        name: "origin_fetches_total",
        help: "Requests sent to the origin.",
        series: &[series(
            &["origin", "fetches"],
            "",
            Read::Counter(|now| now.metrics.origin_fetches.get()),
        )],
    },
    Family {
        name: "origin_failures_total",
        help: "Requests to the origin without a usable response.",
        series: &[series(
            &["origin", "failures"],
            "",
            Read::Counter(|now| now.metrics.origin_failures.get()),
        )],
    },
    pictures::PICTURES,
    Family {
        name: "coalesced_total",
        help: "Requests that shared the fetch of another request.",
        series: &[series(
            &["coalesced"],
            "",
            Read::Counter(|now| now.metrics.coalesced.get()),
        )],
    },
    Family {
        name: "refreshes_total",
        help: "Background refreshes of stale records.",
        series: &[series(
            &["refreshes"],
            "",
            Read::Counter(|now| now.metrics.refreshes.get()),
        )],
    },
    Family {
        name: "memory_evictions_total",
        help: "Entries evicted from memory to make room.",
        series: &[series(
            &["evictions"],
            "",
            Read::Counter(|now| now.evictions),
        )],
    },
    Family {
        name: "in_flight",
        help: "Images that are being looked up.",
        series: &[series(&["inFlight"], "", Read::Gauge(|now| now.in_flight))],
    },
    Family {
        name: "memory_entries",
        help: "Entries in memory.",
        series: &[series(&["entries"], "", Read::Gauge(|now| now.entries))],
    },
    Family {
        name: "memory_capacity",
        help: "Maximum number of entries in memory.",
        series: &[series(&["capacity"], "", Read::Gauge(|now| now.capacity))],
    },
    Family {
        name: "answer_duration_seconds",
        help: "Time to a response with metadata, by source.",
        series: &[
            series(
                &["durationsMs", "memory"],
                r#"source="memory""#,
                Read::Histogram(|now| &now.metrics.memory_ms, 1_000),
            ),
            series(
                &["durationsMs", "kv"],
                r#"source="kv""#,
                Read::Histogram(|now| &now.metrics.kv_ms, 1_000),
            ),
            series(
                &["durationsMs", "origin"],
                r#"source="origin""#,
                Read::Histogram(|now| &now.metrics.origin_ms, 1_000),
            ),
            series(
                &["durationsMs", "inflight"],
                r#"source="inflight""#,
                Read::Histogram(|now| &now.metrics.in_flight_ms, 1_000),
            ),
        ],
    },
    Family {
        name: "answer_age_seconds",
        help: "Age of the metadata in a response.",
        series: &[series(
            &["agesS"],
            "",
            Read::Histogram(|now| &now.metrics.ages, 1),
        )],
    },
    events::EVENTS,
    events::AGES,
];

//! The numbers that are published of a service, under all their names: one list, which `/stats` and
//! `/metrics` both go through.

use crate::telemetry::histogram::Histogram;
use crate::telemetry::metrics::Metrics;

/// The numbers of one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// What was counted.
    pub metrics: &'a Metrics,
    /// Entries that memory has pruned.
    pub evictions: u64,
    /// Flights under way.
    pub in_flight: u64,
    /// Entries in memory.
    pub entries: u64,
    /// The most that may be there.
    pub capacity: u64,
}

/// Numbers of one kind.
#[derive(Debug)]
pub struct Family {
    /// What Prometheus calls it, without the prefix of all.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The numbers.
    pub series: &'static [Series],
}

/// One of a family.
#[derive(Debug)]
pub struct Series {
    /// Where it is in `/stats`: the name of each object down to it, and its own. Those of one object
    /// come one after the other.
    pub path: &'static [&'static str],
    /// What tells it from the others of its family, as Prometheus writes it.
    pub labels: &'static str,
    /// Its value.
    pub read: Read,
}

/// How a value is read.
#[derive(Debug)]
pub enum Read {
    /// So many until now.
    Counter(fn(&Snapshot<'_>) -> u64),
    /// So many problems until now, for each code that came up.
    Problems,
    /// So many at the moment.
    Gauge(fn(&Snapshot<'_>) -> u64),
    /// So many of each size; that many units are a base unit.
    Histogram(for<'a> fn(&Snapshot<'a>) -> &'a Histogram, u64),
}

const fn one(path: &'static [&'static str], labels: &'static str, read: Read) -> Series {
    Series { path, labels, read }
}

/// All that is published.
pub static FAMILIES: &[Family] = &[
    Family {
        name: "answers_total",
        help: "Answers with metadata, by where it came from.",
        series: &[
            one(
                &["answers", "memory"],
                r#"source="memory""#,
                Read::Counter(|now| now.metrics.memory_ms.count()),
            ),
            one(
                &["answers", "kv"],
                r#"source="kv""#,
                Read::Counter(|now| now.metrics.kv_ms.count()),
            ),
            one(
                &["answers", "origin"],
                r#"source="origin""#,
                Read::Counter(|now| now.metrics.origin_ms.count()),
            ),
            one(
                &["answers", "inflight"],
                r#"source="inflight""#,
                Read::Counter(|now| now.metrics.in_flight_ms.count()),
            ),
        ],
    },
    Family {
        name: "stale_answers_total",
        help: "Answers with stale metadata.",
        series: &[one(
            &["stale"],
            "",
            Read::Counter(|now| now.metrics.stale.get()),
        )],
    },
    Family {
        name: "errors_total",
        help: "Answers that are problems, by their code.",
        series: &[one(&["errors"], "code", Read::Problems)],
    },
    Family {
        name: "lookups_total",
        help: "Look-ups in a layer: in memory by requests, in the others by flights.",
        series: &[
            one(
                &["layers", "memory", "hits"],
                r#"layer="memory",result="hit""#,
                Read::Counter(|now| now.metrics.memory.hits.get()),
            ),
            one(
                &["layers", "memory", "misses"],
                r#"layer="memory",result="miss""#,
                Read::Counter(|now| now.metrics.memory.misses.get()),
            ),
            one(
                &["layers", "kv", "hits"],
                r#"layer="kv",result="hit""#,
                Read::Counter(|now| now.metrics.kv.hits.get()),
            ),
            one(
                &["layers", "kv", "misses"],
                r#"layer="kv",result="miss""#,
                Read::Counter(|now| now.metrics.kv.misses.get()),
            ),
            one(
                &["layers", "origin", "hits"],
                r#"layer="origin",result="hit""#,
                Read::Counter(|now| now.metrics.origin.hits.get()),
            ),
            one(
                &["layers", "origin", "misses"],
                r#"layer="origin",result="miss""#,
                Read::Counter(|now| now.metrics.origin.misses.get()),
            ),
        ],
    },
    Family {
        name: "kv_operations_total",
        help: "Keys of KV that were read, written or deleted, or tried to be.",
        series: &[
            one(
                &["kv", "reads"],
                r#"operation="read""#,
                Read::Counter(|now| {
                    // Every key that is read is a hit or a miss.
                    let kv = &now.metrics.kv;
                    kv.hits.get().saturating_add(kv.misses.get())
                }),
            ),
            one(
                &["kv", "writes"],
                r#"operation="write""#,
                Read::Counter(|now| now.metrics.kv_writes.get()),
            ),
            one(
                &["kv", "deletes"],
                r#"operation="delete""#,
                Read::Counter(|now| now.metrics.kv_deletes.get()),
            ),
        ],
    },
    Family {
        name: "kv_failures_total",
        help: "Operations of KV that failed or took too long.",
        series: &[one(
            &["kv", "failures"],
            "",
            Read::Counter(|now| now.metrics.kv_failures.get()),
        )],
    },
    Family {
        name: "origin_fetches_total",
        help: "Requests sent to the origin.",
        series: &[one(
            &["origin", "fetches"],
            "",
            Read::Counter(|now| now.metrics.origin_fetches.get()),
        )],
    },
    Family {
        name: "origin_failures_total",
        help: "Requests sent to the origin that told nothing about the image.",
        series: &[one(
            &["origin", "failures"],
            "",
            Read::Counter(|now| now.metrics.origin_failures.get()),
        )],
    },
    Family {
        name: "coalesced_total",
        help: "Requests answered by what another one was fetching.",
        series: &[one(
            &["coalesced"],
            "",
            Read::Counter(|now| now.metrics.coalesced.get()),
        )],
    },
    Family {
        name: "refreshes_total",
        help: "Stale records that were looked for again behind an answer.",
        series: &[one(
            &["refreshes"],
            "",
            Read::Counter(|now| now.metrics.refreshes.get()),
        )],
    },
    Family {
        name: "memory_evictions_total",
        help: "Entries that made room in memory for others.",
        series: &[one(&["evictions"], "", Read::Counter(|now| now.evictions))],
    },
    Family {
        name: "in_flight",
        help: "Images that are being looked for now.",
        series: &[one(&["inFlight"], "", Read::Gauge(|now| now.in_flight))],
    },
    Family {
        name: "memory_entries",
        help: "Entries in memory now.",
        series: &[one(&["entries"], "", Read::Gauge(|now| now.entries))],
    },
    Family {
        name: "memory_capacity",
        help: "Most entries that memory holds.",
        series: &[one(&["capacity"], "", Read::Gauge(|now| now.capacity))],
    },
    Family {
        name: "answer_duration_seconds",
        help: "Time to an answer with metadata, by where it came from.",
        series: &[
            one(
                &["durationsMs", "memory"],
                r#"source="memory""#,
                Read::Histogram(|now| &now.metrics.memory_ms, 1_000),
            ),
            one(
                &["durationsMs", "kv"],
                r#"source="kv""#,
                Read::Histogram(|now| &now.metrics.kv_ms, 1_000),
            ),
            one(
                &["durationsMs", "origin"],
                r#"source="origin""#,
                Read::Histogram(|now| &now.metrics.origin_ms, 1_000),
            ),
            one(
                &["durationsMs", "inflight"],
                r#"source="inflight""#,
                Read::Histogram(|now| &now.metrics.in_flight_ms, 1_000),
            ),
        ],
    },
    Family {
        name: "answer_age_seconds",
        help: "Age of the metadata in an answer.",
        series: &[one(
            &["agesS"],
            "",
            Read::Histogram(|now| &now.metrics.ages, 1),
        )],
    },
];

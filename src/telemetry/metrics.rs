//! What an isolate counts of its own doings, from its first request on.
//!
//! Counting is a few additions: no clock is read and nothing allocated, so that a hit in memory can
//! afford it. [`report`](crate::report) gives the numbers their published names.

use std::cell::Cell;

use crate::lookup::{Layer, Lookup};
use crate::telemetry::histogram::{Counter, Histogram};

/// Bounds of the time to an answer, in milliseconds. Those that the targets of a layer name are
/// among them: 1 and 2 for memory, 15, 30 and 60 for KV, 250, 400 and 600 for the origin.
const DURATIONS_MS: &[u64] = &[
    1, 2, 5, 15, 30, 60, 100, 250, 400, 600, 1_000, 2_500, 5_000, 10_000,
];

/// Bounds of the age of an entry, in seconds: a minute to a week.
const AGES_S: &[u64] = &[
    60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/// How many codes of problems are told apart; there are about twenty.
const MAX_CODES: usize = 32;

/// How often a layer knew what it was asked for.
#[derive(Debug, Default)]
pub struct Lookups {
    /// It did.
    pub hits: Counter,
    /// It did not.
    pub misses: Counter,
}

impl Lookups {
    /// Counts one.
    pub fn count(&self, hit: bool) {
        if hit {
            self.hits.count();
        } else {
            self.misses.count();
        }
    }
}

/// The counters of one isolate.
#[derive(Debug)]
pub struct Metrics {
    /// L1, as requests find it. A failure that it remembers is a hit.
    pub memory: Lookups,
    /// L2, as flights find it. What may be served only if the origin fails is a miss.
    pub kv: Lookups,
    /// L3, as flights find it. Whatever brings no metadata is a miss.
    pub origin: Lookups,
    /// Keys written to KV, or tried to.
    pub kv_writes: Counter,
    /// Keys deleted from KV, or tried to.
    pub kv_deletes: Counter,
    /// Operations of KV that failed or took too long.
    pub kv_failures: Counter,
    /// Requests sent to the origin.
    pub origin_fetches: Counter,
    /// Those of them that say nothing about the image: errors, timeouts, nonsense.
    pub origin_failures: Counter,
    /// Requests that were answered by another one's flight.
    pub coalesced: Counter,
    /// Stale records that were looked for again behind an answer.
    pub refreshes: Counter,
    /// Answers with stale metadata.
    pub stale: Counter,
    /// Ages of the metadata in answers, in seconds.
    pub ages: Histogram,
    /// Times to the answers from memory, in milliseconds.
    pub memory_ms: Histogram,
    /// Times to the answers from KV.
    pub kv_ms: Histogram,
    /// Times to the answers from the origin.
    pub origin_ms: Histogram,
    /// Times to the answers from another request's flight.
    pub in_flight_ms: Histogram,
    /// By code, in the order in which they first came up. The rest has no code.
    problems: [Cell<(&'static str, u64)>; MAX_CODES],
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            memory: Lookups::default(),
            kv: Lookups::default(),
            origin: Lookups::default(),
            kv_writes: Counter::default(),
            kv_deletes: Counter::default(),
            kv_failures: Counter::default(),
            origin_fetches: Counter::default(),
            origin_failures: Counter::default(),
            coalesced: Counter::default(),
            refreshes: Counter::default(),
            stale: Counter::default(),
            ages: Histogram::new(AGES_S),
            memory_ms: Histogram::new(DURATIONS_MS),
            kv_ms: Histogram::new(DURATIONS_MS),
            origin_ms: Histogram::new(DURATIONS_MS),
            in_flight_ms: Histogram::new(DURATIONS_MS),
            problems: Default::default(),
        }
    }
}

impl Metrics {
    /// Counts an answer with metadata.
    pub fn answered(&self, lookup: &Lookup) {
        let durations = match lookup.layer {
            Layer::Memory => &self.memory_ms,
            Layer::Kv => &self.kv_ms,
            Layer::Origin { .. } => &self.origin_ms,
            Layer::InFlight => &self.in_flight_ms,
        };
        durations.observe(lookup.timing.total_ms);
        self.ages.observe(lookup.entry.age_s(lookup.now_ms));
        if lookup.is_stale() {
            self.stale.count();
        }
    }

    /// Counts an answer that is a problem, by its code.
    pub fn refused(&self, code: &'static str) {
        let place = |problem: &&Cell<(&'static str, u64)>| {
            let (known, _) = problem.get();
            known.is_empty() || known == code
        };
        if let Some(problem) = self.problems.iter().find(place) {
            problem.set((code, problem.get().1.saturating_add(1)));
        }
    }

    /// Answers that were problems, by their code; only those that came up.
    pub fn problems(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let problems = self.problems.iter().map(Cell::get);
        problems.take_while(|(code, _)| !code.is_empty())
    }
}

//! Per-isolate counters, which start with the first request.
//!
//! Counting is a few additions, without reading a clock or allocating, so it costs a memory hit almost nothing.
//! [`families`](super::families) has the published names.

use std::cell::Cell;

use crate::lookup::{Layer, Lookup};
use crate::telemetry::histogram::{Counter, Histogram};

/// Bounds of response times, in milliseconds. They include the performance targets of the layers: 1 and 2 for memory,
/// 15, 30 and 60 for KV, 250, 400 and 600 for the origin.
const DURATIONS_MS: &[u64] = &[
    1, 2, 5, 15, 30, 60, 100, 250, 400, 600, 1_000, 2_500, 5_000, 10_000,
];

/// Bounds of the age of metadata, in seconds, from a minute to a week.
const AGES_S: &[u64] = &[
    60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/// Bounds of the age of a message, in seconds.
const EVENT_AGES_S: &[u64] = &[1, 2, 5, 15, 30, 60, 120, 300, 900, 3_600];

/// What a message of the queue asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventAction {
    /// An object was written.
    Write,
    /// An object was deleted.
    Delete,
    /// Images are to be purged.
    Purge,
    /// Images are to be warmed.
    Warm,
    /// The message is malformed.
    Unknown,
}

impl EventAction {
    /// Returns the published name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Purge => "purge",
            Self::Warm => "warm",
            Self::Unknown => "unknown",
        }
    }
}

/// What was done with a message of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// What it asks for.
    Done,
    /// It will be delivered again.
    Retried,
    /// It was dropped.
    Malformed,
}

impl EventOutcome {
    /// Returns the published name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Malformed => "malformed",
        }
    }
}

/// How many error codes are counted separately. There are fewer.
const MAX_CODES: usize = 32;

/// Look-ups in one layer.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Look-ups with a result.
    pub hits: Counter,
    /// Look-ups without one.
    pub misses: Counter,
}

impl Lookups {
    /// Counts one look-up.
    pub(crate) fn count(&self, hit: bool) {
        if hit {
            self.hits.increment();
        } else {
            self.misses.increment();
        }
    }
}

/// Tiny pictures that placeholders are made from.
#[derive(Debug, Default)]
pub struct Pictures {
    /// Those that placeholders were made from.
    pub made: Counter,
    /// Those that images can not have.
    pub refused: Counter,
    /// Those that failed for now.
    pub failed: Counter,
}

/// The counters of one isolate.
#[derive(Debug)]
pub struct Metrics {
    /// Look-ups of requests in L1. A cached failure is a hit.
    pub memory: Lookups,
    /// Look-ups of flights in L2. A record that may be served only if the origin fails is a miss.
    pub kv: Lookups,
    /// Look-ups of flights in L3. One without metadata is a miss.
    pub origin: Lookups,
    /// Writes to KV, counted by key, including failed ones.
    pub kv_writes: Counter,
    /// Deletions from KV, counted by key, including failed ones.
    pub kv_deletes: Counter,
    /// KV operations that failed or timed out.
    pub kv_failures: Counter,
    /// Requests sent to the origin.
    pub origin_fetches: Counter,
    /// Requests to the origin without a usable response: errors, timeouts, invalid data.
    pub origin_failures: Counter,
    /// Tiny pictures that were asked for. Each costs a transformation.
    pub pictures: Pictures,
    /// Requests that shared the flight of another request.
    pub coalesced: Counter,
    /// Background refreshes of stale records.
    pub refreshes: Counter,
    /// Responses with stale metadata.
    pub stale: Counter,
    /// Age of the metadata in responses, in seconds.
    pub ages: Histogram,
    /// Time to a response from memory, in milliseconds.
    pub memory_ms: Histogram,
    /// Time to a response from KV, in milliseconds.
    pub kv_ms: Histogram,
    /// Time to a response from the origin, in milliseconds.
    pub origin_ms: Histogram,
    /// Time to a response from another request's flight, in milliseconds.
    pub in_flight_ms: Histogram,
    /// Messages of the queue that were handled: by action, first done and then retried; the malformed ones last.
    events: [Counter; 9],
    /// Age of a message when it was delivered, in seconds.
    pub event_ages: Histogram,
    /// Errors by code, in the order of their first occurrence. Unused cells have an empty code.
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
            pictures: Pictures::default(),
            coalesced: Counter::default(),
            refreshes: Counter::default(),
            stale: Counter::default(),
            ages: Histogram::new(AGES_S),
            memory_ms: Histogram::new(DURATIONS_MS),
            kv_ms: Histogram::new(DURATIONS_MS),
            origin_ms: Histogram::new(DURATIONS_MS),
            in_flight_ms: Histogram::new(DURATIONS_MS),
            events: Default::default(),
            event_ages: Histogram::new(EVENT_AGES_S),
            problems: Default::default(),
        }
    }
}

impl Metrics {
    /// Counts a response with metadata.
    pub(crate) fn count_response(&self, lookup: &Lookup) {
        let durations = match lookup.layer {
            Layer::Memory => &self.memory_ms,
            Layer::Kv => &self.kv_ms,
            Layer::Origin { .. } => &self.origin_ms,
            Layer::InFlight => &self.in_flight_ms,
        };
        durations.observe(lookup.timing.total_ms);
        self.ages.observe(lookup.entry.age_s(lookup.now_ms));
        if lookup.is_stale() {
            self.stale.increment();
        }
    }

    /// Counts a message of the queue, and its age in seconds.
    pub(crate) fn count_event(&self, action: EventAction, outcome: EventOutcome, age_s: u64) {
        self.events(action, outcome).increment();
        self.event_ages.observe(age_s);
    }

    /// Returns the counter of messages with this action and outcome.
    #[must_use]
    pub fn events(&self, action: EventAction, outcome: EventOutcome) -> &Counter {
        let [
            write,
            write_again,
            delete,
            delete_again,
            purge,
            purge_again,
            warm,
            warm_again,
            malformed,
        ] = &self.events;
        let (done, retried) = match action {
            EventAction::Write => (write, write_again),
            EventAction::Delete => (delete, delete_again),
            EventAction::Purge => (purge, purge_again),
            EventAction::Warm => (warm, warm_again),
            EventAction::Unknown => (malformed, malformed),
        };
        match outcome {
            EventOutcome::Done => done,
            EventOutcome::Retried => retried,
            EventOutcome::Malformed => malformed,
        }
    }

    /// Counts an error by its code.
    pub(crate) fn count_problem(&self, code: &'static str) {
        let is_free_or_same = |cell: &&Cell<(&'static str, u64)>| {
            let (counted, _) = cell.get();
            counted.is_empty() || counted == code
        };
        if let Some(cell) = self.problems.iter().find(is_free_or_same) {
            cell.set((code, cell.get().1.saturating_add(1)));
        }
    }

    /// Returns the codes of errors that occurred, and how often each did.
    pub fn problems(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let problems = self.problems.iter().map(Cell::get);
        problems.take_while(|(code, _)| !code.is_empty())
    }
}

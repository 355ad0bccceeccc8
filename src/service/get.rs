//! Public look-ups: memory first, then the flight of the key.
//!
//! 1. Memory answers without I/O; a stale entry also starts a background refresh.
//! 2. On a miss, the request joins the flight of its key: it follows one that is under way, or leads a new one.
//! 3. The [fetch](super::fetch) of the flight asks the layers below, stores the result and completes the flight.
//! 4. All requests that wait for the flight answer from its outcome.

use std::rc::Rc;

use super::batch_scope::BatchScope;
use super::fetch::Fetch;
use super::fetch_outcome::{AfterKv, Fallback, FetchOutcome, FlightEnd};
use super::memory_layer::{Decision, MemoryLookup};
use super::ports::{Charge, Ports};
use super::single_flight::Join;
use super::state::OptimizedMetadataService;
use super::target::Target;
use super::trigger::Trigger;
use crate::lookup::{Layer, Lookup, LookupError, Timing};
use crate::origin::error::{ErrorKind, OriginError};
use crate::path::ImagePath;
use crate::telemetry::event::Event;

/// A request gives up at its second lost leader. After the first, it leads or follows once more.
const MAX_LOST_LEADERS: usize = 2;

/// The maximum number of flights that a request joins. It may join several flights of batches that have no turn at the
/// origin; each makes progress, and the limit prevents an endless loop.
const MAX_JOINS: usize = 8;

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Returns the metadata of the image at `path`.
    ///
    /// # Errors
    /// If neither a cache nor the origin has it. A stale entry is preferred to a failure of the origin.
    pub async fn fetch_metadata<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        ports: &P,
    ) -> Result<Lookup, LookupError> {
        let result = self.get(path, None, ports).await;
        self.count(&result);
        result
    }

    /// Returns the result under `key` if memory decides it: without I/O, and with no refresh to start.
    #[must_use]
    pub fn metadata_in_memory(
        &self,
        key: &str,
        now_ms: u64,
    ) -> Option<Result<Lookup, LookupError>> {
        let result = match self.lookup_memory(key, now_ms) {
            MemoryLookup::Stale { refresh: true, .. } => return None,
            lookup => match lookup.decide(now_ms) {
                Decision::Made(result) => result,
                Decision::Open { .. } => return None,
            },
        };
        // On `None` the caller looks up again, which counts it.
        self.metrics.memory.count(true);
        self.count(&result);
        Some(result)
    }

    /// Counts a result each time that it is returned: a batch may name an image twice that is looked up once.
    pub(super) fn count(&self, result: &Result<Lookup, LookupError>) {
        if let Ok(lookup) = result {
            self.metrics.count_response(lookup);
        }
    }

    /// Looks an image up, alone or as one of a batch. The result is not counted yet.
    pub(super) async fn get<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        batch: Option<&BatchScope>,
        ports: &P,
    ) -> Result<Lookup, LookupError> {
        let started_ms = ports.now_ms();
        let key = &path.cache_key();
        let target = Target {
            path,
            key,
            batch,
            is_admitted: false,
            ports,
        };
        let in_memory = self.lookup_memory(key, started_ms);
        if let MemoryLookup::Stale {
            entry,
            refresh: true,
        } = &in_memory
            && Fetch::refresh(self, target, Trigger::StaleInMemory(Rc::clone(entry)))
        {
            self.metrics.refreshes.increment();
        }
        let decision = in_memory.decide(started_ms);
        let is_hit = matches!(decision, Decision::Made(_));
        self.metrics.memory.count(is_hit);
        let stale_fallback = match decision {
            Decision::Made(result) => return result,
            Decision::Open { stale_fallback } => stale_fallback,
        };
        self.fetch(target, Trigger::Miss(stale_fallback), started_ms)
            .await
    }

    /// Reads an image from its origin. Memory and KV are not asked.
    ///
    /// Since the image was purged, a client may have looked it up, and KV may have returned the purged record from a cache near the
    /// isolate. So what memory has by now does not count, nor does a flight that is under way.
    pub(super) async fn read_origin<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        ports: &P,
    ) -> Result<Lookup, LookupError> {
        let started_ms = ports.now_ms();
        let key = &path.cache_key();
        self.purge_memory(key);
        let target = Target {
            path,
            key,
            batch: None,
            is_admitted: true,
            ports,
        };
        let trigger = Trigger::NotInKv(AfterKv::default());
        self.fetch(target, trigger, started_ms).await
    }

    /// Leads or follows a flight, unless no origin has the path. `started_ms` is when the look-up started.
    async fn fetch<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        target: Target<'_, P>,
        trigger: Trigger,
        started_ms: u64,
    ) -> Result<Lookup, LookupError> {
        if self.config.origins.route(target.path.as_str()).is_none() {
            return Err(LookupError::no_origin());
        }
        let outcome = self.lead_or_follow(target, trigger).await;
        let now_ms = target.ports.now_ms();
        let timing = Timing {
            kv_ms: outcome.kv_ms,
            origin_ms: outcome.origin_ms,
            total_ms: now_ms.saturating_sub(started_ms),
        };
        match outcome.result {
            Ok(entry) => Ok(Lookup {
                entry,
                layer: outcome.layer,
                now_ms,
                timing,
            }),
            Err(cached) => Err(LookupError {
                cause: cached.error,
                layer: outcome.layer,
                remaining_s: cached.remaining_s,
                timing,
            }),
        }
    }

    /// Waits for the flight of the key, and leads it if there is none.
    ///
    /// A leader can be lost: the runtime cancels its context, and with it the rest of the fetch. Each request therefore
    /// waits with its own time limit and takes over once. All followers of a lost leader wake at about the same time; the
    /// first of them leads, the others follow it.
    async fn lead_or_follow<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        target: Target<'_, P>,
        mut trigger: Trigger,
    ) -> FetchOutcome {
        let Target { key, ports, .. } = target;
        let mut fallback = trigger.fallback();
        let (mut turn, mut lost_leaders, mut is_admitted) = (None, 0, target.is_admitted);
        for _ in 0..MAX_JOINS {
            let now_ms = ports.now_ms();
            let (flight, leads) = match self.join_flight(key, now_ms) {
                Join::Lead(flight) => (flight, true),
                Join::Follow(flight) => {
                    self.log_at(&Event::Coalesced { key }, now_ms, ports);
                    (flight, false)
                }
                Join::Full => return not_asked(OriginError::overloaded(), fallback),
            };
            if leads {
                // With a turn at the origin, the fetch needs nothing of the batch.
                let batch = target.batch.filter(|_| trigger.reads_kv());
                let target = Target {
                    batch,
                    is_admitted,
                    ..target
                };
                Fetch::start(self, &flight, target, trigger.clone());
            }
            self.wait_for(&flight, now_ms, ports).await;
            let end = flight.outcome();
            if let Some(FlightEnd::NeedsOrigin(known) | FlightEnd::Private(_, known)) = &end {
                // KV was read since. If it has no record, the entry was purged elsewhere and must not be served.
                fallback.clone_from(&known.fallback);
            }
            // Charged before it joins again. Otherwise the refused requests of one client would lead one after the other,
            // and the requests of all other clients would wait for each of them.
            if !leads && !is_admitted && matches!(end, Some(FlightEnd::Private(..))) {
                is_admitted = self.admits(Charge::Origin, ports).await;
                if !is_admitted {
                    return not_asked(OriginError::rate_limited(), fallback);
                }
            }
            match end {
                Some(FlightEnd::Completed(outcome) | FlightEnd::Private(outcome, _)) if leads => {
                    return outcome;
                }
                Some(FlightEnd::Completed(outcome)) => {
                    self.metrics.coalesced.increment();
                    return FetchOutcome {
                        layer: Layer::InFlight,
                        kv_ms: None,
                        origin_ms: None,
                        ..outcome
                    };
                }
                Some(FlightEnd::NeedsOrigin(known) | FlightEnd::Private(_, known)) => {
                    // A single request waits in no queue: it asks at once.
                    if let (Some(batch), None) = (target.batch, &turn) {
                        turn = batch.turn(ports).await;
                        if turn.is_none() {
                            return not_asked(OriginError::overloaded(), fallback);
                        }
                    }
                    trigger = Trigger::NotInKv(known);
                }
                None => {
                    self.flights.borrow_mut().abandon(key, &flight);
                    // A purge may have removed the entry from memory; then it must not be served.
                    let stale_fallback = match self.lookup_memory(key, ports.now_ms()) {
                        MemoryLookup::Hit(entry) | MemoryLookup::Stale { entry, .. } => Some(entry),
                        MemoryLookup::Miss { stale_fallback } => stale_fallback,
                        MemoryLookup::Failed(_) => None,
                    };
                    trigger = Trigger::Miss(stale_fallback);
                    fallback = trigger.fallback();
                    lost_leaders = usize::saturating_add(lost_leaders, 1);
                    if lost_leaders == MAX_LOST_LEADERS {
                        break;
                    }
                }
            }
        }
        let error = ErrorKind::OriginTimeout.into();
        FetchOutcome::from_error(error, Layer::InFlight, fallback)
    }
}

/// Returns the outcome of a request that may not ask the origin.
fn not_asked(error: OriginError, fallback: Option<Fallback>) -> FetchOutcome {
    // This is not a memory hit; report the origin layer.
    let layer = Layer::Origin { stored: false };
    FetchOutcome::from_error(error, layer, fallback)
}

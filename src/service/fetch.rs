//! What the leader of a flight does: memory again, KV, the origin, then store.
//!
//! A fetch outlives the request that started it. It stores what it has found before its flight completes, writes KV in the
//! background, and starts the background refresh of a stale record.

use std::rc::Rc;

use super::batch_scope::BatchScope;
use super::fetch_outcome::{AfterKv, Fallback, FetchOutcome, FlightEnd};
use super::flight::Flight;
use super::kv_layer::{KvRead, KvReading};
use super::origin_layer::Fetched;
use super::ports::{Charge, Ports};
use super::single_flight::Join;
use super::state::OptimizedMetadataService;
use super::target::Target;
use super::trigger::Trigger;
use crate::cache::entry::Entry;
use crate::cache::freshness::Freshness;
use crate::cache::record::Record;
use crate::lookup::Layer;
use crate::origin::error::{OriginError, OriginFault};
use crate::path::ImagePath;
use crate::telemetry::event::Event;

/// The work of one flight, with all it needs to outlive the request that started it.
pub(super) struct Fetch<P: Ports> {
    service: Rc<OptimizedMetadataService<P::Signal>>,
    flight: Rc<Flight<P::Signal, FlightEnd>>,
    path: ImagePath,
    key: Rc<str>,
    batch: Option<BatchScope>,
    is_admitted: bool,
    ports: P,
}

impl<P: Ports> Fetch<P> {
    /// Starts the work of `flight`.
    pub(super) fn start(
        service: &Rc<OptimizedMetadataService<P::Signal>>,
        flight: &Rc<Flight<P::Signal, FlightEnd>>,
        target: Target<'_, P>,
        trigger: Trigger,
    ) {
        if trigger.reads_kv()
            && let Some(batch) = target.batch
        {
            batch.add(target.key);
        }
        let fetch = Self {
            service: Rc::clone(service),
            flight: Rc::clone(flight),
            path: target.path.clone(),
            key: Rc::clone(target.key),
            batch: target.batch.cloned(),
            // No client waits for a background refresh.
            is_admitted: target.is_admitted || trigger.is_refresh(),
            ports: target.ports.clone(),
        };
        let signal = target.ports.launch(async move { fetch.run(trigger).await });
        flight.set_signal(signal);
    }

    /// Starts a background refresh, unless a flight of this key is under way. Returns `true` if it started one.
    ///
    /// If memory is stale, so is that of every other isolate that has the image. KV is asked first: the first isolate to
    /// reach the origin saves the others the fetch.
    pub(super) fn refresh(
        service: &Rc<OptimizedMetadataService<P::Signal>>,
        target: Target<'_, P>,
        trigger: Trigger,
    ) -> bool {
        let now_ms = target.ports.now_ms();
        let Join::Lead(flight) = service.join_flight(target.key, now_ms) else {
            return false;
        };
        Self::start(service, &flight, target, trigger);
        true
    }

    fn target(&self) -> Target<'_, P> {
        Target {
            path: &self.path,
            key: &self.key,
            batch: self.batch.as_ref(),
            is_admitted: self.is_admitted,
            ports: &self.ports,
        }
    }

    async fn run(self, trigger: Trigger) {
        let is_refresh = trigger.is_refresh();
        let end = match trigger {
            Trigger::Miss(stale_fallback) => self.look_up(stale_fallback).await,
            Trigger::StaleInMemory(entry) => self.look_up(Some(entry)).await,
            Trigger::NotInKv(known) | Trigger::StaleInKv(known) => self.ask_in_turn(known).await,
        };
        self.service
            .flights
            .borrow_mut()
            .complete(&self.key, &self.flight, end.clone());
        // After a purge, a refresh must not bring the purged record back as its fallback.
        if self.flight.is_invalidated() {
            return;
        }
        match end {
            FlightEnd::NeedsOrigin(known) if is_refresh => self.refresh_in_turn(known),
            FlightEnd::Completed(outcome) if outcome.layer == Layer::Kv => {
                if let Ok(entry) = outcome.result {
                    self.refresh_if_stale(entry, is_refresh);
                }
            }
            _ => {}
        }
    }

    /// Refreshes a stale record of KV from the origin, unless the origin has failed recently.
    fn refresh_if_stale(&self, entry: Rc<Entry>, is_refresh: bool) {
        let (service, now_ms) = (&self.service, self.ports.now_ms());
        let state = entry.state(&service.freshness, now_ms);
        let is_failing = || {
            let mut errors = service.negative_cache.borrow_mut();
            errors.get(&self.key, now_ms).is_some()
        };
        if state != Freshness::StaleWhileRevalidate || is_failing() {
            return;
        }
        let known = AfterKv {
            // By now it is in memory as well, and reported from there. A fallback implies a record in KV.
            fallback: Some(Fallback::in_memory(entry)),
            in_kv: false,
            kv_ms: None,
        };
        let started = Self::refresh(service, self.target(), Trigger::StaleInKv(known));
        // A refresh that goes on at the origin is counted already.
        if started && !is_refresh {
            service.metrics.refreshes.increment();
        }
    }

    /// Refreshes when the batch has a turn at the origin. This is a task of its own: no request waits for it.
    fn refresh_in_turn(self, known: AfterKv) {
        let ports = self.ports.clone();
        ports.launch(async move {
            let Some(batch) = &self.batch else { return };
            let Some(_permit) = batch.turn(&self.ports).await else {
                return;
            };
            let (service, now_ms) = (&self.service, self.ports.now_ms());
            if let Join::Lead(flight) = service.join_flight(&self.key, now_ms) {
                let alone = Target {
                    batch: None,
                    ..self.target()
                };
                Self::start(service, &flight, alone, Trigger::StaleInKv(known));
                service.wait_for(&flight, now_ms, &self.ports).await;
            }
        });
    }

    async fn look_up(&self, stale_fallback: Option<Rc<Entry>>) -> FlightEnd {
        // Two followers of a lost leader take over one after the other. If the flight of the first completes before the
        // second joins, the entry is in memory by now.
        if let Some(outcome) = self.service.hit_in_memory(self.target()) {
            return FlightEnd::Completed(outcome);
        }
        let (service, target) = (&self.service, self.target());
        let KvRead { reading, kv_ms } = service.read_kv(target).await;
        let in_memory = stale_fallback.map(Fallback::in_memory);
        let (fallback, in_kv) = match reading {
            KvReading::Usable(entry) => {
                let state = entry.state(&service.freshness, self.ports.now_ms());
                if state == Freshness::Fresh {
                    service.store_fresh(target, &self.flight, &entry);
                } else {
                    service.store_entry(target, &self.flight, &entry);
                }
                return FlightEnd::Completed(FetchOutcome {
                    result: Ok(entry),
                    layer: Layer::Kv,
                    kv_ms,
                    origin_ms: None,
                });
            }
            KvReading::Fallback(entry) => (Some(Fallback::newer(in_memory, entry)), true),
            KvReading::Unusable => (in_memory, true),
            KvReading::Missing => {
                // Purged elsewhere: what memory has must not come back.
                service.evict(&self.key, &self.flight);
                (None, false)
            }
            KvReading::Unavailable => (in_memory, false),
        };
        let known = AfterKv {
            fallback,
            in_kv,
            kv_ms,
        };
        self.ask_in_turn(known).await
    }

    /// Asks the origin, or ends the flight because the batch has no turn there yet.
    async fn ask_in_turn(&self, known: AfterKv) -> FlightEnd {
        // Another flight may have completed since KV was read.
        let outcome = self.service.hit_in_memory(self.target());
        if let Some(outcome) = outcome.or_else(|| {
            self.service
                .recent_error(self.target(), &self.flight, &known)
        }) {
            return FlightEnd::Completed(outcome);
        }
        let _permit = match &self.batch {
            None => None,
            Some(batch) => match batch.semaphore.try_acquire() {
                None => return FlightEnd::NeedsOrigin(known),
                permit => permit,
            },
        };
        if !self.is_admitted && !self.service.admits(Charge::Origin, &self.ports).await {
            return self.fail(known, OriginError::rate_limited(), None);
        }
        self.ask_origin(known).await
    }

    async fn ask_origin(&self, known: AfterKv) -> FlightEnd {
        let (service, target) = (&self.service, self.target());
        let started_ms = self.ports.now_ms();
        let before = known.metadata();
        let fetch = service.fetch_from_origin(&self.path, before, &self.ports);
        let result = fetch.await;
        let now_ms = self.ports.now_ms();
        let origin_ms = Some(now_ms.saturating_sub(started_ms));
        let OriginFault { error, message } = match result {
            Ok(Fetched { metadata, origin }) => {
                let entry = service.new_entry(target, metadata.clone(), now_ms);
                let stored = service.is_stored(&self.flight);
                service.store_fresh(target, &self.flight, &entry);
                let record = Record {
                    metadata,
                    last_fetched_ms: Some(now_ms),
                    origin: Some(origin),
                };
                service.write_kv_in_background(target, &self.flight, &record);
                return FlightEnd::Completed(FetchOutcome {
                    result: Ok(entry),
                    layer: Layer::Origin { stored },
                    kv_ms: known.kv_ms,
                    origin_ms,
                });
            }
            Err(fault) => fault,
        };
        let event = Event::OriginFailure {
            path: &self.path.encoded(),
            error: &error,
            cause: message.as_deref(),
        };
        service.log(&event, &self.ports);
        self.fail(known, error, origin_ms)
    }

    /// Ends the flight with an error, or with the stale entry that is served instead.
    fn fail(&self, known: AfterKv, error: OriginError, origin_ms: Option<u64>) -> FlightEnd {
        let (service, target, now_ms) = (&self.service, self.target(), self.ports.now_ms());
        let outcome = |result, layer| FetchOutcome {
            result,
            layer,
            kv_ms: known.kv_ms,
            origin_ms,
        };
        let fallback = known.fallback.as_ref();
        let serves_stale = error.allows_stale() && fallback.is_some();
        let cached = service.store_error(&self.key, &self.flight, error, serves_stale, now_ms);
        if !error.allows_stale() {
            self.purge_stale(known.in_kv || fallback.is_some());
        }
        let outcome = match fallback.filter(|_| serves_stale) {
            Some(Fallback { entry, layer }) => {
                service.store_entry(target, &self.flight, entry);
                outcome(Ok(Rc::clone(entry)), *layer)
            }
            None => outcome(Err(cached), Layer::Origin { stored: false }),
        };
        if error.is_private() {
            FlightEnd::Private(outcome, known)
        } else {
            FlightEnd::Completed(outcome)
        }
    }

    /// Removes what the caches have of an image that the origin says does not exist.
    fn purge_stale(&self, in_kv: bool) {
        self.service.evict(&self.key, &self.flight);
        if in_kv && !self.flight.is_invalidated() {
            self.service.delete_from_kv_in_background(self.target());
        }
    }
}

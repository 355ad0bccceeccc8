//! The way of a request through the layers.
//!
//! 1. [`recall`](OptimizedMetadataService::recall) looks in memory, without waiting for anything.
//! 2. On a miss the request boards the flight of its key: it follows the one that is under way,
//!    or leads one, which outlives the request.
//! 3. The flight looks in memory again, reads KV, and asks the origin.
//! 4. It keeps what it found in memory and lands; every request that waits for it answers.
//! 5. Behind the answer it writes KV.

use super::Recall;
use std::cell::RefCell;
use std::rc::Rc;

use crate::cache::entry::Entry;
use crate::cache::freshness::FreshnessPolicy;
use crate::cache::memory_cache::MemoryCache;
use crate::cache::negative_cache::NegativeCache;
use crate::config::{Config, LogLevel};
use crate::lookup::{Layer, Lookup, LookupError, Timing};
use crate::origin::error::{ErrorKind, OriginError};
use crate::origin::id::OriginIds;
use crate::path::ImagePath;
use crate::service::batch_scope::BatchScope;
use crate::service::fetch::{Fetch, Trigger};
use crate::service::fetch_outcome::{FetchOutcome, FlightEnd};
use crate::service::ports::{KvFault, Ports};
use crate::service::single_flight::{Flight, Flights, Join};
use crate::telemetry::families::Snapshot;
use crate::telemetry::log::{Event, Log, Logger};
use crate::telemetry::metrics::Metrics;

/// What a flight may take beyond the limits of its parts before it counts as lost.
const FLIGHT_GRACE_MS: u64 = 1_000;

/// How many bytes of memory each entry of `memoryCacheSize` stands for. Paths of up to some 400 characters fit; longer ones
/// leave room for fewer entries.
const BYTES_PER_ENTRY: usize = 1_536;

/// How often a request boards a flight: once, and once more where the first leader was lost.
const BOARDINGS: usize = 2;

/// How often it boards in all, flights of batches that had no turn at the origin included. Each of them brings it on; this
/// bounds it against ever new batches.
const MOST_BOARDINGS: usize = 8;

/// Image metadata from memory, KV or the origin, with one fetch for any number of requests.
///
/// One instance serves all requests of an isolate. `S` is the [signal](crate::service::ports::Tasks::Signal)
/// of the runtime it lives in.
#[derive(Debug)]
pub struct OptimizedMetadataService<S> {
    pub(crate) config: Config,
    pub(crate) origins: OriginIds,
    pub(crate) freshness: FreshnessPolicy,
    pub(crate) memory: RefCell<MemoryCache<Rc<str>, Rc<Entry>>>,
    pub(crate) negative_cache: RefCell<NegativeCache>,
    pub(crate) flights: RefCell<Flights<S, FlightEnd>>,
    pub(crate) metrics: Metrics,
    logger: RefCell<Logger>,
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// A service with empty caches.
    #[must_use]
    pub fn new(config: Config) -> Rc<Self> {
        let keeps_memory = config.cache_enabled && config.memory_cache_ttl_s > 0;
        let capacity = if keeps_memory {
            config.memory_cache_size
        } else {
            0
        };
        let flight_limit_ms = config
            .kv_timeout_ms
            .saturating_add(config.origin_timeout_ms)
            .saturating_add(FLIGHT_GRACE_MS);
        Rc::new(Self {
            origins: OriginIds::of(&config),
            freshness: config.freshness(),
            memory: RefCell::new(MemoryCache::with_most_bytes(
                capacity,
                capacity.saturating_mul(BYTES_PER_ENTRY),
                |key, entry| entry.weight(key),
            )),
            negative_cache: RefCell::new(if config.cache_enabled {
                NegativeCache::new(config.negative_ttl_s, config.error_ttl_s)
            } else {
                NegativeCache::new(0, 0)
            }),
            flights: RefCell::new(Flights::new(config.max_in_flight, flight_limit_ms)),
            metrics: Metrics::default(),
            logger: RefCell::new(Logger::new(config.log_level)),
            config,
        })
    }

    /// The settings it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it has counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The numbers that there are at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        let memory = self.memory.borrow();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Snapshot {
            metrics: &self.metrics,
            evictions: memory.evicted(),
            in_flight: number(self.flights.borrow().len()),
            entries: number(memory.len()),
            capacity: number(memory.capacity()),
        }
    }

    /// The metadata of the image at `path`.
    ///
    /// # Errors
    /// Where neither a cache nor the origin has an answer; a stale one is preferred to a failure
    /// of the origin.
    pub async fn fetch_metadata<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        ports: &P,
    ) -> Result<Lookup, LookupError> {
        let outcome = self.fetch(path, None, ports).await;
        self.count(&outcome);
        outcome
    }

    /// Counts an answer, each time that it is given: a batch may ask twice for what is looked up once.
    pub(crate) fn count(&self, outcome: &Result<Lookup, LookupError>) {
        if let Ok(lookup) = outcome {
            self.metrics.answered(lookup);
        }
    }

    /// As [`fetch_metadata`](Self::fetch_metadata), alone or as one of a batch. The answer is not
    /// counted yet.
    pub(crate) async fn fetch<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        batch: Option<&BatchScope>,
        ports: &P,
    ) -> Result<Lookup, LookupError> {
        let started_ms = ports.now_ms();
        let key = path.cache_key();
        let recalled = self.recall(&key, started_ms);
        if let Recall::Stale {
            entry,
            refresh: true,
        } = &recalled
            && self.refresh(
                path,
                &key,
                Trigger::StaleInMemory(Rc::clone(entry)),
                batch,
                ports,
            )
        {
            self.metrics.refreshes.count();
        }
        let recalled = recalled.outcome(started_ms);
        self.metrics.memory.count(recalled.is_ok());
        let held = match recalled {
            Ok(outcome) => return outcome,
            Err(held) => held,
        };
        let outcome = self.fly_or_follow(path, &key, held, batch, ports).await;
        let now_ms = ports.now_ms();
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

    /// The metadata under `key` where memory has the last word: no I/O, no waiting, and nothing
    /// left to be done behind the answer.
    #[must_use]
    pub fn recall_metadata(&self, key: &str, now_ms: u64) -> Option<Result<Lookup, LookupError>> {
        let outcome = match self.recall(key, now_ms) {
            Recall::Stale { refresh: true, .. } => return None,
            recalled => recalled.outcome(now_ms).ok()?,
        };
        // What is not answered from here is looked for again, and counted there.
        self.metrics.memory.count(true);
        self.count(&outcome);
        Some(outcome)
    }

    /// Looks further behind the answer, unless somebody is doing so already. Tells which of the two.
    ///
    /// Where memory is stale, so is that of every other isolate that has the image. KV is asked
    /// first: the one isolate that was first at the origin spares the others the way.
    pub(crate) fn refresh<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        key: &Rc<str>,
        trigger: Trigger,
        batch: Option<&BatchScope>,
        ports: &P,
    ) -> bool {
        let Join::Lead(flight) = self.join(key, ports.now_ms()) else {
            return false;
        };
        if let Some(batch) = batch.filter(|_| trigger.reads_kv()) {
            batch.join(key);
        }
        Fetch::new(self, flight, path, key, batch, ports).launch(trigger);
        true
    }

    /// Waits for the flight of `key`, leading it where there is none.
    ///
    /// A leader can be lost: its context is torn down, and with it the rest of its work. Each
    /// request therefore waits with a limit of its own and takes over once. All followers of a
    /// lost leader wake at about the same time; the first of them leads, the others follow it.
    async fn fly_or_follow<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        path: &ImagePath,
        key: &Rc<str>,
        mut held: Option<Rc<Entry>>,
        batch: Option<&BatchScope>,
        ports: &P,
    ) -> FetchOutcome {
        let mut trigger = Trigger::Miss(held.clone());
        let (mut turn, mut lost) = (None, 0);
        for _ in 0..MOST_BOARDINGS {
            let now_ms = ports.now_ms();
            let (flight, leads) = match self.join(key, now_ms) {
                Join::Lead(flight) => (flight, true),
                Join::Follow(flight) => {
                    self.log_at(&Event::Coalesced { key }, now_ms, ports);
                    (flight, false)
                }
                Join::Full => return Self::overloaded(held),
            };
            if leads {
                // A flight that has its turn already needs nothing of the batch.
                let batch = batch.filter(|_| trigger.reads_kv());
                if let Some(batch) = batch {
                    batch.join(key);
                }
                Fetch::new(self, Rc::clone(&flight), path, key, batch, ports)
                    .launch(trigger.clone());
            }
            self.wait(&flight, now_ms, ports).await;
            match flight.outcome() {
                Some(FlightEnd::Completed(outcome) | FlightEnd::Private(outcome, _)) if leads => {
                    return outcome;
                }
                Some(FlightEnd::Completed(outcome)) => {
                    self.metrics.coalesced.count();
                    return FetchOutcome {
                        layer: Layer::InFlight,
                        kv_ms: None,
                        origin_ms: None,
                        ..outcome
                    };
                }
                Some(FlightEnd::NeedsOrigin(known) | FlightEnd::Private(_, known)) => {
                    // A request by itself waits in no queue: it asks at once.
                    if let (Some(batch), None) = (batch, &turn) {
                        turn = batch.turn(ports).await;
                        if turn.is_none() {
                            return Self::overloaded(held);
                        }
                    }
                    trigger = Trigger::NotInKv(known);
                }
                None => {
                    self.flights.borrow_mut().abandon(key, &flight);
                    // A purge may have come since: what it has removed from memory must not stand in.
                    held = match self.recall(key, ports.now_ms()) {
                        Recall::Hit(entry) | Recall::Stale { entry, .. } => Some(entry),
                        Recall::Miss { held } => held,
                        Recall::Failed(_) => None,
                    };
                    trigger = Trigger::Miss(held.clone());
                    lost = usize::saturating_add(lost, 1);
                    if lost == BOARDINGS {
                        break;
                    }
                }
            }
        }
        FetchOutcome::from_failure(ErrorKind::OriginTimeout.into(), Layer::InFlight, held)
    }

    /// Waits until `flight` has ended or counts as lost.
    pub(crate) async fn wait<P: Ports<Signal = S>>(
        &self,
        flight: &Flight<S, FlightEnd>,
        now_ms: u64,
        ports: &P,
    ) {
        if let Some(signal) = flight.signal() {
            let remaining_ms = flight.remaining_ms(now_ms).unwrap_or_default();
            ports.ended(signal, remaining_ms).await;
        }
    }

    fn join(&self, key: &Rc<str>, now_ms: u64) -> Join<S, FlightEnd> {
        self.flights.borrow_mut().join(key, now_ms)
    }

    fn overloaded(held: Option<Rc<Entry>>) -> FetchOutcome {
        // What is full is the way to the origin: memory knew nothing, which is no hit.
        let layer = Layer::Origin { stored: false };
        FetchOutcome::from_failure(OriginError::overloaded(), layer, held)
    }

    pub(crate) fn log_kv_fault(
        &self,
        operation: &'static str,
        fault: &KvFault,
        ports: &impl Ports,
    ) {
        if *fault != KvFault::Unbound {
            self.metrics.kv_failures.count();
        }
        let event = match fault {
            KvFault::Unbound => Event::KvUnbound {
                binding: &self.config.kv_namespace,
            },
            KvFault::Timeout => Event::KvFault {
                operation,
                cause: "timeout",
            },
            KvFault::Failed(cause) => Event::KvFault { operation, cause },
        };
        self.log(&event, ports);
    }

    pub(crate) fn log(&self, event: &Event<'_>, ports: &impl Ports) {
        self.log_at(event, ports.now_ms(), ports);
    }

    pub(crate) fn log_at(&self, event: &Event<'_>, now_ms: u64, log: &dyn Log) {
        self.logger.borrow_mut().log(event, now_ms, log);
    }

    /// Whether anything is logged at `level`.
    pub(crate) fn is_logged(&self, level: LogLevel) -> bool {
        level >= self.config.log_level
    }
}

//! The state of one isolate: settings, caches, flights, counters and log.

use std::cell::RefCell;
use std::rc::Rc;

use super::fetch_outcome::FlightEnd;
use super::flight::Flight;
use super::ports::{Charge, Ports};
use super::single_flight::{Flights, Join};
use super::target::Target;
use crate::cache::entry::Entry;
use crate::cache::freshness::{FreshnessPolicy, Lifetime};
use crate::cache::memory_cache::MemoryCache;
use crate::cache::negative_cache::NegativeCache;
use crate::cache::tags::all_tags;
use crate::config::{Config, LogLevel};
use crate::image::metadata::ImageMetadata;
use crate::telemetry::event::Event;
use crate::telemetry::families::Snapshot;
use crate::telemetry::log::{Log, Logger};
use crate::telemetry::metrics::Metrics;

/// The time before a flight counts as lost, on top of the time limits of KV and the origin.
const FLIGHT_GRACE_MS: u64 = 1_000;

/// The least time after which metadata without its placeholder is fetched again.
const PLACEHOLDER_RETRY_S: u64 = 300;

/// The memory budget of each entry of `memoryCacheSize`, in bytes. Paths of up to about 400 characters fit; longer ones
/// leave room for fewer entries.
const BYTES_PER_ENTRY: usize = 1_536;

/// Image metadata from memory, KV or the origin, with one fetch for any number of requests.
///
/// One instance serves all requests of an isolate. `S` is the [signal](super::ports::Tasks::Signal) of its runtime.
#[derive(Debug)]
pub struct OptimizedMetadataService<S> {
    pub(super) config: Config,
    pub(super) freshness: FreshnessPolicy,
    pub(super) memory: RefCell<MemoryCache<Rc<str>, Rc<Entry>>>,
    pub(super) negative_cache: RefCell<NegativeCache>,
    pub(super) flights: RefCell<Flights<S, FlightEnd>>,
    pub(super) metrics: Metrics,
    logger: RefCell<Logger>,
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Returns a service with empty caches.
    #[must_use]
    pub fn new(config: Config) -> Rc<Self> {
        let uses_memory = config.cache_enabled && config.memory_cache_ttl_s > 0;
        let capacity = if uses_memory {
            config.memory_cache_size
        } else {
            0
        };
        let (negative_ttl_s, error_ttl_s) = if config.cache_enabled {
            (config.negative_ttl_s, config.error_ttl_s)
        } else {
            (0, 0)
        };
        let flight_limit_ms = config
            .kv_timeout_ms
            .saturating_add(config.origin_ms())
            .saturating_add(FLIGHT_GRACE_MS);
        Rc::new(Self {
            freshness: config.freshness(),
            memory: RefCell::new(MemoryCache::with_max_bytes(
                capacity,
                capacity.saturating_mul(BYTES_PER_ENTRY),
                |key, entry| entry.weight(key),
            )),
            negative_cache: RefCell::new(NegativeCache::new(negative_ttl_s, error_ttl_s)),
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

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The counters and sizes at this moment.
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

    /// Creates the entry of metadata that was fetched at `last_fetched_ms`.
    pub(super) fn new_entry<P: Ports>(
        &self,
        target: Target<'_, P>,
        metadata: ImageMetadata,
        last_fetched_ms: u64,
    ) -> Rc<Entry> {
        let mut lifetime = Lifetime::of_complete(self.freshness.lifetime_ms(target.key));
        if self.awaits_placeholders(&metadata) {
            let retry_s = self.config.error_ttl_s.max(PLACEHOLDER_RETRY_S);
            lifetime = lifetime.until_retry(retry_s.saturating_mul(1_000));
        }
        let now_ms = target.ports.now_ms();
        let tags = self.config.edge_cache.then(|| all_tags(target.path));
        Entry::new(
            target.path,
            metadata,
            last_fetched_ms,
            lifetime,
            now_ms,
            tags,
        )
    }

    /// Joins the flight of `key`, or starts one.
    pub(super) fn join_flight(&self, key: &Rc<str>, now_ms: u64) -> Join<S, FlightEnd> {
        self.flights.borrow_mut().join(key, now_ms)
    }

    /// Waits until `flight` has ended or counts as lost.
    pub(super) async fn wait_for<P: Ports<Signal = S>>(
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

    /// Charges the client of a request. Returns `false` if it has exceeded the rate limit. A limiter that fails admits it.
    pub(crate) async fn admits<P: Ports<Signal = S>>(&self, charge: Charge, ports: &P) -> bool {
        match ports.admits(charge).await {
            Ok(admits) => admits,
            Err(cause) => {
                self.log(&Event::RateLimitFault { cause: &cause }, ports);
                true
            }
        }
    }

    /// Logs `event`, with the time of `ports`.
    pub(crate) fn log(&self, event: &Event<'_>, ports: &impl Ports) {
        self.log_at(event, ports.now_ms(), ports);
    }

    pub(crate) fn log_at(&self, event: &Event<'_>, now_ms: u64, log: &dyn Log) {
        self.logger.borrow_mut().log(event, now_ms, log);
    }

    /// Returns `true` if events of `level` are logged.
    pub(crate) fn is_logged(&self, level: LogLevel) -> bool {
        level >= self.config.log_level
    }
}

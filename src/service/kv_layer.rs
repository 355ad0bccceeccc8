//! L2: reads, writes, deletes and lists KV.
//!
//! No other layer knows that caching can be off, or that the namespace may not be bound.

use std::rc::Rc;

use super::fetch_outcome::FlightEnd;
use super::flight::Flight;
use super::kv_writes::{Write, WriteEnd};
use super::ports::{KvFault, Page, Ports, Stored};
use super::state::OptimizedMetadataService;
use super::target::Target;
use crate::cache::entry::Entry;
use crate::cache::freshness::Freshness;
use crate::cache::record::Record;
use crate::origin::id::OriginId;
use crate::path::ImagePath;
use crate::telemetry::event::Event;

/// The shortest time that KV keeps a key.
const MIN_TTL_S: u64 = 60;

/// The time limit of a write, a deletion or a listing. No look-up waits for one.
const WRITE_TIMEOUT_MS: u64 = 10_000;

/// The result of a read of KV.
pub(super) struct KvRead {
    pub(super) reading: KvReading,
    /// How long it took; `None` if caching is off.
    pub(super) kv_ms: Option<u64>,
}

/// The record under a key, by its use.
pub(super) enum KvReading {
    /// A record that may be served.
    Usable(Rc<Entry>),
    /// A record that may be served if the origin fails.
    Fallback(Rc<Entry>),
    /// A record that is too old, malformed, or of another origin.
    Unusable,
    /// No record: the entry in memory may have been purged elsewhere.
    Missing,
    /// KV is off or failing: this says nothing about the entry in memory.
    Unavailable,
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Reads the record of `target`, alone or with the other images of its batch.
    pub(super) async fn read_kv<P: Ports<Signal = S>>(&self, target: Target<'_, P>) -> KvRead {
        if !self.config.cache_enabled {
            return KvRead {
                reading: KvReading::Unavailable,
                kv_ms: None,
            };
        }
        let started_ms = target.ports.now_ms();
        let stored = self.read_record(target).await;
        // Without a namespace nothing was read, and nothing is counted.
        let is_bound = !matches!(stored, Err(KvFault::Unbound));
        let reading = match stored {
            Ok(stored) => self.classify(target, stored),
            Err(fault) => {
                self.log_kv_fault("read", &fault, target.ports);
                KvReading::Unavailable
            }
        };
        if is_bound {
            let is_hit = matches!(reading, KvReading::Usable(_));
            self.metrics.kv.count(is_hit);
        }
        KvRead {
            reading,
            kv_ms: Some(target.ports.now_ms().saturating_sub(started_ms)),
        }
    }

    async fn read_record<P: Ports<Signal = S>>(
        &self,
        target: Target<'_, P>,
    ) -> Result<Stored, KvFault> {
        let shared = match target.batch {
            Some(batch) => batch.read(target.key).await,
            None => None,
        };
        match shared {
            Some(stored) => stored,
            None => {
                let (cache_ttl_s, timeout_ms) =
                    (self.config.kv_read_cache_ttl_s, self.config.kv_timeout_ms);
                target.ports.read(target.key, cache_ttl_s, timeout_ms).await
            }
        }
    }

    fn classify<P: Ports>(&self, target: Target<'_, P>, stored: Stored) -> KvReading {
        let (Stored::Metadata(json) | Stored::Value(json)) = stored else {
            return KvReading::Missing;
        };
        let mut record = match Record::decode(&json) {
            Ok(record) => record,
            Err(reason) => {
                let path = &target.path.encoded();
                self.log(&Event::MalformedRecord { path, reason }, target.ports);
                return KvReading::Unusable;
            }
        };
        if !self.accepts(target.path, record.origin) {
            return KvReading::Unusable;
        }
        // Without the time of its fetch, a record cannot be shown to be within any window.
        let Some(last_fetched_ms) = record.last_fetched_ms else {
            return KvReading::Unusable;
        };
        // The settings may have changed since it was written.
        record
            .metadata
            .placeholders
            .retain(self.config.placeholders);
        let entry = self.new_entry(target, record.metadata, last_fetched_ms);
        match entry.state(&self.freshness, target.ports.now_ms()) {
            Freshness::Expired => KvReading::Unusable,
            Freshness::StaleIfError => KvReading::Fallback(entry),
            // The older form, as the value, is rewritten by the refresh that follows its freshness, and not before: KV may
            // read it from its cache for a while after a purge, and a write would bring it back for good.
            Freshness::StaleWhileRevalidate | Freshness::Fresh => KvReading::Usable(entry),
        }
    }

    /// Returns `true` if a record of `origin` may be served for `path`.
    fn accepts(&self, path: &ImagePath, origin: Option<OriginId>) -> bool {
        let route = self.config.origins.route(path.as_str());
        route.is_some_and(|route| route.accepts(origin))
    }

    /// Returns `true` if what `flight` has fetched is cached.
    pub(super) fn is_stored(&self, flight: &Flight<S, FlightEnd>) -> bool {
        self.config.cache_enabled && !flight.is_invalidated()
    }

    /// Writes a record in the background, and undoes that if a purge comes in between.
    pub(super) fn write_kv_in_background<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        target: Target<'_, P>,
        flight: &Rc<Flight<S, FlightEnd>>,
        record: &Record,
    ) {
        if !self.config.cache_enabled {
            return;
        }
        let now_ms = target.ports.now_ms();
        let age_ms = now_ms.saturating_sub(record.last_fetched_ms.unwrap_or(now_ms));
        let remaining_ms = self.freshness.retention_ms().saturating_sub(age_ms);
        let write = Write {
            metadata: record.encode(),
            ttl_s: remaining_ms.div_ceil(1_000).max(MIN_TTL_S),
        };
        let begun = {
            let mut flights = self.flights.borrow_mut();
            flights.writes.begin(target.key, flight, write, now_ms)
        };
        let Some(mut write) = begun else { return };
        let (service, key, ports) = (Rc::clone(self), Rc::clone(target.key), target.ports.clone());
        let mut flight = Rc::clone(flight);
        target.ports.launch(async move {
            loop {
                service.put(&key, &write, &ports).await;
                let end = {
                    let mut flights = service.flights.borrow_mut();
                    flights.writes.end(&key, &flight, ports.now_ms())
                };
                match end {
                    WriteEnd::Kept => return,
                    WriteEnd::Purged => {
                        // A fault is logged there; no request waits for the outcome.
                        let _ = service.delete_from_kv(&key, &ports).await;
                        return;
                    }
                    WriteEnd::Next(next_flight, next_write) => {
                        (flight, write) = (next_flight, next_write);
                    }
                }
            }
        });
    }

    async fn put<P: Ports<Signal = S>>(&self, key: &str, write: &Write, ports: &P) {
        let Write { metadata, ttl_s } = write;
        let written = ports.write(key, metadata, *ttl_s, WRITE_TIMEOUT_MS).await;
        if written != Err(KvFault::Unbound) {
            self.metrics.kv_writes.increment();
        }
        if let Err(fault) = written {
            self.log_kv_fault("write", &fault, ports);
        }
    }

    /// Deletes the record of a key in the background.
    pub(super) fn delete_from_kv_in_background<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        target: Target<'_, P>,
    ) {
        if !self.config.cache_enabled {
            return;
        }
        let (service, key, ports) = (Rc::clone(self), Rc::clone(target.key), target.ports.clone());
        target.ports.launch(async move {
            let _ = service.delete_from_kv(&key, &ports).await;
        });
    }

    /// Deletes the record of a key. A namespace that is not bound has none.
    pub(super) async fn delete_from_kv<P: Ports<Signal = S>>(
        &self,
        key: &str,
        ports: &P,
    ) -> Result<(), KvFault> {
        if !self.config.cache_enabled {
            return Ok(());
        }
        let deleted = ports.delete(key, WRITE_TIMEOUT_MS).await;
        if deleted != Err(KvFault::Unbound) {
            self.metrics.kv_deletes.increment();
        }
        self.or_empty(deleted, "delete", ports)
    }

    /// Lists up to `limit` keys that begin with `prefix`. A namespace that is not bound has none.
    pub(super) async fn list_kv<P: Ports<Signal = S>>(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        ports: &P,
    ) -> Result<Page, KvFault> {
        if !self.config.cache_enabled {
            return Ok(Page::default());
        }
        let page = ports.list(prefix, cursor, limit, WRITE_TIMEOUT_MS).await;
        self.or_empty(page, "list", ports)
    }

    /// Turns the fault of a namespace that is not bound into an empty result, and logs any other.
    fn or_empty<T: Default>(
        &self,
        result: Result<T, KvFault>,
        operation: &'static str,
        ports: &impl Ports,
    ) -> Result<T, KvFault> {
        match result {
            Err(KvFault::Unbound) => Ok(T::default()),
            Err(fault) => {
                self.log_kv_fault(operation, &fault, ports);
                Err(fault)
            }
            done => done,
        }
    }

    fn log_kv_fault(&self, operation: &'static str, fault: &KvFault, ports: &impl Ports) {
        if *fault != KvFault::Unbound {
            self.metrics.kv_failures.increment();
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
}

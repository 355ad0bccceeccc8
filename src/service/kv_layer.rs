//! What the leader of a flight does with KV: read it, and write it behind the answer.

use std::rc::Rc;

use super::fetch::Fetch;
use crate::cache::entry::Entry;
use crate::cache::freshness::Freshness;
use crate::cache::record::Record;
use crate::service::ports::{KvFault, Ports, Stored};
use crate::service::single_flight::{Write, WriteEnd};
use crate::telemetry::log::Event;

/// KV keeps nothing for less than this.
const MIN_KV_TTL_S: u64 = 60;

/// Longest wait for a KV write or deletion, which only the runtime or an operator waits for.
pub(crate) const KV_WRITE_TIMEOUT_MS: u64 = 10_000;

/// What KV said.
pub(super) enum KvAnswer {
    /// A record that may be served as it is.
    Usable(Rc<Entry>),
    /// A record that may be served if the origin fails.
    LastResort(Rc<Entry>),
    /// A record that is too old, malformed, or of another origin.
    Useless,
    /// No record: whatever memory holds may have been purged.
    Nothing,
    /// KV is off or failing: it tells nothing about what memory holds.
    Unknown,
}

impl<P: Ports> Fetch<P> {
    pub(super) async fn read_kv(&self) -> KvAnswer {
        let config = &self.service.config;
        if !config.cache_enabled {
            return KvAnswer::Unknown;
        }
        let shared = match &self.batch {
            Some(batch) => batch.read(&self.key).await,
            None => None,
        };
        let reading = match shared {
            Some(reading) => reading,
            None => {
                let (cache_ttl_s, timeout_ms) = (config.kv_read_cache_ttl_s, config.kv_timeout_ms);
                self.ports.read(&self.key, cache_ttl_s, timeout_ms).await
            }
        };
        let answer = match reading {
            Ok(stored) => self.judge(stored),
            Err(fault) => {
                self.service.log_kv_fault("read", &fault, &self.ports);
                if fault == KvFault::Unbound {
                    // Nothing was read.
                    return KvAnswer::Unknown;
                }
                KvAnswer::Unknown
            }
        };
        let usable = matches!(answer, KvAnswer::Usable(_));
        self.service.metrics.kv.count(usable);
        answer
    }

    fn judge(&self, stored: Stored) -> KvAnswer {
        let (Stored::Metadata(json) | Stored::Value(json)) = stored else {
            return KvAnswer::Nothing;
        };
        let record = match Record::decode(&json) {
            Ok(record) => record,
            Err(reason) => {
                let path = &self.path.encoded();
                let event = Event::MalformedRecord { path, reason };
                self.service.log(&event, &self.ports);
                return KvAnswer::Useless;
            }
        };
        if !self.service.origins.accept(record.origin) {
            return KvAnswer::Useless;
        }
        // A record that does not say when it was fetched is past every window.
        let Some(last_fetched_ms) = record.last_fetched_ms else {
            return KvAnswer::Useless;
        };
        let entry = self.entry(record.metadata, last_fetched_ms);
        let state = entry.state(&self.service.freshness, self.ports.now_ms());
        match state {
            Freshness::Expired => KvAnswer::Useless,
            Freshness::StaleIfError => KvAnswer::LastResort(entry),
            // The older form, as the value, is rewritten by the refresh that follows freshness, and not before: KV may
            // read it from its cache for a while after a purge, and a write would bring it back for good.
            Freshness::StaleWhileRevalidate | Freshness::Fresh => KvAnswer::Usable(entry),
        }
    }

    pub(super) async fn delete_from_kv(&self) {
        // A fault is told there; nobody waits for the outcome here.
        let _ = self.service.delete(&self.key, &self.ports).await;
    }

    /// Writes a record in the background, and undoes that if a purge comes in between.
    pub(super) fn write_kv_behind(&self, record: &Record) {
        if !self.service.config.cache_enabled {
            return;
        }
        let now_ms = self.ports.now_ms();
        let age_ms = now_ms.saturating_sub(record.last_fetched_ms.unwrap_or(now_ms));
        let remaining_ms = self.service.freshness.retention_ms().saturating_sub(age_ms);
        let write = Write {
            metadata: record.encode(),
            ttl_s: remaining_ms.div_ceil(1_000).max(MIN_KV_TTL_S),
        };
        let begun = {
            let mut flights = self.service.flights.borrow_mut();
            flights.begin_write(&self.key, &self.flight, write, now_ms)
        };
        if let Some(write) = begun {
            let fetch = self.clone();
            self.ports.launch(async move { fetch.write(write).await });
        }
    }

    async fn write(self, write: Write) {
        let mut current = (Rc::clone(&self.flight), write);
        loop {
            let (flight, write) = &current;
            self.put(write).await;
            let end = {
                let now_ms = self.ports.now_ms();
                let mut flights = self.service.flights.borrow_mut();
                flights.end_write(&self.key, flight, now_ms)
            };
            match end {
                WriteEnd::Kept => return,
                WriteEnd::Purged => return self.delete_from_kv().await,
                WriteEnd::Next(flight, write) => current = (flight, write),
            }
        }
    }

    async fn put(&self, write: &Write) {
        let Write { metadata, ttl_s } = write;
        let (ports, timeout_ms) = (&self.ports, KV_WRITE_TIMEOUT_MS);
        let written = ports.write(&self.key, metadata, *ttl_s, timeout_ms).await;
        if written != Err(KvFault::Unbound) {
            self.service.metrics.kv_writes.count();
        }
        if let Err(fault) = written {
            self.service.log_kv_fault("write", &fault, ports);
        }
    }
}

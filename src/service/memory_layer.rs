//! L1: what memory has of a key, and what a fetch stores there.
//!
//! A flight that was invalidated stores nothing: a purge or a later flight has taken its place.

use std::rc::Rc;

use super::fetch_outcome::{AfterKv, FetchOutcome, FlightEnd};
use super::flight::Flight;
use super::ports::Ports;
use super::state::OptimizedMetadataService;
use super::target::Target;
use crate::cache::entry::Entry;
use crate::cache::freshness::Freshness;
use crate::cache::negative_cache::CachedError;
use crate::lookup::{Layer, Lookup, LookupError, Timing};
use crate::origin::error::OriginError;
use crate::telemetry::event::Event;

/// What memory has of a key.
#[derive(Debug)]
pub(super) enum MemoryLookup {
    /// A fresh entry.
    Hit(Rc<Entry>),
    /// An entry to serve stale.
    Stale {
        entry: Rc<Entry>,
        /// Start a background refresh: the origin has not failed recently.
        refresh: bool,
    },
    /// The origin failed recently, and no entry may be served instead.
    Failed(CachedError),
    /// Nothing to serve yet; ask the next layer.
    Miss {
        /// An entry to serve if all layers fail.
        stale_fallback: Option<Rc<Entry>>,
    },
}

impl MemoryLookup {
    /// Returns the result of the look-up, or the entry to serve if the layers below fail.
    pub(super) fn decide(self, now_ms: u64) -> Decision {
        let (layer, timing) = (Layer::Memory, Timing::default());
        match self {
            Self::Hit(entry) | Self::Stale { entry, .. } => Decision::Made(Ok(Lookup {
                entry,
                layer,
                now_ms,
                timing,
            })),
            Self::Failed(cached) => Decision::Made(Err(LookupError {
                cause: cached.error,
                layer,
                remaining_s: cached.remaining_s,
                timing,
            })),
            Self::Miss { stale_fallback } => Decision::Open { stale_fallback },
        }
    }
}

/// Whether memory has the result of a look-up.
pub(super) enum Decision {
    /// It has the result.
    Made(Result<Lookup, LookupError>),
    /// The layers below are to be asked.
    Open { stale_fallback: Option<Rc<Entry>> },
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Looks `key` up in memory, without I/O.
    pub(super) fn lookup_memory(&self, key: &str, now_ms: u64) -> MemoryLookup {
        let entry = self.memory.borrow_mut().get(key).cloned();
        let state = entry.as_ref().map_or(Freshness::Expired, |entry| {
            entry.state(&self.freshness, now_ms)
        });
        let is_past_ttl = |entry: &Entry| {
            entry.resident_ms(now_ms) >= self.config.memory_cache_ttl_s.saturating_mul(1_000)
        };
        let entry = entry.filter(|_| state != Freshness::Expired);
        let cached_error = || self.negative_cache.borrow_mut().get(key, now_ms);
        match (entry, state) {
            (Some(entry), Freshness::Fresh) if !is_past_ttl(&entry) => MemoryLookup::Hit(entry),
            (Some(entry), Freshness::StaleWhileRevalidate) if !is_past_ttl(&entry) => {
                let refresh = cached_error().is_none();
                MemoryLookup::Stale { entry, refresh }
            }
            (entry, _) => match (cached_error(), entry) {
                (Some(cached), Some(entry)) if cached.error.allows_stale() => MemoryLookup::Stale {
                    entry,
                    refresh: false,
                },
                // Memory is off, or has evicted the entry that was served instead: KV still has it.
                (Some(cached), stale_fallback) if cached.has_fallback => {
                    MemoryLookup::Miss { stale_fallback }
                }
                (Some(cached), _) => MemoryLookup::Failed(cached),
                (None, stale_fallback) => MemoryLookup::Miss { stale_fallback },
            },
        }
    }

    /// Stores a fresh entry, and clears an earlier error of the origin.
    pub(super) fn store_fresh<P: Ports<Signal = S>>(
        &self,
        target: Target<'_, P>,
        flight: &Flight<S, FlightEnd>,
        entry: &Rc<Entry>,
    ) {
        self.store_entry(target, flight, entry);
        if !flight.is_invalidated() {
            self.negative_cache.borrow_mut().remove(target.key);
        }
    }

    /// Stores an entry, fresh or stale. An error of the origin stays in the negative cache.
    pub(super) fn store_entry<P: Ports<Signal = S>>(
        &self,
        target: Target<'_, P>,
        flight: &Flight<S, FlightEnd>,
        entry: &Rc<Entry>,
    ) {
        if flight.is_invalidated() {
            return;
        }
        let (before, pruned) = {
            let mut memory = self.memory.borrow_mut();
            let before = memory.len();
            let pruned = memory.insert(Rc::clone(target.key), Rc::clone(entry));
            (before, pruned)
        };
        if pruned > 0 {
            self.log(&Event::Pruned { before, pruned }, target.ports);
        }
    }

    /// Stores an error in the negative cache, unless it concerns the request alone.
    pub(super) fn store_error(
        &self,
        key: &Rc<str>,
        flight: &Flight<S, FlightEnd>,
        error: OriginError,
        has_fallback: bool,
        now_ms: u64,
    ) -> CachedError {
        if flight.is_invalidated() || error.is_private() {
            return CachedError::uncached(error);
        }
        let mut errors = self.negative_cache.borrow_mut();
        errors.insert(key, error, has_fallback, now_ms)
    }

    /// Returns the outcome of a fetch whose image is in memory by now.
    pub(super) fn hit_in_memory<P: Ports>(&self, target: Target<'_, P>) -> Option<FetchOutcome> {
        match self.lookup_memory(target.key, target.ports.now_ms()) {
            MemoryLookup::Hit(entry) => Some(FetchOutcome {
                result: Ok(entry),
                layer: Layer::Memory,
                kv_ms: None,
                origin_ms: None,
            }),
            _ => None,
        }
    }

    /// Returns the outcome of a fetch whose origin failed recently: the fallback that KV or memory has, else the error.
    pub(super) fn recent_error<P: Ports<Signal = S>>(
        &self,
        target: Target<'_, P>,
        flight: &Flight<S, FlightEnd>,
        known: &AfterKv,
    ) -> Option<FetchOutcome> {
        let now_ms = target.ports.now_ms();
        let mut errors = self.negative_cache.borrow_mut();
        let cached = errors.get(target.key, now_ms)?;
        let fallback = known.fallback.as_ref();
        let fallback = fallback.filter(|_| cached.error.allows_stale());
        let (result, layer) = match fallback {
            Some(fallback) => (Ok(Rc::clone(&fallback.entry)), fallback.layer),
            None => {
                errors.clear_fallback(target.key);
                (Err(cached), Layer::Memory)
            }
        };
        drop(errors);
        if let Ok(entry) = &result {
            self.store_entry(target, flight, entry);
        }
        Some(FetchOutcome {
            result,
            layer,
            kv_ms: known.kv_ms,
            origin_ms: None,
        })
    }

    /// Removes an entry that another layer has shown to be wrong.
    pub(super) fn evict(&self, key: &str, flight: &Flight<S, FlightEnd>) {
        if !flight.is_invalidated() {
            self.memory.borrow_mut().remove(key);
        }
    }
}

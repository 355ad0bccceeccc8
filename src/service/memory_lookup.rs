//! What memory says about a key.

use std::rc::Rc;

use super::OptimizedMetadataService;
use crate::cache::entry::Entry;
use crate::cache::freshness::Freshness;
use crate::cache::negative_cache::CachedError;
use crate::lookup::{Layer, Lookup, LookupError, Timing};

/// What memory says about a key.
#[derive(Debug)]
pub enum Recall {
    /// Serve it.
    Hit(Rc<Entry>),
    /// Serve it; look further behind the answer if `refresh`.
    Stale {
        /// The stale entry.
        entry: Rc<Entry>,
        /// Not where it was asked a moment ago and failed.
        refresh: bool,
    },
    /// It failed a moment ago.
    Failed(CachedError),
    /// Ask the next layer; serve `held` where all of them fail.
    Miss {
        /// An entry that is too old to be served without asking.
        held: Option<Rc<Entry>>,
    },
}

impl Recall {
    /// The answer that memory has, or else what it holds for the case that nobody has one.
    pub(super) fn outcome(
        self,
        now_ms: u64,
    ) -> Result<Result<Lookup, LookupError>, Option<Rc<Entry>>> {
        match self {
            Self::Hit(entry) | Self::Stale { entry, .. } => Ok(Ok(Lookup {
                entry,
                layer: Layer::Memory,
                now_ms,
                timing: Timing::default(),
            })),
            Self::Failed(cached) => Ok(Err(LookupError {
                cause: cached.error,
                layer: Layer::Memory,
                remaining_s: cached.remaining_s,
                timing: Timing::default(),
            })),
            Self::Miss { held } => Err(held),
        }
    }
}

impl<S> OptimizedMetadataService<S> {
    /// Looks in memory only: no I/O, no waiting.
    pub fn recall(&self, key: &str, now_ms: u64) -> Recall {
        let held = self.memory.borrow_mut().get(key).cloned();
        let state = held.as_ref().map_or(Freshness::Expired, |entry| {
            entry.state(&self.freshness, now_ms)
        });
        let kept_too_long = |entry: &Entry| {
            entry.resident_ms(now_ms) >= self.config.memory_cache_ttl_s.saturating_mul(1_000)
        };
        let held = held.filter(|_| state != Freshness::Expired);
        match (held, state) {
            (Some(entry), Freshness::Fresh) if !kept_too_long(&entry) => Recall::Hit(entry),
            (Some(entry), Freshness::StaleWhileRevalidate) if !kept_too_long(&entry) => {
                let refresh = self.negative_cache.borrow_mut().get(key, now_ms).is_none();
                Recall::Stale { entry, refresh }
            }
            (held, _) => match (self.negative_cache.borrow_mut().get(key, now_ms), held) {
                (Some(cached), Some(entry)) if cached.error.allows_stale() => Recall::Stale {
                    entry,
                    refresh: false,
                },
                // Memory is off, or has evicted what stood in: KV has it still.
                (Some(cached), held) if cached.has_fallback => Recall::Miss { held },
                (Some(cached), _) => Recall::Failed(cached),
                (None, held) => Recall::Miss { held },
            },
        }
    }
}

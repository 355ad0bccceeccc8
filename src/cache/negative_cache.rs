//! The negative cache: recent failures.
//!
//! It has its own LRU, so that requests for missing images cannot evict entries of L1. Failures are not stored in KV:
//! they may be temporary, and may affect only this isolate.

use std::rc::Rc;

use crate::cache::memory_cache::MemoryCache;
use crate::origin::error::{ErrorKind, OriginError};

/// The maximum number of keys.
const CAPACITY: usize = 1_000;

/// A recent failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedError {
    /// The reason for the failure.
    pub error: OriginError,
    /// The remaining time in the cache, in whole seconds, rounded up.
    pub remaining_s: u64,
    /// `true` if a stale record was served instead. Later requests look it up again, and do not fetch from the origin.
    pub has_fallback: bool,
}

impl CachedError {
    /// Returns a failure that is not cached: the next request fetches again.
    #[must_use]
    pub fn uncached(error: OriginError) -> Self {
        Self {
            error,
            remaining_s: 0,
            has_fallback: false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct CacheEntry {
    error: OriginError,
    expires_ms: u64,
    has_fallback: bool,
}

/// Recent failures by key. Until they expire, their images are not fetched again.
#[derive(Debug)]
pub struct NegativeCache {
    errors: MemoryCache<Rc<str>, CacheEntry>,
    negative_ms: u64,
    error_ms: u64,
}

impl NegativeCache {
    /// Returns an empty cache that stores a missing image for `negative_s` seconds, and any other failure for
    /// `error_s`.
    #[must_use]
    pub fn new(negative_s: u64, error_s: u64) -> Self {
        Self {
            errors: MemoryCache::new(CAPACITY),
            negative_ms: negative_s.saturating_mul(1_000),
            error_ms: error_s.saturating_mul(1_000),
        }
    }

    /// Returns the failure of `key`, if it has not expired.
    pub fn get(&mut self, key: &str, now_ms: u64) -> Option<CachedError> {
        let entry = *self.errors.get(key)?;
        let remaining_ms = entry.expires_ms.saturating_sub(now_ms);
        if remaining_ms == 0 {
            self.errors.remove(key);
            return None;
        }
        Some(CachedError {
            error: entry.error,
            remaining_s: remaining_ms.div_ceil(1_000),
            has_fallback: entry.has_fallback,
        })
    }

    /// Stores that `key` failed at `now_ms`, and if a stale record was served instead.
    pub fn insert(
        &mut self,
        key: &Rc<str>,
        error: OriginError,
        has_fallback: bool,
        now_ms: u64,
    ) -> CachedError {
        let ttl_ms = match error.kind {
            ErrorKind::NotFound => self.negative_ms,
            _ => self.error_ms,
        };
        if ttl_ms > 0 {
            let expires_ms = now_ms.saturating_add(ttl_ms);
            let entry = CacheEntry {
                error,
                expires_ms,
                has_fallback,
            };
            self.errors.insert(Rc::clone(key), entry);
        }
        CachedError {
            error,
            remaining_s: ttl_ms.div_ceil(1_000),
            has_fallback,
        }
    }

    /// Records that `key` no longer has a stale record to serve: requests get the failure until it expires.
    pub fn clear_fallback(&mut self, key: &str) {
        if let Some(entry) = self.errors.get_mut(key) {
            entry.has_fallback = false;
        }
    }

    /// Removes `key`, after a success or a purge.
    pub fn remove(&mut self, key: &str) {
        self.errors.remove(key);
    }

    /// Removes all keys that begin with `prefix`.
    pub fn remove_prefix(&mut self, prefix: &str) {
        self.errors.remove_all(|key| key.starts_with(prefix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_image_and_any_other_failure_expire_separately() {
        let mut cache = NegativeCache::new(60, 5);
        let (missing, failed) = (Rc::from("missing"), Rc::from("failed"));
        cache.insert(&missing, ErrorKind::NotFound.into(), false, 0);
        cache.insert(&failed, ErrorKind::OriginFailed.into(), false, 0);
        assert_eq!(cache.get("failed", 4_999).unwrap().remaining_s, 1);
        assert_eq!(cache.get("failed", 5_000), None);
        assert_eq!(cache.get("missing", 59_000).unwrap().remaining_s, 1);
        assert_eq!(cache.get("missing", 60_000), None);
        assert_eq!(cache.errors.len(), 0);
    }

    #[test]
    fn a_time_of_zero_disables_the_cache() {
        let mut cache = NegativeCache::new(0, 0);
        let key = Rc::from("key");
        assert_eq!(
            cache
                .insert(&key, ErrorKind::NotFound.into(), false, 0)
                .remaining_s,
            0
        );
        assert_eq!(cache.get("key", 0), None);
    }

    #[test]
    fn the_number_of_failures_is_limited() {
        let mut cache = NegativeCache::new(60, 5);
        for n in 0..10_000 {
            cache.insert(&format!("{n}").into(), ErrorKind::NotFound.into(), false, 0);
        }
        assert!(cache.errors.len() <= CAPACITY);
    }
}

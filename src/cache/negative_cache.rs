//! Negative cache of recent failures.
//!
//! It has an LRU of its own, so that probing for missing images cannot push good entries out of
//! L1. It is never written to KV: a failure is this isolate's view of one moment.

use std::rc::Rc;

use crate::cache::memory_cache::MemoryCache;
use crate::origin::error::{ErrorKind, OriginError};

/// Most keys.
const CAPACITY: usize = 1_000;

/// A recent failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedError {
    /// What happened.
    pub error: OriginError,
    /// Whole seconds, rounded up, until the origin is asked again.
    pub remaining_s: u64,
    /// A stale record was served instead. It is looked for again, without the origin.
    pub has_fallback: bool,
}

impl CachedError {
    /// A failure for this moment only: the next request asks the origin again.
    #[must_use]
    pub fn once(error: OriginError) -> Self {
        Self {
            error,
            remaining_s: 0,
            has_fallback: false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Expiring {
    error: OriginError,
    until_ms: u64,
    has_fallback: bool,
}

/// Recent failures by key, which the origin is not asked about again for a while.
#[derive(Debug)]
pub struct NegativeCache {
    errors: MemoryCache<Rc<str>, Expiring>,
    negative_ms: u64,
    error_ms: u64,
}

impl NegativeCache {
    /// A missing image is remembered for `negative_s` seconds, any other failure for `error_s`.
    #[must_use]
    pub fn new(negative_s: u64, error_s: u64) -> Self {
        Self {
            errors: MemoryCache::new(CAPACITY),
            negative_ms: negative_s.saturating_mul(1_000),
            error_ms: error_s.saturating_mul(1_000),
        }
    }

    /// The failure of `key`, if it still stands.
    pub fn get(&mut self, key: &str, now_ms: u64) -> Option<CachedError> {
        let expiring = *self.errors.get(key)?;
        let remaining_ms = expiring.until_ms.saturating_sub(now_ms);
        if remaining_ms == 0 {
            self.errors.remove(key);
            return None;
        }
        Some(CachedError {
            error: expiring.error,
            remaining_s: remaining_ms.div_ceil(1_000),
            has_fallback: expiring.has_fallback,
        })
    }

    /// Remembers that `key` failed at `now_ms`, and whether a stale record was served instead.
    pub fn insert(
        &mut self,
        key: &Rc<str>,
        error: OriginError,
        has_fallback: bool,
        now_ms: u64,
    ) -> CachedError {
        let for_ms = match error.kind {
            ErrorKind::NotFound => self.negative_ms,
            _ => self.error_ms,
        };
        if for_ms > 0 {
            let until_ms = now_ms.saturating_add(for_ms);
            let expiring = Expiring {
                error,
                until_ms,
                has_fallback,
            };
            self.errors.insert(Rc::clone(key), expiring);
        }
        CachedError {
            error,
            remaining_s: for_ms.div_ceil(1_000),
            has_fallback,
        }
    }

    /// The stale record of `key` is gone: until the origin is asked again, only the failure is left.
    pub fn clear_fallback(&mut self, key: &str) {
        if let Some(expiring) = self.errors.get_mut(key) {
            expiring.has_fallback = false;
        }
    }

    /// Forgets `key`, which has succeeded or was purged.
    pub fn remove(&mut self, key: &str) {
        self.errors.remove(key);
    }

    /// Forgets all keys that begin with `prefix`.
    pub fn remove_prefix(&mut self, prefix: &str) {
        self.errors.remove_all(|key| key.starts_with(prefix));
    }

    /// How many failures are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_own_time() {
        let mut memory = NegativeCache::new(60, 5);
        let (missing, broken) = (Rc::from("missing"), Rc::from("broken"));
        memory.insert(&missing, ErrorKind::NotFound.into(), false, 0);
        memory.insert(&broken, ErrorKind::OriginFailed.into(), false, 0);
        assert_eq!(memory.get("broken", 4_999).unwrap().remaining_s, 1);
        assert_eq!(memory.get("broken", 5_000), None);
        assert_eq!(memory.get("missing", 59_000).unwrap().remaining_s, 1);
        assert_eq!(memory.get("missing", 60_000), None);
        assert!(memory.is_empty());
    }

    #[test]
    fn a_time_of_zero_remembers_nothing() {
        let mut memory = NegativeCache::new(0, 0);
        let key = Rc::from("key");
        assert_eq!(
            memory
                .insert(&key, ErrorKind::NotFound.into(), false, 0)
                .remaining_s,
            0
        );
        assert_eq!(memory.get("key", 0), None);
    }

    #[test]
    fn it_stays_small() {
        let mut memory = NegativeCache::new(60, 5);
        for n in 0..10_000 {
            memory.insert(&format!("{n}").into(), ErrorKind::NotFound.into(), false, 0);
        }
        assert!(memory.len() <= CAPACITY);
    }
}

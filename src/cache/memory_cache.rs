//! A least-recently-used cache in memory that evicts several entries at a time.

use std::borrow::Borrow;
use std::hash::Hash;

use lru::LruCache;

/// A write to a full cache evicts this fraction of the entries: one fifth.
const EVICTION_DIVISOR: usize = 5;

/// A least-recently-used cache with a limit on the number of entries, and an optional limit on their bytes.
///
/// A read makes its entry the most recently used. If the cache is full, a write of a new key first evicts the fifth
/// that was used least recently. So only few writes have the cost of eviction, and reads never have it.
#[derive(Debug)]
pub struct MemoryCache<K: Hash + Eq, V> {
    entries: LruCache<K, V>,
    capacity: usize,
    evicted: u64,
    weigh: fn(&K, &V) -> usize,
    bytes: usize,
    max_bytes: usize,
}

impl<K: Hash + Eq, V> MemoryCache<K, V> {
    /// Returns an empty cache. With a capacity of 0 it stores nothing.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_max_bytes(capacity, usize::MAX, |_, _| 0)
    }

    /// Returns an empty cache whose entries have at most `max_bytes` in total, as counted by `weigh`. It always stores
    /// the latest entry, even if that one alone is larger.
    #[must_use]
    pub(crate) fn with_max_bytes(
        capacity: usize,
        max_bytes: usize,
        weigh: fn(&K, &V) -> usize,
    ) -> Self {
        Self {
            entries: LruCache::unbounded(),
            capacity,
            evicted: 0,
            weigh,
            bytes: 0,
            max_bytes,
        }
    }

    /// Returns the value of `key`, and makes it the most recently used.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get(key)
    }

    /// Returns the value of `key` for changes in place, and makes it the most recently used.
    pub(crate) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get_mut(key)
    }

    /// Stores `value` as the most recently used. Returns how many entries were evicted.
    pub fn insert(&mut self, key: K, value: V) -> u64 {
        if self.capacity == 0 {
            return 0;
        }
        let evicted = self.evicted;
        if self.entries.len() >= self.capacity && !self.entries.contains(&key) {
            self.evict_fifth();
        }
        let weight = (self.weigh)(&key, &value);
        if let Some((key, replaced)) = self.entries.push(key, value) {
            self.bytes = self.bytes.saturating_sub((self.weigh)(&key, &replaced));
        }
        self.bytes = self.bytes.saturating_add(weight);
        while self.bytes > self.max_bytes && self.entries.len() > 1 {
            self.pop_lru();
        }
        self.evicted.saturating_sub(evicted)
    }

    fn pop_lru(&mut self) {
        if let Some((key, value)) = self.entries.pop_lru() {
            self.bytes = self.bytes.saturating_sub((self.weigh)(&key, &value));
            self.evicted = self.evicted.saturating_add(1);
        }
    }

    /// Removes `key`, and returns its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (key, value) = self.entries.pop_entry(key)?;
        self.bytes = self.bytes.saturating_sub((self.weigh)(&key, &value));
        Some(value)
    }

    /// Removes all keys for which `matches` returns `true`, and returns them.
    pub(crate) fn remove_all(&mut self, matches: impl Fn(&K) -> bool) -> Vec<K>
    where
        K: Clone,
    {
        let mut removed = Vec::new();
        let (weigh, bytes) = (self.weigh, &mut self.bytes);
        self.entries.retain(|key, value| {
            if !matches(key) {
                return true;
            }
            *bytes = bytes.saturating_sub(weigh(key, value));
            removed.push(key.clone());
            false
        });
        removed
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the maximum number of entries.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns how many entries have been evicted so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn evict_fifth(&mut self) {
        let count = self
            .capacity
            .checked_div(EVICTION_DIVISOR)
            .unwrap_or_default();
        for _ in 0..count.max(1) {
            self.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_to_a_full_cache_evicts_the_least_recently_used_fifth() {
        let mut cache = MemoryCache::new(1_000);
        for n in 0..1_000 {
            cache.insert(n, ());
        }
        assert_eq!(cache.len(), 1_000);
        assert!(cache.get(&0).is_some());
        cache.insert(1_000, ());
        assert_eq!((cache.len(), cache.evicted()), (801, 200));
        assert!(
            cache.get(&0).is_some(),
            "a read makes its entry the most recently used"
        );
        assert!((1..=200).all(|n| cache.get(&n).is_none()));
        assert!((201..=1_000).all(|n| cache.get(&n).is_some()));
    }

    #[test]
    fn replacing_a_value_in_a_full_cache_evicts_nothing() {
        let mut cache = MemoryCache::new(5);
        for n in 0..5 {
            cache.insert(n, 'a');
        }
        cache.insert(0, 'b');
        assert_eq!((cache.len(), cache.evicted()), (5, 0));
        assert_eq!(cache.get(&0), Some(&'b'));
        cache.insert(5, 'a');
        assert_eq!((cache.len(), cache.evicted()), (5, 1));
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn the_total_size_of_all_entries_stays_within_the_limit() {
        let mut cache =
            MemoryCache::with_max_bytes(100, 1_000, |_: &u32, value: &String| value.len());
        let value = |length| "x".repeat(length);
        for n in 0..10 {
            cache.insert(n, value(100));
        }
        assert_eq!((cache.len(), cache.evicted()), (10, 0));
        cache.insert(3, value(150));
        assert_eq!(
            (cache.len(), cache.get(&0)),
            (9, None),
            "a larger value for an existing key evicts another entry"
        );
        cache.insert(3, value(50));
        cache.insert(10, value(100));
        assert_eq!(
            cache.len(),
            10,
            "the bytes of a replaced value are free again"
        );
        cache.remove(&10);
        cache.remove_all(|n| *n < 5);
        for n in 20..25 {
            cache.insert(n, value(100));
        }
        assert_eq!(
            cache.len(),
            10,
            "the bytes of removed entries are free again"
        );
        cache.insert(30, value(5_000));
        assert_eq!(
            cache.len(),
            1,
            "the latest entry is stored, even if it is larger than the limit"
        );
        cache.insert(31, value(1));
        assert_eq!((cache.len(), cache.get(&30)), (1, None));
    }

    #[test]
    fn a_cache_of_one_entry_stores_one_and_a_cache_of_none_stores_nothing() {
        let mut one = MemoryCache::new(1);
        one.insert(1, ());
        one.insert(2, ());
        assert_eq!((one.len(), one.get(&1)), (1, None));
        assert!(one.get(&2).is_some());
        let mut none = MemoryCache::new(0);
        none.insert(1, ());
        assert!(none.is_empty());
    }
}

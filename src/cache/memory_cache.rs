//! L1: a least-recently-used cache that makes room in one sweep.

use std::borrow::Borrow;
use std::hash::Hash;

use lru::LruCache;

/// The part of a full cache that one write clears, as its divisor: a fifth.
const PRUNE_DIVISOR: usize = 5;

/// At most `capacity` entries, ordered by their last use, and optionally at most so many bytes of them.
///
/// A read moves its entry to the front. A write of a new key that finds the cache full first
/// prunes the fifth that was used least recently, so that the cost of eviction falls on few
/// writes and never on a read.
#[derive(Debug)]
pub struct MemoryCache<K: Hash + Eq, V> {
    entries: LruCache<K, V>,
    capacity: usize,
    evicted: u64,
    weigh: fn(&K, &V) -> usize,
    bytes: usize,
    most_bytes: usize,
}

impl<K: Hash + Eq, V> MemoryCache<K, V> {
    /// An empty cache. A capacity of 0 keeps nothing.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_most_bytes(capacity, usize::MAX, |_, _| 0)
    }

    /// An empty cache whose entries are at most `most_bytes` together, as `weigh` counts them. It holds the latest entry
    /// however large that one is.
    #[must_use]
    pub fn with_most_bytes(capacity: usize, most_bytes: usize, weigh: fn(&K, &V) -> usize) -> Self {
        Self {
            entries: LruCache::unbounded(),
            capacity,
            evicted: 0,
            weigh,
            bytes: 0,
            most_bytes,
        }
    }

    /// The value of `key`, which becomes the most recently used.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get(key)
    }

    /// As [`get`](Self::get), to be changed in place.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get_mut(key)
    }

    /// Stores `value` as the most recently used. Returns how many entries were pruned for it.
    pub fn insert(&mut self, key: K, value: V) -> u64 {
        if self.capacity == 0 {
            return 0;
        }
        let evicted = self.evicted;
        if self.entries.len() >= self.capacity && !self.entries.contains(&key) {
            self.prune();
        }
        let weight = (self.weigh)(&key, &value);
        if let Some((key, replaced)) = self.entries.push(key, value) {
            self.bytes = self.bytes.saturating_sub((self.weigh)(&key, &replaced));
        }
        self.bytes = self.bytes.saturating_add(weight);
        while self.bytes > self.most_bytes && self.entries.len() > 1 {
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

    /// Forgets `key`.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (key, value) = self.entries.pop_entry(key)?;
        self.bytes = self.bytes.saturating_sub((self.weigh)(&key, &value));
        Some(value)
    }

    /// Forgets every key that `matches`, and tells which.
    pub fn remove_all(&mut self, matches: impl Fn(&K) -> bool) -> Vec<K>
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

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The most entries it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many entries were pruned so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn prune(&mut self) {
        let victims = self.capacity.checked_div(PRUNE_DIVISOR).unwrap_or_default();
        for _ in 0..victims.max(1) {
            self.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_finds_it_full_prunes_the_least_recently_used_fifth() {
        let mut cache = MemoryCache::new(1_000);
        for n in 0..1_000 {
            cache.insert(n, ());
        }
        assert_eq!(cache.len(), 1_000);
        assert!(cache.get(&0).is_some());
        cache.insert(1_000, ());
        assert_eq!((cache.len(), cache.evicted()), (801, 200));
        assert!(cache.get(&0).is_some(), "a read refreshes its place");
        assert!((1..=200).all(|n| cache.get(&n).is_none()));
        assert!((201..=1_000).all(|n| cache.get(&n).is_some()));
    }

    #[test]
    fn rewriting_a_key_of_a_full_cache_prunes_nothing() {
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
    fn the_bytes_of_all_entries_stay_within_their_limit() {
        let mut cache =
            MemoryCache::with_most_bytes(100, 1_000, |_: &u32, value: &String| value.len());
        let of = |length| "x".repeat(length);
        for n in 0..10 {
            cache.insert(n, of(100));
        }
        assert_eq!((cache.len(), cache.evicted()), (10, 0));
        cache.insert(3, of(150));
        assert_eq!(
            (cache.len(), cache.get(&0)),
            (9, None),
            "a larger value for a key"
        );
        cache.insert(3, of(50));
        cache.insert(10, of(100));
        assert_eq!(cache.len(), 10, "the place of the old value is free again");
        cache.remove(&10);
        cache.remove_all(|n| *n < 5);
        for n in 20..25 {
            cache.insert(n, of(100));
        }
        assert_eq!(cache.len(), 10, "and that of what was removed");
        cache.insert(30, of(5_000));
        assert_eq!(cache.len(), 1, "the latest is kept, however large");
        cache.insert(31, of(1));
        assert_eq!((cache.len(), cache.get(&30)), (1, None));
    }

    #[test]
    fn the_smallest_caches_hold_what_they_say() {
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

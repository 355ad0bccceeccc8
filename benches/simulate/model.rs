//! Models of L1 with other eviction policies. They have the same capacity and TTL as L1.

use lru::LruCache;

/// The order in which a full cache evicts entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The least recently used entry first.
    Lru,
    /// The oldest entry first, whether or not it has been read since.
    Fifo,
}

/// L1 evicts one part in this many of a full cache at once.
const SWEEP_DIVISOR: usize = 5;

/// One value per eviction policy that is compared: its cache, or its hits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules<T> {
    /// The policy of L1. Its hits must match those of the core.
    pub lru: T,
    /// LRU that evicts one entry at a time.
    pub one_by_one: T,
    pub fifo: T,
    pub unbounded: T,
}

impl Rules<Model> {
    pub fn new(capacity: usize, ttl_ms: u64) -> Self {
        let sweep = capacity / SWEEP_DIVISOR;
        Self {
            lru: Model::new(Order::Lru, capacity, sweep, ttl_ms),
            one_by_one: Model::new(Order::Lru, capacity, 1, ttl_ms),
            fifo: Model::new(Order::Fifo, capacity, sweep, ttl_ms),
            unbounded: Model::new(Order::Fifo, usize::MAX, 1, ttl_ms),
        }
    }

    /// Looks `image` up in each model and counts the hits. Returns whether it was a hit in the LRU model.
    pub fn ask(&mut self, image: u32, now_ms: u64, hits: &mut Rules<u64>) -> bool {
        let lru_hit = self.lru.ask(image, now_ms);
        hits.lru += u64::from(lru_hit);
        hits.one_by_one += u64::from(self.one_by_one.ask(image, now_ms));
        hits.fifo += u64::from(self.fifo.ask(image, now_ms));
        hits.unbounded += u64::from(self.unbounded.ask(image, now_ms));
        lru_hit
    }
}

/// A cache that stores only the time when each image was inserted.
pub struct Model {
    order: Order,
    capacity: usize,
    /// The number of entries that are evicted at once.
    sweep: usize,
    ttl_ms: u64,
    resident_since_ms: LruCache<u32, u64>,
}

impl Model {
    pub fn new(order: Order, capacity: usize, sweep: usize, ttl_ms: u64) -> Self {
        Self {
            order,
            capacity,
            sweep,
            ttl_ms,
            resident_since_ms: LruCache::unbounded(),
        }
    }

    /// Returns whether `image` is a hit. Inserts it on a miss.
    pub fn ask(&mut self, image: u32, now_ms: u64) -> bool {
        let entries = &mut self.resident_since_ms;
        let entry = match self.order {
            Order::Lru => entries.get_mut(&image),
            Order::Fifo => entries.peek_mut(&image),
        };
        if let Some(resident_since_ms) = entry {
            let hit = now_ms - *resident_since_ms < self.ttl_ms;
            if !hit {
                *resident_since_ms = now_ms;
            }
            return hit;
        }
        if entries.len() >= self.capacity {
            for _ in 0..self.sweep.max(1) {
                entries.pop_lru();
            }
        }
        entries.put(image, now_ms);
        false
    }

    /// Returns how long `image` remains a hit if nothing evicts it. 0: it is not cached.
    pub fn residence_left_ms(&self, image: u32, now_ms: u64) -> u64 {
        let since_ms = self.resident_since_ms.peek(&image);
        since_ms.map_or(0, |since_ms| {
            (since_ms + self.ttl_ms).saturating_sub(now_ms)
        })
    }
}

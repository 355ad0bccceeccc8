//! Models of L1, to put other rules of replacement in its place. They keep to its time limit.

use lru::LruCache;

/// Who goes first when room is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The least recently used.
    Lru,
    /// The first that came in, read since or not.
    Fifo,
}

/// The part of a full cache that the core's L1 clears with one write, as its divisor.
const SWEEP_DIVISOR: usize = 5;

/// One of each rule that is compared: caches, or their hits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules<T> {
    /// As the core: it must come out the same.
    pub lru: T,
    /// LRU that makes room for one entry at a time.
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

    /// Asks each for `image` and adds up their hits. Tells whether it was one for LRU.
    pub fn ask(&mut self, image: u32, now_ms: u64, hits: &mut Rules<u64>) -> bool {
        let lru_hit = self.lru.ask(image, now_ms);
        hits.lru += u64::from(lru_hit);
        hits.one_by_one += u64::from(self.one_by_one.ask(image, now_ms));
        hits.fifo += u64::from(self.fifo.ask(image, now_ms));
        hits.unbounded += u64::from(self.unbounded.ask(image, now_ms));
        lru_hit
    }
}

/// A cache that knows of each image only since when it has it.
pub struct Model {
    order: Order,
    capacity: usize,
    /// How many go at once.
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

    /// Whether `image` is a hit. A miss is stored.
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
}

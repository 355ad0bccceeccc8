//! A model of Workers KV: one central store, and a read cache in each location.
//!
//! It follows <https://developers.cloudflare.com/kv/concepts/how-kv-works/>. A write is visible
//! immediately in its own location and after a delay elsewhere, where a cached read can hide it for
//! longer. Missing keys are cached, too.

use std::collections::HashMap;
use std::rc::Rc;

use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

/// The maximum time for a write to reach the other locations.
pub const MAX_DELAY_MS: u64 = 60_000;

/// How long a location caches that a key is missing.
pub const MISSING_MS: u64 = 60_000;

/// The data centre that serves a request.
pub type Location = usize;

/// The value of a key, and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub json: Rc<str>,
    pub expires_ms: u64,
}

pub struct Store {
    keys: HashMap<u32, Key>,
    readings: HashMap<(Location, u32), Reading>,
    read_cache_ms: u64,
    random: XorShiftRng,
}

/// A key of the central store.
#[derive(Default)]
struct Key {
    value: Option<Value>,
    /// A write that is not visible yet: when it becomes the value.
    pending: Option<(u64, Value)>,
}

/// The cached read of a key in one location.
struct Reading {
    value: Option<Value>,
    until_ms: u64,
}

impl Store {
    pub fn new(read_cache_ms: u64, seed: u64) -> Self {
        Self {
            keys: HashMap::new(),
            readings: HashMap::new(),
            read_cache_ms,
            random: XorShiftRng::seed_from_u64(seed),
        }
    }

    /// Reads a key in `location`. `past` returns the initial value of a key on its first use.
    pub fn read(
        &mut self,
        location: Location,
        image: u32,
        now_ms: u64,
        past: impl FnOnce() -> Option<Value>,
    ) -> Option<Rc<str>> {
        let reading = self.readings.get(&(location, image));
        let value = match reading.filter(|reading| reading.until_ms > now_ms) {
            Some(reading) => reading.value.clone(),
            None => {
                let key = self.keys.entry(image).or_insert_with(|| Key {
                    value: past(),
                    pending: None,
                });
                key.settle(now_ms);
                let value = key.value.clone();
                self.remember(location, image, value.clone(), now_ms);
                value
            }
        };
        value
            .filter(|value| value.expires_ms > now_ms)
            .map(|value| value.json)
    }

    /// Writes a key that was read in the same location before.
    pub fn write(&mut self, location: Location, image: u32, now_ms: u64, value: Value) {
        self.remember(location, image, Some(value.clone()), now_ms);
        let mut due_ms = now_ms + self.random.random_range(0..=MAX_DELAY_MS);
        let key = self.keys.entry(image).or_default();
        key.settle(now_ms);
        if let Some((earlier_ms, _)) = key.pending {
            // Two locations fetched it: the second write does not delay the first.
            due_ms = due_ms.min(earlier_ms);
        }
        key.pending = Some((due_ms, value));
    }

    fn remember(&mut self, location: Location, image: u32, value: Option<Value>, now_ms: u64) {
        let for_ms = match value {
            Some(_) => self.read_cache_ms,
            None => MISSING_MS,
        };
        let until_ms = now_ms + for_ms;
        self.readings
            .insert((location, image), Reading { value, until_ms });
    }
}

impl Key {
    fn settle(&mut self, now_ms: u64) {
        if let Some((_, value)) = self.pending.take_if(|(due_ms, _)| *due_ms <= now_ms) {
            self.value = Some(value);
        }
    }
}

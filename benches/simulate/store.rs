//! Workers KV as the fleet sees it: one central store, and a cache of reads in each location.
//!
//! After <https://developers.cloudflare.com/kv/concepts/how-kv-works/>: a write is seen at once
//! where it was made and with a delay elsewhere, where a cached read hides it for longer; that a
//! key is missing is cached, too.

use std::collections::HashMap;
use std::rc::Rc;

use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

/// The longest that a write takes to reach the other locations.
pub const MAX_DELAY_MS: u64 = 60_000;

/// How long a location remembers that a key is missing.
pub const MISSING_MS: u64 = 60_000;

/// Where a request is served: a data centre.
pub type Location = usize;

/// What a key holds, and until when.
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
    /// What becomes the value, and when.
    coming: Option<(u64, Value)>,
}

/// What a location remembers of a key.
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

    /// What `location` reads. `past` tells what a key holds that nobody has touched yet.
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
                    coming: None,
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

    /// Writes, after the key was read in the same location.
    pub fn write(&mut self, location: Location, image: u32, now_ms: u64, value: Value) {
        self.remember(location, image, Some(value.clone()), now_ms);
        let mut due_ms = now_ms + self.random.random_range(0..=MAX_DELAY_MS);
        let key = self.keys.entry(image).or_default();
        key.settle(now_ms);
        if let Some((earlier_ms, _)) = key.coming {
            // Two locations fetched it: the first write is not held up by the second.
            due_ms = due_ms.min(earlier_ms);
        }
        key.coming = Some((due_ms, value));
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
        if let Some((_, value)) = self.coming.take_if(|(due_ms, _)| *due_ms <= now_ms) {
            self.value = Some(value);
        }
    }
}

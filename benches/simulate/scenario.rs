//! One trace against one fleet, and what came of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use optimized_metadata::config::Config;
use serde_json::{Value, json};

use super::fleet::{Answers, Fleet};
use super::past::Past;
use super::ports::{START_MS, World};
use super::store::Store;
use super::trace::{Shape, Trace};

/// Everything random follows from this: the trace itself, and from the next numbers what else
/// happens, so that a trace stays the same whatever serves it.
pub const SEED: u64 = 20_260_101;

#[derive(Debug, Clone)]
pub struct Scenario {
    /// What is not as usual.
    pub change: &'static str,
    pub shape: Shape,
    pub images: u32,
    pub isolates: usize,
    /// Of the whole fleet.
    pub requests_per_s: f64,
    /// Lives are drawn from an exponential distribution.
    pub mean_life_s: u64,
    /// How long the trace runs before it counts, for the isolates to fill.
    pub warm_up_s: u64,
    pub measured_s: u64,
    /// The settings of the service that are not the default.
    pub settings: Value,
    /// Whether KV begins empty, instead of as a service that has been running for long leaves it.
    pub kv_begins_empty: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub answers: Answers,
    pub kv_reads: u64,
    pub kv_writes: u64,
    pub origin_fetches: u64,
}

impl Scenario {
    /// With the defaults of the service and twenty minutes that count.
    pub fn new(shape: Shape, images: u32, isolates: usize) -> Self {
        Self {
            change: "",
            shape,
            images,
            isolates,
            requests_per_s: 100.0,
            mean_life_s: 1_800,
            warm_up_s: 600,
            measured_s: 1_200,
            settings: json!({}),
            kv_begins_empty: false,
        }
    }

    pub fn name(&self) -> String {
        let name = format!("{}/{}/{}", self.shape.name(), self.images, self.isolates);
        format!("{name} {}", self.change).trim_end().to_owned()
    }

    pub fn run(&self) -> Outcome {
        let mut settings = self.settings.clone();
        settings["originUrl"] = json!("https://images.test");
        let config = Config::from_json(&settings).expect("sound settings");
        let trace = || Trace::new(self.shape, self.images, self.requests_per_s, SEED);
        let world = Rc::new(World {
            now_ms: Cell::new(START_MS),
            kv_reads: Cell::new(0),
            kv_writes: Cell::new(0),
            origin_fetches: Cell::new(0),
            store: RefCell::new(Store::new(config.kv_read_cache_ttl_s * 1_000, SEED + 1)),
            past: (!self.kv_begins_empty).then(|| Past::new(trace(), &config, SEED + 2)),
        });
        let mean_life_ms = self.mean_life_s as f64 * 1_000.0;
        let mut fleet = Fleet::new(self.isolates, mean_life_ms, config, &world, SEED + 3);
        let counts_from_ms = self.warm_up_s * 1_000;
        let ends_ms = counts_from_ms + self.measured_s * 1_000;
        let mut requests = trace()
            .take_while(|arrival| arrival.at_ms < ends_ms)
            .peekable();
        while let Some(arrival) = requests.next_if(|arrival| arrival.at_ms < counts_from_ms) {
            fleet.serve(arrival);
        }
        fleet.answers = Answers::default();
        for counter in [&world.kv_reads, &world.kv_writes, &world.origin_fetches] {
            counter.set(0);
        }
        requests.for_each(|arrival| fleet.serve(arrival));
        Outcome {
            answers: fleet.answers,
            kv_reads: world.kv_reads.get(),
            kv_writes: world.kv_writes.get(),
            origin_fetches: world.origin_fetches.get(),
        }
    }
}

//! Runs one trace against one fleet, and returns the outcome.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use optimized_metadata::config::Config;
use serde_json::{Value, json};

use super::edge::{self, Counts, Edge, Settings};
use super::fleet::{Answers, Fleet, ISOLATES_PER_LOCATION};
use super::past::Past;
use super::ports::World;
use super::store::Store;
use super::trace::{START_MS, Shape, Trace};

/// The seed of the trace. The numbers after it seed everything else that is random, so that a trace
/// does not depend on what serves it.
pub const SEED: u64 = 20_260_101;

#[derive(Debug, Clone)]
pub struct Scenario {
    /// Describes the change from the defaults.
    pub change: &'static str,
    pub shape: Shape,
    pub images: u32,
    pub isolates: usize,
    /// The rate of the whole fleet.
    pub requests_per_s: f64,
    /// The mean of the exponential distribution of isolate lifetimes.
    pub mean_life_s: u64,
    /// How long the trace runs before the measurement, to fill the isolates' caches.
    pub warm_up_s: u64,
    pub measured_s: u64,
    /// The settings that differ from the defaults.
    pub settings: Value,
    /// Whether KV and the edge begin empty, instead of with what a long-running service would have left there.
    pub kv_begins_empty: bool,
    /// The cache in front of the Worker, if any.
    pub edge: Option<Settings>,
    /// Whether a new version is deployed when the measurement begins.
    pub deploys: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub answers: Answers,
    pub kv_reads: u64,
    pub kv_writes: u64,
    pub origin_fetches: u64,
    /// All zero without an edge.
    pub edge: Counts,
}

impl Outcome {
    /// Returns the number of requests, including those that the edge answered.
    pub fn requests(&self) -> u64 {
        let Counts {
            lower,
            upper,
            collapsed,
            runs: _,
        } = self.edge;
        self.answers.requests + lower + upper + collapsed
    }
}

impl Scenario {
    /// A scenario with default settings and a measurement of twenty minutes.
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
            edge: None,
            deploys: false,
        }
    }

    pub fn name(&self) -> String {
        let name = format!("{}/{}/{}", self.shape.name(), self.images, self.isolates);
        format!("{name} {}", self.change).trim_end().to_owned()
    }

    /// Returns the number of edge caches that do not share responses.
    pub fn edge_caches(&self, settings: Settings) -> usize {
        match settings.upper_tiers {
            0 => self.isolates.div_ceil(ISOLATES_PER_LOCATION),
            tiers => tiers,
        }
    }

    pub fn run(&self) -> Outcome {
        let mut settings = self.settings.clone();
        settings["originUrl"] = json!("https://images.test");
        let config = Config::from_json(&settings).expect("valid settings");
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
        let mut fleet = Fleet::new(
            self.isolates,
            mean_life_ms,
            config.clone(),
            &world,
            SEED + 3,
        );
        fleet.edge = self.edge.map(|settings| {
            let past = || edge::Past {
                trace: trace(),
                caches: self.edge_caches(settings),
                lifetime_ms: settings.ttl_s.min(config.memory_cache_ttl_s) * 1_000,
                seed: SEED + 4,
            };
            Edge::new(settings, (!self.kv_begins_empty).then(past))
        });
        let counts_from_ms = self.warm_up_s * 1_000;
        let ends_ms = counts_from_ms + self.measured_s * 1_000;
        let mut requests = trace()
            .take_while(|arrival| arrival.at_ms < ends_ms)
            .peekable();
        while let Some(arrival) = requests.next_if(|arrival| arrival.at_ms < counts_from_ms) {
            fleet.serve(arrival);
        }
        fleet.answers = Answers::default();
        if let Some(edge) = &mut fleet.edge {
            edge.counts = Counts::default();
        }
        if self.deploys {
            fleet.deploy(counts_from_ms);
        }
        for counter in [&world.kv_reads, &world.kv_writes, &world.origin_fetches] {
            counter.set(0);
        }
        requests.for_each(|arrival| fleet.serve(arrival));
        Outcome {
            answers: fleet.answers,
            kv_reads: world.kv_reads.get(),
            kv_writes: world.kv_writes.get(),
            origin_fetches: world.origin_fetches.get(),
            edge: fleet.edge.map_or_else(Counts::default, |edge| edge.counts),
        }
    }
}

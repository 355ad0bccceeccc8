//! A fleet of isolates: each request goes to a random isolate, and each isolate is replaced at the end of its life.

use std::rc::Rc;

use futures::FutureExt;
use optimized_metadata::OptimizedMetadataService;
use optimized_metadata::config::Config;
use optimized_metadata::lookup::Layer;
use optimized_metadata::path::ImagePath;
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::edge::{Answer, Edge, Response, Source};
use super::model::{Model, Rules};
use super::ports::{Runtime, World, path_of};
use super::trace::{Arrival, START_MS, exponential};

/// The number of isolates per location.
pub const ISOLATES_PER_LOCATION: usize = 10;

/// How long the Worker takes to respond from memory, from KV and from the origin: the delays of `npm run bench`.
const MEMORY_RUN_MS: u64 = 1;
const KV_RUN_MS: u64 = 15;
const ORIGIN_RUN_MS: u64 = 265;

/// Counts the requests that reach a fleet, by the layer that answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    pub requests: u64,
    pub memory: u64,
    pub kv: u64,
    pub origin: u64,
    /// The hits of other caches in place of L1.
    pub models: Rules<u64>,
    /// Requests that hit in only one of L1 and the LRU model.
    pub disagreements: u64,
}

pub struct Fleet {
    isolates: Vec<Isolate>,
    mean_life_ms: f64,
    config: Config,
    world: Rc<World>,
    random: XorShiftRng,
    pub answers: Answers,
    /// The cache in front of the fleet.
    pub edge: Option<Edge>,
}

struct Isolate {
    service: Rc<OptimizedMetadataService<()>>,
    runtime: Runtime,
    models: Rules<Model>,
    ends_ms: u64,
}

impl Fleet {
    pub fn new(
        isolates: usize,
        mean_life_ms: f64,
        config: Config,
        world: &Rc<World>,
        seed: u64,
    ) -> Self {
        let mut random = XorShiftRng::seed_from_u64(seed);
        let isolates = (0..isolates)
            .map(|number| {
                let runtime = Runtime {
                    world: Rc::clone(world),
                    location: number / ISOLATES_PER_LOCATION,
                };
                let ends_ms = exponential(mean_life_ms, &mut random) as u64;
                Isolate::new(&config, runtime, ends_ms)
            })
            .collect();
        Self {
            isolates,
            mean_life_ms,
            config,
            world: Rc::clone(world),
            random,
            answers: Answers::default(),
            edge: None,
        }
    }

    /// Deploys a new version: new isolates, and an empty edge cache.
    pub fn deploy(&mut self, at_ms: u64) {
        for isolate in &mut self.isolates {
            let life_ms = exponential(self.mean_life_ms, &mut self.random) as u64;
            let runtime = isolate.runtime.clone();
            *isolate = Isolate::new(&self.config, runtime, at_ms + life_ms);
        }
        if let Some(edge) = &mut self.edge {
            edge.deploy();
        }
    }

    /// Serves one request. It arrives in the location of the isolate that runs if the edge has no response.
    pub fn serve(&mut self, arrival: Arrival) {
        let chosen = self.random.random_range(0..self.isolates.len());
        let isolate = &mut self.isolates[chosen];
        let location = isolate.runtime.location;
        let Arrival { at_ms, image } = arrival;
        if let Some(edge) = &mut self.edge
            && edge.ask(location, image, at_ms) != Answer::Miss
        {
            return;
        }
        if isolate.ends_ms <= at_ms {
            // Its successor has been idle until now. An exponential distribution has no memory, so
            // the rest of its life is as long as a whole one.
            let life_ms = exponential(self.mean_life_ms, &mut self.random) as u64;
            let runtime = isolate.runtime.clone();
            *isolate = Isolate::new(&self.config, runtime, at_ms + life_ms);
        }
        self.world.now_ms.set(START_MS + at_ms);
        let response = isolate.serve(arrival, &mut self.answers);
        if let Some(edge) = &mut self.edge {
            edge.store(location, image, at_ms, &response);
        }
    }
}

impl Isolate {
    fn new(config: &Config, runtime: Runtime, ends_ms: u64) -> Self {
        Self {
            service: OptimizedMetadataService::new(config.clone()),
            runtime,
            models: Rules::new(config.memory_cache_size, config.memory_cache_ttl_s * 1_000),
            ends_ms,
        }
    }

    fn serve(&mut self, Arrival { at_ms, image }: Arrival, answers: &mut Answers) -> Response {
        let path = ImagePath::from_raw(&path_of(image)).expect("a valid path");
        let outcome = self.service.fetch_metadata(&path, &self.runtime);
        let outcome = outcome
            .now_or_never()
            .expect("every response is ready immediately");
        let lookup = outcome.expect("nothing fails");
        let layer = lookup.layer;
        answers.requests += 1;
        match layer {
            Layer::Memory => answers.memory += 1,
            Layer::Kv => answers.kv += 1,
            Layer::Origin { .. } => answers.origin += 1,
            Layer::InFlight => unreachable!("requests are sequential"),
        }
        let model_hit = self.models.ask(image, at_ms, &mut answers.models);
        answers.disagreements += u64::from(model_hit != (layer == Layer::Memory));

        let copy = Source::Copy {
            residence_left_ms: self.models.lru.residence_left_ms(image, at_ms),
        };
        let (source, run_ms) = match layer {
            Layer::Memory => (copy, MEMORY_RUN_MS),
            Layer::Kv | Layer::InFlight => (copy, KV_RUN_MS),
            Layer::Origin { .. } => (Source::Origin, ORIGIN_RUN_MS),
        };
        let fresh_left_s = u64::try_from(lookup.entry.ttl_s(lookup.now_ms)).unwrap_or_default();
        Response {
            source,
            fresh_left_ms: fresh_left_s * 1_000,
            run_ms,
        }
    }
}

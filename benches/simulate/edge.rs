//! A model of Workers Cache, the platform's cache in front of the Worker: lower tiers, one per location, and upper
//! tiers that the lower ones ask on a miss.
//!
//! It follows <https://developers.cloudflare.com/workers/cache/>. It evicts nothing before it expires, and the tiers
//! ask each other without delay. A hit does not run the Worker.

use std::collections::HashMap;

use optimized_metadata::cache::edge_lifetime::{Cacheable, EdgeLifetime, EdgeLimits};
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::store::Location;
use super::trace::Trace;

/// The edge cache of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The maximum time that a response is stored: the setting `edgeCacheTtl`.
    pub ttl_s: u64,
    /// The number of upper tiers. Each location always asks the same one. 0: every location is on its own.
    pub upper_tiers: usize,
    /// Whether concurrent misses of several locations collapse in their upper tier, as those of one location do.
    pub upper_collapses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl_s: 300,
            upper_tiers: 1,
            upper_collapses: true,
        }
    }
}

/// The origin of a response's content, which decides how long the edge stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Origin,
    /// Memory, KV or another request's flight. A purge may have missed it, so it is not stored for longer than the
    /// isolate's memory would still serve it.
    Copy {
        residence_left_ms: u64,
    },
}

/// A response of the Worker, as far as the edge is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    pub source: Source,
    /// The remaining freshness. 0: stale.
    pub fresh_left_ms: u64,
    /// The time that the Worker takes to respond.
    pub run_ms: u64,
}

impl Response {
    /// Returns how long the edge stores the response: `max-age`, which has whole seconds. 0: not at all.
    pub fn lifetime_ms(&self, ttl_s: u64) -> u64 {
        let resident_s = match self.source {
            Source::Origin => None,
            Source::Copy { residence_left_ms } => Some(residence_left_ms / 1_000),
        };
        let metadata = Cacheable::Metadata {
            left_s: self.fresh_left_ms / 1_000,
            resident_s,
        };
        // The model serves nothing stale.
        let limits = EdgeLimits {
            max_age_s: ttl_s,
            while_revalidate_s: 0,
            if_error_s: 0,
        };
        EdgeLifetime::of(metadata, limits).max_age_s * 1_000
    }
}

/// The part of the edge that answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Lower,
    Upper,
    /// A run of the Worker that another request has started.
    Collapsed,
    /// None: the Worker runs.
    Miss,
}

/// Counts requests by the part of the edge that answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub lower: u64,
    pub upper: u64,
    pub collapsed: u64,
    pub runs: u64,
}

/// A response in one tier. It expires in all tiers at once, because a tier that asks another gets its `Age`.
#[derive(Clone, Copy)]
struct Stored {
    /// When the Worker has responded. Until then, requests wait for it.
    from_ms: u64,
    until_ms: u64,
}

impl Stored {
    fn state(self, now_ms: u64) -> State {
        match now_ms {
            now_ms if now_ms < self.from_ms => State::Pending,
            now_ms if now_ms < self.until_ms => State::Fresh,
            _ => State::Expired,
        }
    }
}

#[derive(PartialEq, Eq)]
enum State {
    Pending,
    Fresh,
    Expired,
}

/// What a tier has of an image that it has not been asked for.
const NOTHING: Stored = Stored {
    from_ms: 0,
    until_ms: 0,
};

/// The Worker's version is part of the key.
type Version = u32;
type Tier = usize;

/// The content of the edge when the trace begins: what a long-running service would have left there. Without it,
/// entries of the same age would expire together for many lifetimes.
pub struct Past {
    pub trace: Trace,
    /// The number of caches that do not share responses: upper tiers, or locations if there are none.
    pub caches: usize,
    pub lifetime_ms: u64,
    pub seed: u64,
}

impl Past {
    /// Returns what `cache` has of `image` when the trace begins. A response is stored, expires, and is stored again
    /// by the next request after that.
    fn stored(&self, image: u32, cache: usize) -> Stored {
        let seed = self.seed ^ (u64::from(image) << 16) ^ cache as u64;
        let mut random = XorShiftRng::seed_from_u64(seed);
        let lifetime_ms = self.lifetime_ms as f64;
        let wait_ms = self.caches as f64 / self.trace.rate_per_ms(image);
        let phase_ms = random.random::<f64>() * (lifetime_ms + wait_ms);
        Stored {
            until_ms: (lifetime_ms - phase_ms).max(0.0) as u64,
            ..NOTHING
        }
    }
}

pub struct Edge {
    settings: Settings,
    /// The content of the first version. If `None`, it begins empty.
    past: Option<Past>,
    version: Version,
    lower: HashMap<(Version, Location, u32), Stored>,
    upper: HashMap<(Version, Tier, u32), Stored>,
    pub counts: Counts,
}

impl Edge {
    pub fn new(settings: Settings, past: Option<Past>) -> Self {
        Self {
            settings,
            past,
            version: 0,
            lower: HashMap::new(),
            upper: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Deploys a new version of the Worker, which begins with an empty cache.
    pub fn deploy(&mut self) {
        self.version += 1;
        self.past = None;
    }

    /// Asks for `image` in `location`. On [`Answer::Miss`] the Worker runs, and [`Self::store`] follows.
    pub fn ask(&mut self, location: Location, image: u32, now_ms: u64) -> Answer {
        let answer = self.look_up(location, image, now_ms);
        *match answer {
            Answer::Lower => &mut self.counts.lower,
            Answer::Upper => &mut self.counts.upper,
            Answer::Collapsed => &mut self.counts.collapsed,
            Answer::Miss => &mut self.counts.runs,
        } += 1;
        answer
    }

    fn look_up(&mut self, location: Location, image: u32, now_ms: u64) -> Answer {
        let upper_key = self.upper_key(location, image);
        let past = |cache| {
            let past = self.past.as_ref();
            past.map_or(NOTHING, |past| past.stored(image, cache))
        };
        let lower = self
            .lower
            .entry((self.version, location, image))
            .or_insert_with(|| match upper_key {
                Some(_) => NOTHING,
                None => past(location),
            });
        match lower.state(now_ms) {
            State::Fresh => return Answer::Lower,
            State::Pending => return Answer::Collapsed,
            State::Expired => {}
        }
        let Some(upper_key) = upper_key else {
            return Answer::Miss;
        };
        let (_, tier, _) = upper_key;
        let stored = *self.upper.entry(upper_key).or_insert_with(|| past(tier));
        let answer = match stored.state(now_ms) {
            State::Fresh => Answer::Upper,
            State::Pending if self.settings.upper_collapses => Answer::Collapsed,
            State::Pending | State::Expired => return Answer::Miss,
        };
        *lower = stored;
        answer
    }

    /// Stores the response of a run of the Worker that began at `now_ms`.
    pub fn store(&mut self, location: Location, image: u32, now_ms: u64, response: &Response) {
        let lifetime_ms = response.lifetime_ms(self.settings.ttl_s);
        if lifetime_ms == 0 {
            // Requests do not wait for a response that cannot be stored either.
            return;
        }
        let from_ms = now_ms + response.run_ms;
        let stored = Stored {
            from_ms,
            until_ms: from_ms + lifetime_ms,
        };
        self.lower.insert((self.version, location, image), stored);
        if let Some(key) = self.upper_key(location, image) {
            self.upper.insert(key, stored);
        }
    }

    fn upper_key(&self, location: Location, image: u32) -> Option<(Version, Tier, u32)> {
        let tier = location.checked_rem(self.settings.upper_tiers)?;
        Some((self.version, tier, image))
    }
}

/// Returns the runs of the Worker per request if a shared cache stores every response for `lifetime_s`.
///
/// An image that is requested λ times a second is fetched once for each lifetime T and the wait after it:
/// λ / (1 + λT) times a second.
pub fn expected_runs(trace: &Trace, images: u32, lifetime_s: f64) -> f64 {
    let rates = || (0..images).map(|image| trace.rate_per_ms(image) * 1_000.0);
    let runs_per_s: f64 = rates().map(|rate| rate / (1.0 + rate * lifetime_s)).sum();
    runs_per_s / rates().sum::<f64>()
}

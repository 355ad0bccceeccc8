//! The initial content of KV: the records that a long-running service would have left before the trace.
//!
//! A record is fetched, stays fresh for its lifetime, and is fetched again by the next request after
//! that. These two times determine the distribution of its age at a random moment.

use optimized_metadata::cache::freshness::FreshnessPolicy;
use optimized_metadata::cache::record::Record;
use optimized_metadata::config::Config;
use optimized_metadata::image::header::Limits;
use optimized_metadata::image::metadata::ImageMetadata;
use optimized_metadata::origin::endpoint::Probe;
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::origin::response;
use super::store::Value;
use super::trace::{START_MS, Trace, exponential};

pub struct Past {
    trace: Trace,
    freshness: FreshnessPolicy,
    metadata: ImageMetadata,
    seed: u64,
}

impl Past {
    pub fn new(trace: Trace, config: &Config, seed: u64) -> Self {
        Self {
            trace,
            freshness: config.freshness(),
            metadata: response(Limits::default())
                .metadata(Probe::Auto)
                .expect("a valid response"),
            seed,
        }
    }

    /// Returns the value of `image` in KV when the trace begins.
    pub fn value(&self, image: u32, key: &str) -> Option<Value> {
        // A seed per image: its past does not depend on the order of requests.
        let mut random = XorShiftRng::seed_from_u64(self.seed ^ u64::from(image));
        let fresh_ms = self.freshness.lifetime_ms(key) as f64;
        let wait_ms = 1.0 / self.trace.rate_per_ms(image);
        let phase_ms = random.random::<f64>() * (fresh_ms + wait_ms);
        let age_ms = if phase_ms < fresh_ms {
            phase_ms
        } else {
            fresh_ms + exponential(wait_ms, &mut random)
        };
        let last_fetched_ms = START_MS.saturating_sub(age_ms as u64);
        let record = Record {
            origin: None,
            metadata: self.metadata.clone(),
            last_fetched_ms: Some(last_fetched_ms),
        };
        Some(Value {
            json: record.encode().into(),
            expires_ms: last_fetched_ms + self.freshness.retention_ms(),
        })
        .filter(|value| value.expires_ms > START_MS)
    }
}

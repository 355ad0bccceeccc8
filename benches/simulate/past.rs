//! What KV holds of the time before the trace, as a service that has been running for long leaves it.
//!
//! A record is fetched, is fresh for its lifetime, and then waits for the next request to be
//! fetched again. Its age at a random moment follows from these two times alone.

use optimized_metadata::cache::freshness::FreshnessPolicy;
use optimized_metadata::cache::record::Record;
use optimized_metadata::config::Config;
use optimized_metadata::image::header::Limits;
use optimized_metadata::image::metadata::ImageMetadata;
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::ports::{START_MS, response};
use super::store::Value;
use super::trace::{Trace, exponential};

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
                .metadata()
                .expect("a sound answer"),
            seed,
        }
    }

    /// What KV holds of `image` as the trace begins.
    pub fn value(&self, image: u32, key: &str) -> Option<Value> {
        // Of its own seed: an image has the same past whatever is asked for before it.
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

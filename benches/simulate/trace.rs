//! Traces: requests for numbered images, of which image 0 is the most popular.

use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

/// The time at which the trace begins.
pub const START_MS: u64 = 1_760_000_000_000;

/// The share of requests in a scan-heavy trace that go through all images in order, like a
/// crawler. The others follow Zipf(1.0).
const SCAN_SHARE: f64 = 0.5;

/// The shape of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Popularity is inversely proportional to this power of the rank.
    Zipf(f64),
    /// Zipf(1.0), and as many requests from a crawler.
    Scan,
}

impl Shape {
    pub fn name(self) -> String {
        match self {
            Self::Zipf(exponent) => format!("zipf-{exponent:.1}"),
            Self::Scan => "scan-heavy".to_owned(),
        }
    }
}

/// The Zipf distribution: requests for the n-th most popular image are proportional to `1 / n^exponent`.
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    pub fn new(exponent: f64, images: u32) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=images)
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|share| *share /= sum);
        Self { cumulative }
    }

    /// Returns the image for a random number from 0 up to, but not including, 1.
    pub fn pick(&self, random: f64) -> u32 {
        let rank = self.cumulative.partition_point(|share| *share <= random);
        rank.min(self.cumulative.len() - 1) as u32
    }

    /// Returns the share of requests that are for `image`.
    pub fn share(&self, image: u32) -> f64 {
        let image = image as usize;
        let before = image
            .checked_sub(1)
            .map_or(0.0, |last| self.cumulative[last]);
        self.cumulative[image] - before
    }
}

/// An endless series of requests that arrive independently of each other (a Poisson process).
pub struct Trace {
    zipf: Zipf,
    scan_share: f64,
    scan_at: u32,
    images: u32,
    gap_ms: f64,
    now_ms: f64,
    random: XorShiftRng,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Milliseconds since the trace began.
    pub at_ms: u64,
    pub image: u32,
}

impl Trace {
    pub fn new(shape: Shape, images: u32, requests_per_s: f64, seed: u64) -> Self {
        let (exponent, scan_share) = match shape {
            Shape::Zipf(exponent) => (exponent, 0.0),
            Shape::Scan => (1.0, SCAN_SHARE),
        };
        Self {
            zipf: Zipf::new(exponent, images),
            scan_share,
            // Start away from the popular images: a crawler has no reason to begin with them.
            scan_at: images / 2,
            images,
            gap_ms: 1_000.0 / requests_per_s,
            now_ms: 0.0,
            random: XorShiftRng::seed_from_u64(seed),
        }
    }

    /// Returns the rate of requests for `image`, per millisecond.
    pub fn rate_per_ms(&self, image: u32) -> f64 {
        let popular = self.zipf.share(image) * (1.0 - self.scan_share);
        (popular + self.scan_share / f64::from(self.images)) / self.gap_ms
    }
}

impl Iterator for Trace {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.now_ms += exponential(self.gap_ms, &mut self.random);
        let image = if self.random.random::<f64>() < self.scan_share {
            self.scan_at = (self.scan_at + 1) % self.images;
            self.scan_at
        } else {
            self.zipf.pick(self.random.random())
        };
        Some(Arrival {
            at_ms: self.now_ms as u64,
            image,
        })
    }
}

/// Draws a waiting time from an exponential distribution.
pub fn exponential(mean: f64, random: &mut XorShiftRng) -> f64 {
    -mean * (1.0 - random.random::<f64>()).ln()
}

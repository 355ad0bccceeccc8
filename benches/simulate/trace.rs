//! Who asks for what, and when: requests for images by number, the most popular one first.

use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

/// In a scan-heavy trace, the part of the requests that walk through all images in order, as a
/// crawler does. The others follow Zipf(1.0).
const SCAN_SHARE: f64 = 0.5;

/// The shape of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Popularity falls with this power of the rank.
    Zipf(f64),
    /// Zipf(1.0), and as many requests of a crawler.
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

/// The law that the n-th most popular of some images is asked for in proportion to `1 / n^exponent`.
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

    /// The image that `chance`, from 0 up to 1, falls on.
    pub fn pick(&self, chance: f64) -> u32 {
        let rank = self.cumulative.partition_point(|share| *share <= chance);
        rank.min(self.cumulative.len() - 1) as u32
    }

    /// The part of all requests that ask for `image`.
    pub fn share(&self, image: u32) -> f64 {
        let image = image as usize;
        let before = image
            .checked_sub(1)
            .map_or(0.0, |last| self.cumulative[last]);
        self.cumulative[image] - before
    }
}

/// Requests that arrive independently of each other (a Poisson process), without an end.
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
            // Away from the popular ones, which a crawler has no reason to begin with.
            scan_at: images / 2,
            images,
            gap_ms: 1_000.0 / requests_per_s,
            now_ms: 0.0,
            random: XorShiftRng::seed_from_u64(seed),
        }
    }

    /// How often `image` is asked for, in requests a millisecond.
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

/// A waiting time without a memory.
pub fn exponential(mean: f64, random: &mut XorShiftRng) -> f64 {
    -mean * (1.0 - random.random::<f64>()).ln()
}

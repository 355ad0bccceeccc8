//! ThumbHash: a blurred picture in about 25 bytes (<https://evanw.github.io/thumbhash/>).
//!
//! The picture is split into brightness, two differences of colors and opacity. The hash has the first frequencies of each, 4 bits
//! a frequency. It equals that of the reference byte for byte: all numbers are `f64`, and are rounded as JavaScript rounds them.

use std::f64::consts::PI;

pub use self::decode::decode;
pub use self::encode::encode;

mod decode;
mod encode;

/// The number of frequencies each way of brightness, along the longer side, without and with transparency.
const OPAQUE_FREQUENCIES: usize = 7;
const ALPHA_FREQUENCIES: usize = 5;

/// The number of frequencies each way of colors, and the least of brightness.
const COLOR_FREQUENCIES: usize = 3;

/// Returns the frequencies across and down that a hash has, in its order. Only those above the diagonal count.
fn triangle(across: usize, down: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..down).flat_map(move |y| {
        let is_in =
            move |x: &usize| x.saturating_mul(down) < across.saturating_mul(down.saturating_sub(y));
        (0..across).take_while(is_in).map(move |x| (x, y))
    })
}

/// Returns the values of a cosine of this frequency at the center of each pixel.
fn waves(side: usize, frequency: usize) -> Vec<f64> {
    let step = PI / float(side) * float(frequency);
    let center = |pixel| float(pixel) + 0.5;
    (0..side)
        .map(|pixel| (step * center(pixel)).cos())
        .collect()
}

#[allow(clippy::cast_precision_loss)] // at most 10,000
fn float(count: usize) -> f64 {
    count as f64
}

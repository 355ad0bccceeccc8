//! From a hash to its picture.

use super::{ALPHA_FREQUENCIES, COLOR_FREQUENCIES, OPAQUE_FREQUENCIES, triangle, waves};
use crate::placeholder::pixels::{MAX_SIDE, Pixels};

/// The lengths of the header, in bytes.
const OPAQUE_HEADER: usize = 5;
const ALPHA_HEADER: usize = 6;

/// Colors are more saturated in the decoded picture than in the encoded frequencies, which lose some.
const SATURATION: f64 = 1.25;

/// Draws the picture of a hash, which is blurred. `width` and `height` are those of the result. Returns `None` if the hash is too
/// short, or a side is out of range.
#[must_use]
pub fn decode(hash: &[u8], width: usize, height: usize) -> Option<Pixels> {
    if width > MAX_SIDE || height > MAX_SIDE {
        return None;
    }
    let [a, b, c, d, e] = *hash.first_chunk::<OPAQUE_HEADER>()?;
    let first = u32::from_le_bytes([a, b, c, 0]);
    let second = u32::from_le_bytes([d, e, 0, 0]);
    let field = |bits: u32, shift: u32, mask: u32| f64::from(bits >> shift & mask);
    let has_alpha = first >> 23 != 0;
    let is_landscape = second >> 15 != 0;
    let longer = if has_alpha {
        ALPHA_FREQUENCIES
    } else {
        OPAQUE_FREQUENCIES
    };
    let colors = COLOR_FREQUENCIES;
    let shorter = usize::try_from(second & 7).ok()?.max(colors);
    let (across, down) = if is_landscape {
        (longer, shorter)
    } else {
        (shorter, longer)
    };
    let header = if has_alpha {
        ALPHA_HEADER
    } else {
        OPAQUE_HEADER
    };
    let frequencies = hash.get(header..)?;
    let mut halves = frequencies
        .iter()
        .flat_map(|byte| [byte & 15, byte >> 4].map(f64::from));
    let mut channel = |average: f64, scale: f64, across: usize, down: usize| {
        let mut values = vec![average; width.saturating_mul(height)];
        // The first frequency is 0, which is the average.
        for (x, y) in triangle(across, down).skip(1) {
            let strength = (halves.next()? / 7.5 - 1.0) * scale;
            let waves_x = waves(width, x);
            for (row, wave_y) in values.chunks_mut(width.max(1)).zip(waves(height, y)) {
                for (value, wave_x) in row.iter_mut().zip(&waves_x) {
                    *value += strength * wave_x * wave_y * 2.0;
                }
            }
        }
        Some(values)
    };
    let brightness = channel(
        field(first, 0, 63) / 63.0,
        field(first, 18, 31) / 31.0,
        across,
        down,
    )?;
    let yellow = channel(
        field(first, 6, 63) / 31.5 - 1.0,
        field(second, 3, 63) / 63.0 * SATURATION,
        colors,
        colors,
    )?;
    let red = channel(
        field(first, 12, 63) / 31.5 - 1.0,
        field(second, 9, 63) / 63.0 * SATURATION,
        colors,
        colors,
    )?;
    let alpha = if has_alpha {
        let alpha = *hash.get(OPAQUE_HEADER)?;
        channel(
            f64::from(alpha & 15) / 15.0,
            f64::from(alpha >> 4) / 15.0,
            ALPHA_FREQUENCIES,
            ALPHA_FREQUENCIES,
        )?
    } else {
        vec![1.0; brightness.len()]
    };
    let values = brightness.into_iter().zip(yellow).zip(red).zip(alpha);
    let rgba = values.map(|(((brightness, yellow), red), alpha)| {
        let blue = brightness - 2.0 / 3.0 * yellow;
        let reddish = (3.0 * brightness - blue + red) / 2.0;
        [reddish, reddish - red, blue, alpha].map(value_of)
    });
    Pixels::new(width, height, rgba.collect())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn value_of(value: f64) -> u8 {
    (255.0 * value.clamp(0.0, 1.0)) as u8
}

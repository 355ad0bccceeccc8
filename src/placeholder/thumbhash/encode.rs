//! From a picture to its hash.

use super::{ALPHA_FREQUENCIES, COLOR_FREQUENCIES, OPAQUE_FREQUENCIES, float, triangle, waves};
use crate::placeholder::pixels::Pixels;

/// Returns the ThumbHash of `pixels`: at most 25 bytes.
#[must_use]
pub fn encode(pixels: &Pixels) -> Vec<u8> {
    let (width, height) = (pixels.width(), pixels.height());
    let (average, opacity) = average(pixels);
    let has_alpha = opacity < float(pixels.rgba().len());
    let most = if has_alpha {
        ALPHA_FREQUENCIES
    } else {
        OPAQUE_FREQUENCIES
    };
    let frequencies = |side: usize| {
        let scaled = float(most.saturating_mul(side)) / float(width.max(height));
        usize::from(rounded(scaled)).max(1)
    };
    let (across, down) = (frequencies(width), frequencies(height));

    let [brightness, yellow, red, alpha] = channels(pixels, average);
    let transform =
        |values: &[f64], across, down| Channel::new(values, (width, height), (across, down));
    let least = COLOR_FREQUENCIES;
    let brightness = transform(&brightness, across.max(least), down.max(least));
    let yellow = transform(&yellow, least, least);
    let red = transform(&red, least, least);
    let alpha = has_alpha.then(|| transform(&alpha, ALPHA_FREQUENCIES, ALPHA_FREQUENCIES));

    let is_landscape = width > height;
    let shorter = if is_landscape { down } else { across };
    let first = bits(63.0 * brightness.average)
        | bits(31.5 + 31.5 * yellow.average) << 6
        | bits(31.5 + 31.5 * red.average) << 12
        | bits(31.0 * brightness.scale) << 18
        | u32::from(has_alpha) << 23;
    let second = u32::try_from(shorter).unwrap_or_default()
        | bits(63.0 * yellow.scale) << 3
        | bits(63.0 * red.scale) << 9
        | u32::from(is_landscape) << 15;
    let ([a, b, c, _], [d, e, _, _]) = (first.to_le_bytes(), second.to_le_bytes());
    let mut hash = vec![a, b, c, d, e];
    if let Some(alpha) = &alpha {
        hash.push(rounded(15.0 * alpha.average) | rounded(15.0 * alpha.scale) << 4);
    }
    let halves: Vec<u8> = [Some(brightness), Some(yellow), Some(red), alpha]
        .into_iter()
        .flatten()
        .flat_map(|channel| channel.frequencies)
        .map(|frequency| rounded(15.0 * frequency))
        .collect();
    hash.extend(halves.chunks(2).map(|pair| {
        let half = |index: usize| pair.get(index).copied().unwrap_or(0);
        half(0) | half(1) << 4
    }));
    hash
}

/// Returns the average color, weighted by opacity, and the sum of all opacities.
fn average(pixels: &Pixels) -> ([f64; 3], f64) {
    let mut color = [0.0; 3];
    let mut opacity = 0.0;
    for [red, green, blue, alpha] in pixels.rgba() {
        let alpha = f64::from(*alpha) / 255.0;
        for (sum, value) in color.iter_mut().zip([red, green, blue]) {
            *sum += alpha / 255.0 * f64::from(*value);
        }
        opacity += alpha;
    }
    if opacity > 0.0 {
        color = color.map(|sum| sum / opacity);
    }
    (color, opacity)
}

/// Returns brightness, yellow against blue, red against green, and opacity, on a background of the average color.
fn channels(pixels: &Pixels, average: [f64; 3]) -> [Vec<f64>; 4] {
    let mut channels: [Vec<f64>; 4] = Default::default();
    for [red, green, blue, alpha] in pixels.rgba() {
        let alpha = f64::from(*alpha) / 255.0;
        let mut values = [red, green, blue].map(|value| alpha / 255.0 * f64::from(*value));
        for (value, average) in values.iter_mut().zip(average) {
            *value += average * (1.0 - alpha);
        }
        let [red, green, blue] = values;
        let parts = [
            (red + green + blue) / 3.0,
            (red + green) / 2.0 - blue,
            red - green,
            alpha,
        ];
        for (channel, part) in channels.iter_mut().zip(parts) {
            channel.push(part);
        }
    }
    channels
}

/// One channel of a picture, as the average and the strengths of frequencies.
struct Channel {
    average: f64,
    /// From 0 to 1; 0.5 is none.
    frequencies: Vec<f64>,
    /// The strongest.
    scale: f64,
}

impl Channel {
    fn new(
        values: &[f64],
        (width, height): (usize, usize),
        (across, down): (usize, usize),
    ) -> Self {
        let mut strengths = triangle(across, down).map(|(x, y)| {
            let waves_x = waves(width, x);
            let mut strength = 0.0;
            for (row, wave_y) in values.chunks(width.max(1)).zip(waves(height, y)) {
                for (value, wave_x) in row.iter().zip(&waves_x) {
                    strength += value * wave_x * wave_y;
                }
            }
            strength / float(values.len())
        });
        // The first frequency is 0, whose strength is the average.
        let average = strengths.next().unwrap_or_default();
        let mut frequencies: Vec<f64> = strengths.collect();
        let scale = frequencies
            .iter()
            .fold(0.0_f64, |scale, strength| scale.max(strength.abs()));
        if scale > 0.0 {
            for frequency in &mut frequencies {
                *frequency = 0.5 + 0.5 / scale * *frequency;
            }
        }
        Self {
            average,
            frequencies,
            scale,
        }
    }
}

/// Rounds as JavaScript does. All numbers are from 0 to 63.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn rounded(number: f64) -> u8 {
    number.round() as u8
}

fn bits(number: f64) -> u32 {
    rounded(number).into()
}

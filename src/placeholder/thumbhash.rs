//! ThumbHash: a blurred picture in about 25 bytes (<https://evanw.github.io/thumbhash/>).
//!
//! The picture is split into brightness, two differences of colors and opacity. The hash has the first frequencies of each, 4 bits
//! a frequency. It equals that of the reference byte for byte: all numbers are `f64`, and are rounded as JavaScript rounds them.

use std::f64::consts::PI;

use crate::placeholder::pixels::Pixels;

/// The number of frequencies each way of brightness, along the longer side, without and with transparency.
const OPAQUE_FREQUENCIES: usize = 7;
const ALPHA_FREQUENCIES: usize = 5;

/// The number of frequencies each way of colors, and the least of brightness.
const COLOR_FREQUENCIES: usize = 3;

/// The lengths of the header, in bytes.
const OPAQUE_HEADER: usize = 5;
const ALPHA_HEADER: usize = 6;

/// Colors are more saturated in the decoded picture than in the encoded frequencies, which lose some.
const SATURATION: f64 = 1.25;

/// Returns the ThumbHash of `pixels`.
#[must_use]
pub fn encode(pixels: &Pixels) -> Vec<u8> {
    let (width, height) = (pixels.width(), pixels.height());
    let count = float(pixels.rgba().len());
    let mut average = [0.0; 3];
    let mut opacity = 0.0;
    for [red, green, blue, alpha] in pixels.rgba() {
        let alpha = f64::from(*alpha) / 255.0;
        for (sum, value) in average.iter_mut().zip([red, green, blue]) {
            *sum += alpha / 255.0 * f64::from(*value);
        }
        opacity += alpha;
    }
    if opacity > 0.0 {
        average = average.map(|sum| sum / opacity);
    }

    let has_alpha = opacity < count;
    let longest = width.max(height);
    let most = if has_alpha {
        ALPHA_FREQUENCIES
    } else {
        OPAQUE_FREQUENCIES
    };
    let frequencies = |side: usize| {
        let scaled = rounded(float(most.saturating_mul(side)) / float(longest));
        usize::from(scaled).max(1)
    };
    let (across, down) = (frequencies(width), frequencies(height));

    let mut channels: [Vec<f64>; 4] = Default::default();
    for [red, green, blue, alpha] in pixels.rgba() {
        let alpha = f64::from(*alpha) / 255.0;
        let mut values = [red, green, blue].map(|value| alpha / 255.0 * f64::from(*value));
        for (value, average) in values.iter_mut().zip(average) {
            // In this order, to round as the reference does.
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
    let [brightness, yellow, red, alpha] = &channels;
    let transform =
        |channel: &[f64], across, down| Channel::new(channel, width, height, across, down);
    let brightness = transform(
        brightness,
        across.max(COLOR_FREQUENCIES),
        down.max(COLOR_FREQUENCIES),
    );
    let yellow = transform(yellow, COLOR_FREQUENCIES, COLOR_FREQUENCIES);
    let red = transform(red, COLOR_FREQUENCIES, COLOR_FREQUENCIES);
    let alpha = has_alpha.then(|| transform(alpha, ALPHA_FREQUENCIES, ALPHA_FREQUENCIES));

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
    let mut low_bits = None;
    let channels = [Some(brightness), Some(yellow), Some(red), alpha];
    for frequency in channels
        .into_iter()
        .flatten()
        .flat_map(|channel| channel.frequencies)
    {
        let value = rounded(15.0 * frequency);
        match low_bits.take() {
            None => low_bits = Some(value),
            Some(low) => hash.push(low | value << 4),
        }
    }
    hash.extend(low_bits);
    hash
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
    fn new(values: &[f64], width: usize, height: usize, across: usize, down: usize) -> Self {
        let (mut average, mut scale, mut frequencies) = (0.0, 0.0_f64, Vec::new());
        for (x, y) in triangle(across, down, 0) {
            let waves_x = waves(width, x);
            let mut strength = 0.0;
            for (row, wave_y) in values.chunks(width.max(1)).zip(waves(height, y)) {
                for (value, wave_x) in row.iter().zip(&waves_x) {
                    strength += value * wave_x * wave_y;
                }
            }
            strength /= float(width.saturating_mul(height));
            if (x, y) == (0, 0) {
                average = strength;
            } else {
                frequencies.push(strength);
                scale = scale.max(strength.abs());
            }
        }
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

/// Returns the frequencies across and down that a hash has, in its order, from the `first` one of the first row.
fn triangle(across: usize, down: usize, first: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..down).flat_map(move |y| {
        let from = if y == 0 { first } else { 0 };
        let is_in =
            move |x: &usize| x.saturating_mul(down) < across.saturating_mul(down.saturating_sub(y));
        (from..across).take_while(is_in).map(move |x| (x, y))
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

/// Draws the picture of a hash, which is blurred. `width` and `height` are those of the result. Returns `None` if the hash is too short.
#[must_use]
pub fn decode(hash: &[u8], width: usize, height: usize) -> Option<Pixels> {
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
    let shorter = usize::try_from(second & 7).ok()?;
    let (across, down) = if is_landscape {
        (longer, shorter.max(COLOR_FREQUENCIES))
    } else {
        (shorter.max(COLOR_FREQUENCIES), longer)
    };
    let (alpha_average, alpha_scale, header) = if has_alpha {
        let alpha = *hash.get(OPAQUE_HEADER)?;
        let average = f64::from(alpha & 15) / 15.0;
        (average, f64::from(alpha >> 4) / 15.0, ALPHA_HEADER)
    } else {
        (1.0, 0.0, OPAQUE_HEADER)
    };
    let mut halves = hash
        .get(header..)?
        .iter()
        .flat_map(|byte| [byte & 15, byte >> 4]);
    let mut channel = |average: f64, scale: f64, across: usize, down: usize| {
        let frequencies = triangle(across, down, 1).map(|position| {
            let half = halves.next()?;
            Some((position, (f64::from(half) / 7.5 - 1.0) * scale))
        });
        let frequencies = frequencies.collect::<Option<Vec<_>>>()?;
        Some(Drawing::new(average, &frequencies, width, height))
    };
    let colors = COLOR_FREQUENCIES;
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
        channel(
            alpha_average,
            alpha_scale,
            ALPHA_FREQUENCIES,
            ALPHA_FREQUENCIES,
        )?
        .0
    } else {
        vec![1.0; width.saturating_mul(height)]
    };
    let values = brightness.0.into_iter().zip(yellow.0).zip(red.0).zip(alpha);
    let rgba = values.map(|(((brightness, yellow), red), alpha)| {
        let blue = brightness - 2.0 / 3.0 * yellow;
        let reddish = (3.0 * brightness - blue + red) / 2.0;
        [reddish, reddish - red, blue, alpha].map(value_of)
    });
    Pixels::new(width, height, rgba.collect())
}

/// The values of one channel, row by row.
struct Drawing(Vec<f64>);

impl Drawing {
    fn new(
        average: f64,
        frequencies: &[((usize, usize), f64)],
        width: usize,
        height: usize,
    ) -> Self {
        let mut values = vec![average; width.saturating_mul(height)];
        for ((x, y), strength) in frequencies {
            let waves_x = waves(width, *x);
            for (row, wave_y) in values.chunks_mut(width.max(1)).zip(waves(height, *y)) {
                for (value, wave_x) in row.iter_mut().zip(&waves_x) {
                    *value += strength * wave_x * wave_y * 2.0;
                }
            }
        }
        Self(values)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn value_of(value: f64) -> u8 {
    (255.0 * value.clamp(0.0, 1.0)) as u8
}

/// Rounds as JavaScript does: halves up. All numbers are from 0 to 63.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn rounded(number: f64) -> u8 {
    (number + 0.5).floor() as u8
}

fn bits(number: f64) -> u32 {
    rounded(number).into()
}

#[allow(clippy::cast_precision_loss)] // at most 10,000
fn float(count: usize) -> f64 {
    count as f64
}

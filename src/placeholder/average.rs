//! The average color of a picture.

use std::array;

use crate::image::color::Color;
use crate::placeholder::pixels::Pixels;

/// Returns the average color of `pixels`, weighted by opacity, or `None` if all of them are transparent.
///
/// The average is that of light, not of the encoded values: half black and half white is `#bcbcbc`, as a viewer sees it from a
/// distance. `#808080` would be too dark.
#[must_use]
pub fn color(pixels: &Pixels) -> Option<Color> {
    // A power for each sample would take longer than all the rest.
    let light_of: [f64; 256] = array::from_fn(light_of);
    let mut light = [0.0; 3];
    let mut weight = 0.0;
    for [red, green, blue, alpha] in pixels.rgba() {
        let alpha = f64::from(*alpha);
        weight += alpha;
        for (sum, value) in light.iter_mut().zip([red, green, blue]) {
            *sum += alpha * light_of.get(usize::from(*value)).unwrap_or(&0.0);
        }
    }
    (weight > 0.0).then(|| Color::new(light.map(|sum| value_of(sum / weight))))
}

/// Decodes a value of sRGB (IEC 61966-2-1) to light, from 0 to 1.
#[allow(clippy::cast_precision_loss)] // at most 255
fn light_of(value: usize) -> f64 {
    let value = value as f64 / 255.0;
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// Encodes light, from 0 to 1, as a value of sRGB.
fn value_of(light: f64) -> u8 {
    let value = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
    let value = (value * 255.0).round() as u8;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn average(rgba: Vec<[u8; 4]>) -> Option<String> {
        let pixels = Pixels::new(rgba.len(), 1, rgba).unwrap();
        color(&pixels).map(|color| color.to_string())
    }

    #[test]
    fn the_average_is_that_of_light() {
        let (black, white) = ([0, 0, 0, 255], [255, 255, 255, 255]);
        assert_eq!(average(vec![black, white]).as_deref(), Some("#bcbcbc"));
    }

    #[test]
    fn the_average_of_one_color_is_that_color() {
        for value in 0..=255 {
            let expected = format!("#{value:02x}00{value:02x}");
            assert_eq!(average(vec![[value, 0, value, 255]; 3]), Some(expected));
        }
        let faint = [10, 200, 30, 1];
        assert_eq!(average(vec![faint]).as_deref(), Some("#0ac81e"));
    }

    #[test]
    fn pixels_count_by_their_opacity() {
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 0]);
        assert_eq!(average(vec![red, blue]).as_deref(), Some("#ff0000"));
        // A third of the weight is white.
        let (black, white) = ([0, 0, 0, 200], [255, 255, 255, 100]);
        assert_eq!(average(vec![black, white]).as_deref(), Some("#9c9c9c"));
        assert_eq!(average(vec![[9, 9, 9, 0]]), None);
    }
}

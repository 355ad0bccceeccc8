//! The average color of a picture.

use std::fmt;

use crate::placeholder::pixels::Pixels;

/// A color in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Returns the average color of `pixels`, weighted by opacity, or `None` if all of them are transparent.
    ///
    /// The average is that of light, not of the encoded values: half black and half white is `#bcbcbc`, as a viewer sees it from a
    /// distance. `#808080` would be too dark.
    #[must_use]
    pub fn average(pixels: &Pixels) -> Option<Self> {
        let mut light = [0.0; 3];
        let mut weight = 0.0;
        for [red, green, blue, alpha] in pixels.rgba() {
            let alpha = f64::from(*alpha);
            weight += alpha;
            for (sum, value) in light.iter_mut().zip([red, green, blue]) {
                *sum += alpha * light_of(*value);
            }
        }
        (weight > 0.0).then(|| Self(light.map(|sum| value_of(sum / weight))))
    }

    /// Reads `#rrggbb`, in lower case. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let number = digits
            .bytes()
            .all(is_hex)
            .then(|| u32::from_str_radix(digits, 16).ok())??;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    /// Writes `#rrggbb`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Decodes a value of sRGB (IEC 61966-2-1) to light, from 0 to 1.
fn light_of(value: u8) -> f64 {
    let value = f64::from(value) / 255.0;
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
        Color::average(&pixels).map(|color| color.to_string())
    }

    #[test]
    fn the_average_is_that_of_light() {
        let (black, white) = ([0, 0, 0, 255], [255, 255, 255, 255]);
        assert_eq!(average(vec![black, white]).as_deref(), Some("#bcbcbc"));
        for value in 0..=255 {
            let expected = format!("#{value:02x}0000");
            assert_eq!(average(vec![[value, 0, 0, 255]; 3]), Some(expected));
        }
    }

    #[test]
    fn pixels_count_by_their_opacity() {
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 0]);
        assert_eq!(average(vec![red, blue]).as_deref(), Some("#ff0000"));
        assert_eq!(average(vec![[9, 9, 9, 0]]), None);
        let faint = [10, 200, 30, 1];
        assert_eq!(average(vec![faint]).as_deref(), Some("#0ac81e"));
    }

    #[test]
    fn a_color_is_read_as_it_is_written() {
        for text in ["#000000", "#0af19b", "#ffffff"] {
            assert_eq!(Color::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "", "#", "000000", "#00000", "#0000000", "#00000G", "#0AF19B", "#+00000",
        ] {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }
}

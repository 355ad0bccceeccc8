//! A color in sRGB, as `#rrggbb`.

use std::fmt;

/// Red, green and blue in sRGB, without opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Creates a color from its encoded values: red, green and blue.
    #[must_use]
    pub fn new(values: [u8; 3]) -> Self {
        Self(values)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_read_as_it_is_written() {
        for text in ["#000000", "#0af19b", "#ffffff"] {
            assert_eq!(Color::parse(text).unwrap().to_string(), text);
        }
        let color = Color::new([0x0a, 0xf1, 0x9b]);
        assert_eq!(Color::parse("#0af19b"), Some(color));
    }

    #[test]
    fn any_other_text_is_not_a_color() {
        for text in [
            "", "#", "000000", "#00000", "#0000000", "#00000G", "#0AF19B", "#+00000", "#0000é",
            "##00000", " #000000",
        ] {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }
}

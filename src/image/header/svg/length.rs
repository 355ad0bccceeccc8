//! The values of `width`, `height` and `viewBox`.

use super::super::steps;

/// A value that is present, but cannot be resolved to pixels without a browser, or at all.
pub(super) const UNRESOLVED: f64 = f64::NAN;

/// A width or height in pixels, or [`UNRESOLVED`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    pub(super) pixels: f64,
    /// `true` if it depends on the font.
    pub(super) depends_on_font: bool,
}

/// The absolute units of CSS, in pixels.
const UNITS: [(&[u8], f64); 8] = [
    (b"", 1.0),
    (b"px", 1.0),
    (b"in", 96.0),
    (b"cm", 96.0 / 2.54),
    (b"mm", 96.0 / 25.4),
    (b"q", 96.0 / 101.6),
    (b"pt", 96.0 / 72.0),
    (b"pc", 16.0),
];

/// The units that depend on the font, in pixels at the initial font size.
const FONT_UNITS: [(&[u8], f64); 3] = [(b"em", 16.0), (b"rem", 16.0), (b"ex", 8.0)];

/// Reads `width` or `height`. Returns `None` for an automatic size: a percentage, `auto`, or a value that is invalid in
/// CSS and therefore ignored. An unknown unit is unresolved, not invalid.
pub(super) fn length(value: &[u8]) -> Option<Length> {
    let value = value.trim_ascii();
    let is_expression = |byte: &u8| matches!(byte, b'(' | b'/' | b'\\');
    if value.iter().any(is_expression) {
        return Some(Length {
            pixels: UNRESOLVED,
            depends_on_font: false,
        });
    }
    let (number, unit) = number(value)?;
    if !unit.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let factor = |units: &[(&[u8], f64)]| {
        let mut units = units.iter();
        let unit = units.find(|(name, _)| unit.eq_ignore_ascii_case(name));
        unit.map(|(_, pixels)| *pixels)
    };
    let font_factor = factor(&FONT_UNITS);
    Some(Length {
        pixels: number * font_factor.or_else(|| factor(&UNITS)).unwrap_or(UNRESOLVED),
        depends_on_font: font_factor.is_some(),
    })
}

/// Reads the width and height of `min-x min-y width height`, each at least 0. Returns `None` for anything else.
pub(super) fn view_box(value: &[u8]) -> Option<(f64, f64)> {
    let mut rest = value.trim_ascii();
    let mut next = || {
        let (found, after) = number(rest)?;
        let separated = after.trim_ascii_start();
        let separated = separated.strip_prefix(b",").unwrap_or(separated);
        rest = separated.trim_ascii_start();
        steps::add(after.len().saturating_sub(rest.len()));
        Some((found, after))
    };
    let (_, _, (width, _), (height, end)) = (next()?, next()?, next()?, next()?);
    let is_size = |side| (0.0..=f64::MAX).contains(side);
    (is_size(&width) && is_size(&height) && end.is_empty()).then_some((width, height))
}

/// Reads the number at the beginning of a text. Returns it and the rest of the text. The standard library's parser
/// would be a tenth of the Worker's size.
fn number(text: &[u8]) -> Option<(f64, &[u8])> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        _ => (1.0, text),
    };
    let (whole, text) = digits(text);
    let (fraction, text) = match text {
        [b'.', b'0'..=b'9', ..] => digits(text.get(1..).unwrap_or_default()),
        _ => (&[][..], text),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = 0.0;
    for digit in whole {
        number = number * 10.0 + f64::from(digit.saturating_sub(b'0'));
    }
    let mut scale = 1.0;
    for digit in fraction {
        scale /= 10.0;
        number += scale * f64::from(digit.saturating_sub(b'0'));
    }
    let (exponent, text) = exponent(text);
    Some((sign * number * 10_f64.powi(exponent), text))
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    steps::add(length);
    text.split_at_checked(length).unwrap_or((text, &[]))
}

/// Reads an exponent such as `e3`. In `3em`, the `e` begins the unit.
fn exponent(text: &[u8]) -> (i32, &[u8]) {
    let [b'e' | b'E', rest @ ..] = text else {
        return (0, text);
    };
    let (sign, rest) = match rest {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, rest),
    };
    let (digits, after) = digits(rest);
    if digits.is_empty() {
        return (0, text);
    }
    let mut exponent = 0_i32;
    for digit in digits {
        let digit = i32::from(digit.saturating_sub(b'0'));
        exponent = exponent.saturating_mul(10).saturating_add(digit);
    }
    (exponent.saturating_mul(sign), after)
}

//! SVG, whose size stands in the tag of its root (<https://www.w3.org/TR/SVG2/coords.html>).

use super::part::Part;
use super::{Header, NoImage, Stop, header, steps};
use crate::metadata::{Format, Traits};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Anything that no other format begins like is taken for text, and may be XML.
pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let there = file.available();
    let text = there.strip_prefix(BYTE_ORDER_MARK).unwrap_or(there);
    let further = || {
        Stop::Further(
            u64::try_from(there.len())
                .unwrap_or(u64::MAX)
                .saturating_add(1),
        )
    };
    let mut scanner = Scanner { rest: text };
    let size = scanner.root().map_err(|fault| match fault {
        Fault::End => further(),
        Fault::Refused(reason) => reason.into(),
    })?;
    let size = size.in_pixels().ok_or(NoImage::NoSize)?;
    header(Format::Svg, size, Traits::default())
}

/// Why the tag of the root cannot be read.
enum Fault {
    /// The text ends before it.
    End,
    Refused(NoImage),
}

/// What the root says of its size.
#[derive(Default)]
struct Size {
    width: Option<f64>,
    height: Option<f64>,
    /// Width and height.
    view_box: Option<(f64, f64)>,
}

impl Size {
    /// As a browser shows it by itself: a side that has no length follows from the ratio of the `viewBox`.
    fn in_pixels(self) -> Option<(u32, u32)> {
        let ratio = self.view_box.map(|(width, height)| width / height);
        let (width, height) = match (self.width, self.height, self.view_box) {
            (Some(width), Some(height), _) | (None, None, Some((width, height))) => (width, height),
            (Some(width), None, _) => (width, width / ratio?),
            (None, Some(height), _) => (height * ratio?, height),
            (None, None, None) => return None,
        };
        (width.is_finite() && height.is_finite()).then(|| (pixels(width), pixels(height)))
    }
}

/// To the nearest pixel, but never none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn pixels(length: f64) -> u32 {
    length.round().max(1.0) as u32
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// The size in the tag of the root, behind declarations and comments.
    fn root(&mut self) -> Result<Size, Fault> {
        loop {
            self.skip_space();
            if self.rest.is_empty() {
                return Err(Fault::End);
            }
            self.consume(b"<", NoImage::Unknown)?;
            match self.rest {
                [b'?', ..] => self.skip_past(b"?>")?,
                [b'!', b'-', b'-', ..] => self.skip_past(b"-->")?,
                [b'!', b'D', b'O', b'C', ..] => self.skip_doctype()?,
                [b'!'] | [b'!', b'-'] | [] => return Err(Fault::End),
                _ => return self.tag(),
            }
        }
    }

    fn tag(&mut self) -> Result<Size, Fault> {
        let name = self.name()?;
        if name.rsplit(|byte| *byte == b':').next() != Some(b"svg") {
            return Err(Fault::Refused(NoImage::Unknown));
        }
        let mut size = Size::default();
        loop {
            self.skip_space();
            match self.rest {
                [] => return Err(Fault::End),
                [b'>' | b'/', ..] => return Ok(size),
                _ => {}
            }
            let (name, value) = self.attribute()?;
            match name {
                b"width" => size.width = length(value),
                b"height" => size.height = length(value),
                b"viewBox" => size.view_box = view_box(value),
                _ => {}
            }
        }
    }

    fn attribute(&mut self) -> Result<(&'a [u8], &'a [u8]), Fault> {
        let name = self.name()?;
        if name.is_empty() {
            return Err(Fault::Refused(NoImage::Malformed));
        }
        self.skip_space();
        self.consume(b"=", NoImage::Malformed)?;
        self.skip_space();
        let quote = match self.rest {
            [] => return Err(Fault::End),
            [quote @ (b'"' | b'\''), rest @ ..] => {
                self.rest = rest;
                *quote
            }
            _ => return Err(Fault::Refused(NoImage::Malformed)),
        };
        let value = self.until(|byte| byte == quote)?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok((name, value))
    }

    fn name(&mut self) -> Result<&'a [u8], Fault> {
        self.until(|byte| {
            byte.is_ascii_whitespace() || matches!(byte, b'=' | b'>' | b'/' | b'<' | b'"' | b'\'')
        })
    }

    /// What stands before the first byte that is `last`, which stays.
    fn until(&mut self, last: impl Fn(u8) -> bool) -> Result<&'a [u8], Fault> {
        let length = self.rest.iter().position(|byte| {
            steps::add(1);
            last(*byte)
        });
        let (before, rest) = length
            .and_then(|length| self.rest.split_at_checked(length))
            .ok_or(Fault::End)?;
        self.rest = rest;
        Ok(before)
    }

    fn consume(&mut self, text: &[u8], otherwise: NoImage) -> Result<(), Fault> {
        match self.rest.strip_prefix(text) {
            Some(rest) => self.rest = rest,
            None if text.starts_with(self.rest) => return Err(Fault::End),
            None => return Err(Fault::Refused(otherwise)),
        }
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = self.rest.trim_ascii_start();
        steps::add(self.rest.len().saturating_sub(rest.len()));
        self.rest = rest;
    }

    fn skip_past(&mut self, end: &[u8]) -> Result<(), Fault> {
        let found = self.rest.windows(end.len()).position(|part| {
            steps::add(1);
            part == end
        });
        let after = found.ok_or(Fault::End)?.saturating_add(end.len());
        self.rest = self.rest.get(after..).unwrap_or_default();
        Ok(())
    }

    /// A document type, which can have declarations of its own in brackets.
    fn skip_doctype(&mut self) -> Result<(), Fault> {
        let mut in_brackets = false;
        loop {
            if self.rest.starts_with(b"<!--") {
                self.skip_past(b"-->")?;
                continue;
            }
            let [byte, rest @ ..] = self.rest else {
                return Err(Fault::End);
            };
            steps::add(1);
            self.rest = rest;
            match byte {
                b'"' | b'\'' => self.skip_past(&[*byte])?,
                b'[' => in_brackets = true,
                b']' => in_brackets = false,
                b'>' if !in_brackets => return Ok(()),
                _ => {}
            }
        }
    }
}

/// The units of CSS that do not depend on where the image is shown, in pixels. Nothing sets another font than the usual
/// one, of 16 pixels.
const UNITS: [(&[u8], f64); 11] = [
    (b"", 1.0),
    (b"px", 1.0),
    (b"in", 96.0),
    (b"cm", 96.0 / 2.54),
    (b"mm", 96.0 / 25.4),
    (b"q", 96.0 / 101.6),
    (b"pt", 96.0 / 72.0),
    (b"pc", 16.0),
    (b"em", 16.0),
    (b"rem", 16.0),
    (b"ex", 8.0),
];

/// A length in pixels, of which an inch has 96. `None` for what depends on where the image is shown, and for what
/// is no length.
fn length(value: &[u8]) -> Option<f64> {
    let (number, unit) = number(value.trim_ascii())?;
    let pixels = UNITS
        .into_iter()
        .find(|(name, _)| unit.eq_ignore_ascii_case(name))
        .map(|(_, pixels)| pixels)?;
    Some(number * pixels).filter(|length| *length > 0.0)
}

/// The width and height of `min-x min-y width height`.
fn view_box(mut value: &[u8]) -> Option<(f64, f64)> {
    let mut next = || {
        let separated = value.trim_ascii_start();
        let separated = separated.strip_prefix(b",").unwrap_or(separated);
        let (number, rest) = number(separated.trim_ascii_start())?;
        value = rest;
        Some(number)
    };
    let (_, _, width, height) = (next()?, next()?, next()?, next()?);
    (width > 0.0 && height > 0.0).then_some((width, height))
}

/// The number that a text begins with, and what follows. The standard library's reader would be a tenth of the Worker.
fn number(text: &[u8]) -> Option<(f64, &[u8])> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        _ => (1.0, text),
    };
    let (whole, text) = digits(text);
    let (fraction, text) = match text.strip_prefix(b".") {
        Some(rest) => digits(rest),
        None => (&[][..], text),
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

/// The `e3` of a number, which is no exponent where a unit such as `em` begins likewise.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Result<(u32, u32), Stop> {
        let dimensions = read(Part::file(text.as_bytes(), 1_000))?.dimensions;
        Ok((dimensions.width(), dimensions.height()))
    }

    #[test]
    fn a_side_has_a_length_or_follows_from_the_other_and_the_ratio() {
        for (attributes, expected) in [
            ("width='120' height='80.4px'", (120, 80)),
            ("width='1in' height=' 2.54cm '", (96, 96)),
            ("width='10MM' height='40q'", (38, 38)),
            ("width='72pt' height='6pc'", (96, 96)),
            ("width='2em' height='1e2'", (32, 100)),
            ("width='0.2' height='.6'", (1, 1)),
            ("width='100%' height='100%' viewBox='0 0 30 20'", (30, 20)),
            ("viewBox='-5,-5 , 30,20'", (30, 20)),
            ("width='60' viewBox='0 0 30 20'", (60, 40)),
            ("height='60' viewBox='0 0 3e1 20'", (90, 60)),
            ("width='60' height='-1' viewBox='0 0 30 20'", (60, 40)),
        ] {
            assert_eq!(
                size(&format!("<svg {attributes}>")),
                Ok(expected),
                "{attributes}"
            );
        }
        for attributes in [
            "",
            "width='60'",
            "viewBox='0 0 0 20'",
            "viewBox='0 0 20'",
            "width='x' height='y'",
            "width='60' viewBox='0 0 1e999 1e999'",
            "width='1e999' height='1'",
        ] {
            let none = size(&format!("<svg {attributes}/>"));
            assert_eq!(none, Err(NoImage::NoSize.into()), "{attributes}");
        }
    }

    #[test]
    fn the_root_stands_behind_whatever_xml_may_have_before_it() {
        for before in [
            "\u{feff}",
            "<?xml version='1.0'?>\n",
            "<!-- <svg width='1' height='1'> -->",
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD>' \"http://x\">",
            "<!DOCTYPE svg [<!ENTITY a \"]>\"> <!-- ]> ' -->]>",
        ] {
            let text = format!("{before}<s:svg xmlns:s='' width=\"7\" height='8'/>");
            assert_eq!(size(&text), Ok((7, 8)), "{before}");
        }
        for other in [
            "<html>",
            "<SVG width='1' height='1'>",
            "x<svg width='1' height='1'>",
            "<svgs >",
        ] {
            assert_eq!(size(other), Err(NoImage::Unknown.into()), "{other}");
        }
        for cut in [
            "<",
            "<!",
            "<!-",
            "<?xml",
            "<!DOCTYPE svg [",
            "<svg width='1",
            "<svg width",
        ] {
            assert!(matches!(size(cut), Err(Stop::Further(_))), "{cut}");
        }
        assert_eq!(
            size("<svg width=1 height=1>"),
            Err(NoImage::Malformed.into())
        );
    }
}

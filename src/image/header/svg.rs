//! SVG: the size is in the start tag of the root (<https://www.w3.org/TR/SVG2/coords.html>).

mod doctype;
mod length;
mod scanner;

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::{Header, Stop};
use super::steps;
use crate::image::metadata::{Format, MAX_DIMENSION, Traits};
use doctype::Doctype;
use length::{Length, UNRESOLVED, length, view_box};
use scanner::Scanner;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const NAMESPACE: &[u8] = b"http://www.w3.org/2000/svg";

/// Reads a file that has no known signature as text, which may be XML.
pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let bytes = file.available();
    if let [0xff, 0xfe, _, 0, ..] | [0xfe, 0xff, 0, ..] = bytes {
        return Err(ImageError::Utf16.into());
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut scanner = Scanner::new(text, bytes.len());
    let doctype = Doctype::read_prolog(&mut scanner)?;
    let root = Root::read(&mut scanner, &doctype)?;
    let (size, is_certain) = root.size(&doctype)?;
    Ok(Header {
        is_certain,
        ..Header::new(Format::Svg, size, Traits::default())?
    })
}

/// The attributes of the root that its size depends on, as written.
#[derive(Default)]
struct Root<'a> {
    width: Option<&'a [u8]>,
    height: Option<&'a [u8]>,
    view_box: Option<&'a [u8]>,
    aspect_ratio: Option<&'a [u8]>,
    style: Option<&'a [u8]>,
    font_size: Option<&'a [u8]>,
    namespace: Option<&'a [u8]>,
}

impl<'a> Root<'a> {
    fn read(scanner: &mut Scanner<'a>, doctype: &Doctype<'_>) -> Result<Self, Stop> {
        let mut name = scanner.name()?.rsplitn(2, |byte| *byte == b':');
        if name.next() != Some(b"svg") {
            return Err(ImageError::Unknown.into());
        }
        let prefix = name.next();
        let mut root = Self::default();
        while let Some((name, value)) = scanner.attribute()? {
            let is_namespace = match prefix {
                None => name == b"xmlns",
                Some(prefix) => name.strip_prefix(b"xmlns:") == Some(prefix),
            };
            let attribute = match name {
                _ if is_namespace => &mut root.namespace,
                b"width" => &mut root.width,
                b"height" => &mut root.height,
                b"viewBox" => &mut root.view_box,
                b"preserveAspectRatio" => &mut root.aspect_ratio,
                b"style" => &mut root.style,
                b"font-size" => &mut root.font_size,
                _ => continue,
            };
            if attribute.replace(value).is_some() {
                return Err(ImageError::Malformed.into());
            }
        }
        // An `<svg>` that was copied from a web page often has no namespace. It counts as SVG.
        let is_svg = match root.namespace {
            None | Some(b"") => prefix.is_none(),
            Some(namespace) => doctype
                .resolve(namespace)
                .is_none_or(|namespace| *namespace == *NAMESPACE),
        };
        is_svg.then_some(root).ok_or(ImageError::Unknown.into())
    }

    /// Returns the size at which a browser displays the image on its own, in pixels, and whether nothing else can
    /// change it. A side without a length follows from the ratio of the `viewBox`.
    fn size(self, doctype: &Doctype<'_>) -> Result<((u32, u32), bool), ImageError> {
        let style = Style::read(self.style.unwrap_or_default());
        let sets_font = self.font_size.is_some() || style.sets_font;
        let mut is_certain = !style.sets_size;
        let mut side = |value: Option<&[u8]>| {
            let Length {
                pixels,
                depends_on_font,
            } = match doctype.resolve(value?) {
                Some(value) => length(&value)?,
                None => return Some(UNRESOLVED),
            };
            is_certain &= !depends_on_font;
            Some(if depends_on_font && sets_font {
                UNRESOLVED
            } else {
                pixels
            })
        };
        let sides = (side(self.width), side(self.height));
        if let (Some(width), Some(height)) = sides {
            return Ok(((pixels(width)?, pixels(height)?), is_certain));
        }
        let view_box = match self.view_box {
            _ if doctype.may_set_size => return Err(ImageError::UnresolvedSize),
            None => return Err(ImageError::NoSize),
            Some(value) => doctype.resolve(value).and_then(|value| view_box(&value)),
        };
        let view_box = view_box.ok_or(ImageError::UnresolvedSize)?;
        let (width, height) = match sides {
            (Some(width), _) => (width, width * view_box.1 / view_box.0),
            (_, Some(height)) => (height * view_box.0 / view_box.1, height),
            _ => view_box,
        };
        // A browser fits an image without a ratio into 300 by 150 pixels.
        let has_ratio = self
            .aspect_ratio
            .is_none_or(|value| !value.trim_ascii_start().starts_with(b"none"));
        Ok(((pixels(width)?, pixels(height)?), is_certain && has_ratio))
    }
}

/// Rounds a length to the nearest pixel.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be in range
fn pixels(length: f64) -> Result<u32, ImageError> {
    if length.is_nan() || length > f64::from(MAX_DIMENSION) {
        return Err(ImageError::UnresolvedSize);
    }
    if length < 0.5 {
        return Err(ImageError::TooSmall);
    }
    Ok(length.round() as u32)
}

/// The properties that a `style` attribute sets. librsvg takes the size of an image from them; browsers do not.
#[derive(Default)]
struct Style {
    sets_size: bool,
    sets_font: bool,
}

impl Style {
    fn read(text: &[u8]) -> Self {
        steps::add(text.len().saturating_mul(2));
        let mut style = Self::default();
        for declaration in text.split(|byte| *byte == b';') {
            let name = declaration.split(|byte| *byte == b':').next();
            match name.unwrap_or_default().trim_ascii() {
                b"width" | b"height" => style.sets_size = true,
                b"font" | b"font-size" => style.sets_font = true,
                // A comment, an escape or a reference can hide a name.
                name if name.iter().any(|byte| b"/\\&".contains(byte)) => {
                    style = Self {
                        sets_size: true,
                        sets_font: true,
                    };
                }
                _ => {}
            }
        }
        style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Result<(u32, u32), Stop> {
        let dimensions = read(ByteRange::file(text.as_bytes(), 1_000))?.dimensions;
        Ok((dimensions.width(), dimensions.height()))
    }

    #[track_caller]
    fn assert_sizes<const N: usize>(cases: [(&str, (u32, u32)); N]) {
        for (attributes, expected) in cases {
            let text = format!("<svg {attributes}>");
            assert_eq!(size(&text), Ok(expected), "{attributes}");
        }
    }

    #[track_caller]
    fn assert_error<const N: usize>(reason: ImageError, texts: [&str; N]) {
        for text in texts {
            assert_eq!(size(text), Err(reason.into()), "{text}");
        }
    }

    #[test]
    fn a_side_has_a_length_or_follows_from_the_other_side_and_the_ratio() {
        assert_sizes([
            ("width='120' height='80.4px'", (120, 80)),
            ("width='1in' height=' 2.54cm '", (96, 96)),
            ("width='10MM' height='40q'", (38, 38)),
            ("width='72pt' height='6pc'", (96, 96)),
            ("width='2em' height='1e2'", (32, 100)),
            ("width='1e1em' height='+10'", (160, 10)),
            ("width='40.5' height='.5'", (41, 1)),
            ("width='12000e-2' height='39.4'", (120, 39)),
            ("viewBox='-5,-5 , 30,20'", (30, 20)),
            ("viewBox=' 0-5 30+20 '", (30, 20)),
            ("width='60' viewBox='0 0 30 20'", (60, 40)),
            ("height='60' viewBox='0 0 3e1 20'", (90, 60)),
            ("width='61' viewBox='0 0 .3 .2'", (61, 41)),
            ("width='60' height='7' viewBox='broken'", (60, 7)),
            ("width='60' height='7' viewBox='0 0 0 0'", (60, 7)),
        ]);
        for attributes in ["", "width='60'", "height='60' width='auto'"] {
            assert_error(ImageError::NoSize, [&*format!("<svg {attributes}/>")]);
        }
    }

    #[test]
    fn a_percentage_or_an_invalid_value_is_an_automatic_size() {
        for value in [
            "100%",
            "0%",
            "-5.5%",
            "",
            " ",
            "auto",
            "AUTO",
            "fit-content",
            "undefined",
            "NaN",
            "px",
            "10 px",
            "10px;",
            "10, ",
            "10.",
            "5.%",
            "0x10",
            "1.2.3",
            "+-10",
            "1e1.5",
            "10px !important",
            "{w}",
            "\u{e9}",
            "10\u{a0}",
        ] {
            for attributes in [
                format!("width='{value}' height='20' viewBox='0 0 30 20'"),
                format!("width='{value}' height='{value}' viewBox='0 0 30 20'"),
            ] {
                assert_sizes([(&*attributes, (30, 20))]);
            }
        }
    }

    #[test]
    fn a_size_that_rounds_to_0_is_an_error_not_a_missing_size() {
        for value in [
            "0", "-0", "0px", ".0", "1e-9", "1e-400", "0.49", "-1", "-5in",
        ] {
            for attributes in [
                format!("width='{value}' height='20' viewBox='0 0 30 20'"),
                format!("height='{value}' viewBox='0 0 30 20'"),
                format!("width='100%' height='{value}' viewBox='0 0 30 20'"),
            ] {
                assert_error(ImageError::TooSmall, [&*format!("<svg {attributes}>")]);
            }
        }
        assert_error(
            ImageError::TooSmall,
            [
                "<svg viewBox='0 0 0 20'>",
                "<svg viewBox='0 0 30 .4'>",
                "<svg width='60' viewBox='0 0 3000 20'>",
                "<svg width='60' viewBox='0 0 30 0'>",
            ],
        );
    }

    #[test]
    fn a_value_that_cannot_be_resolved_is_an_error_not_a_missing_value() {
        for value in [
            "10vw",
            "5svh",
            "10ch",
            "1lh",
            "10cqw",
            "1e",
            "10furlongs",
            "calc(10px + 5px)",
            "min(10px,20px)",
            "var(--x)",
            "10\\70x",
            "10/**/",
            "/**/10",
            "1e400",
            "99999999999",
        ] {
            for attributes in [
                format!("width='{value}' height='20' viewBox='0 0 30 20'"),
                format!("height='{value}' viewBox='0 0 30 20'"),
            ] {
                assert_error(
                    ImageError::UnresolvedSize,
                    [&*format!("<svg {attributes}>")],
                );
            }
        }
        for view_box in [
            "",
            "none",
            "0 0 30",
            "0 0 30 20 5",
            "0 0 30 20,",
            ",0 0 30 20",
            "0,,0 30 20",
            "0 0 30px 20",
            "0 0 30% 20%",
            "0 0 30. 20",
            "0 0 -30 -20",
            "0 0 1e999 20",
            "0;0;30;20",
            "0 0 0 0",
        ] {
            assert_error(
                ImageError::UnresolvedSize,
                [&*format!("<svg width='60' viewBox='{view_box}'>")],
            );
        }
    }

    #[test]
    fn a_size_that_depends_on_font_style_or_a_disabled_ratio_is_not_certain() {
        let is_certain = |attributes: &str| {
            let text = format!("<svg viewBox='0 0 30 20' {attributes}>");
            read(ByteRange::file(text.as_bytes(), 1_000))
                .unwrap()
                .is_certain
        };
        for certain in [
            "",
            "width='60' preserveAspectRatio='xMidYMid'",
            "width='60' height='7' preserveAspectRatio='none'",
            "style='fill:red;stroke-width:2px' width='1in'",
            "style='font-size:32px' font-size='2' width='1px'",
        ] {
            assert!(is_certain(certain), "{certain}");
        }
        for uncertain in [
            "width='1em'",
            "height='2rem' width='60'",
            "width='2ex'",
            "style='width:50px'",
            "style='w\\69 dth:50px'",
            "style='/**/width:50px'",
            "style='&a;'",
            "width='60' height='7' style='fill:red; height : 8px'",
            "width='60' preserveAspectRatio=' none meet'",
            "preserveAspectRatio='none'",
        ] {
            assert!(!is_certain(uncertain), "{uncertain}");
        }
        assert_error(
            ImageError::UnresolvedSize,
            [
                "<svg width='1em' height='1em' font-size='32'>",
                "<svg style='fill:red;font: 32px x' width='1em' height='1em'>",
                "<svg style='font-size :32px' width='2ex' height='1'>",
            ],
        );
    }

    #[test]
    fn the_root_is_found_after_any_prolog_that_xml_allows() {
        let tag = "<svg width=\"7\" height='8'>";
        for before in [
            "\u{feff}",
            "<?xml version='1.0'?>\n",
            "<?a > <svg width='1' height='1'> ?>",
            "<!-- <svg width='1' height='1'> -->",
            "<!--><svg width='1' height='1'>-->",
            "<!---><svg width='1' height='1'>-->",
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD>' \"http://x\">",
            "<!DOCTYPE svg SYSTEM '[' [ ] >",
        ] {
            assert_eq!(size(&format!("{before}{tag}")), Ok((7, 8)), "{before}");
        }
        for cut in [
            "<",
            "<!",
            "<!-",
            "<!-->",
            "<!--->",
            "<!-- --",
            "<?xml",
            "<!DOCT",
            "<!DOCTYPE svg [",
            "<!DOCTYPE svg []",
            "<!DOCTYPE svg [<!ENTITY a '>]>",
            "<svg width='1",
            "<svg width",
            "<svg width='1' height='1'",
            "<svg width='1' height='1'/",
        ] {
            assert!(matches!(size(cut), Err(Stop::NeedMore(_))), "{cut}");
        }
        assert_error(
            ImageError::Unknown,
            [
                "<html>",
                "<!doctype html>",
                "<!-- a -- b --><svg width='1' height='1'>",
                "x<svg width='1' height='1'>",
            ],
        );
    }

    #[test]
    fn an_internal_subset_is_parsed_as_xml() {
        for subset in [
            "<?note it's here?>",
            "<?note > ]> ?>",
            "<!-- it's > ]> \" -->",
            "<!ENTITY a ']>'>",
            "<!ENTITY a \"]>'\"> ",
            "<!NOTATION n SYSTEM 'x>]'>",
            "<!ATTLIST svg a CDATA \"]>\" width CDATA #IMPLIED>",
            "<!ELEMENT svg (a|b)*>",
            "<!ENTITY % x SYSTEM ']>'> %x; <?a ']>?>",
        ] {
            let text = format!("<!DOCTYPE svg [{subset}]><svg width='7' height='8'>");
            assert_eq!(size(&text), Ok((7, 8)), "{subset}");
        }
        for subset in [
            "<![INCLUDE[ <!ENTITY b 'x'> ]]>",
            "x",
            "<svg>",
            "'",
            "<!-- a -- b -->",
        ] {
            let text = format!("<!DOCTYPE svg [{subset}]><svg width='7' height='8'>");
            assert_eq!(size(&text), Err(ImageError::Malformed.into()), "{subset}");
        }
    }

    #[test]
    fn references_to_characters_and_internal_entities_are_replaced() {
        let sized = |subset: &str, attributes: &str| {
            size(&format!("<!DOCTYPE svg [{subset}]><svg {attributes}>"))
        };
        for (subset, attributes, expected) in [
            ("", "width='&#51;0' height='2&#x30;px'", (30, 20)),
            ("", "width='&#32;60&#10;' height='&#0000054;'", (60, 6)),
            ("", "viewBox='0 0 3&#48; &#50;0'", (30, 20)),
            ("<!ENTITY w '60'>", "width='&w;' height='20'", (60, 20)),
            (
                "<!ENTITY w\n\"6&#48;\" >",
                "width='&w;px' height='20'",
                (60, 20),
            ),
            (
                "<!ENTITY w '6'><!ENTITY w '7'>",
                "width='&w;0' height='20'",
                (60, 20),
            ),
            (
                "<!ENTITY w '60'><!ENTITY w SYSTEM 'x'>",
                "width='&w;' height='20'",
                (60, 20),
            ),
            (
                "<!ENTITY % w '7'><!ENTITY w '60'>",
                "width='&w;' height='20'",
                (60, 20),
            ),
            (
                "<!ENTITY w '60'><!ENTITY h '20'>",
                "viewBox='0 0 &w; &h;'",
                (60, 20),
            ),
            (
                "<!ENTITY width '60'>",
                "width='&width;' viewBox='0 0 30 20'",
                (60, 40),
            ),
            (
                "<!ENTITY w ''>",
                "width='&w;' viewBox='0 0 30 20'",
                (30, 20),
            ),
        ] {
            assert_eq!(
                sized(subset, attributes),
                Ok(expected),
                "{subset} {attributes}"
            );
        }
        for (subset, value) in [
            ("", "&w;"),
            ("", "&amp;"),
            ("", "&"),
            ("", "6&0"),
            ("", "&#;"),
            ("", "&#x;"),
            ("", "&#X36;"),
            ("", "&#+54;"),
            ("", "&#54"),
            ("", "&#4294967350;"),
            ("", "&#310;"),
            ("", "&#12;60"),
            ("<!ENTITY W '60'>", "&w;"),
            ("<!ENTITY % w '60'>", "&w;"),
            ("<!ENTITY w SYSTEM '60'>", "&w;"),
            ("<!ENTITY w SYSTEM 'x'><!ENTITY w '60'>", "&w;"),
            ("<!ENTITY z '0'><!ENTITY w '6&z;'>", "&w;"),
            ("<!ENTITY w '&#38;#54;0'>", "&w;"),
            ("<!ENTITY w '&w;'>", "&w;"),
            ("<!ENTITY w '6'>", "&w;&w;&w;&w;&w;"),
            ("<!ENTITY % p SYSTEM 'x'> %p; <!ENTITY w '60'>", "&w;"),
            ("<!ENTITY lt '60'>", "&lt;"),
        ] {
            let attributes = format!("width=\"{value}\" height='20' viewBox='0 0 30 20'");
            let found = sized(subset, &attributes);
            assert_eq!(
                found,
                Err(ImageError::UnresolvedSize.into()),
                "{subset} {value}"
            );
        }
    }

    #[test]
    fn a_missing_side_that_may_have_a_default_is_unresolved() {
        for (subset, attributes) in [
            (
                "<!ATTLIST svg width CDATA '60'>",
                "height='20' viewBox='0 0 30 20'",
            ),
            ("<!ATTLIST svg\nheight\nCDATA\n'60'>", "viewBox='0 0 30 20'"),
            (
                "<!ATTLIST svg a CDATA '' viewBox CDATA '0 0 30 20'>",
                "width='60'",
            ),
            (
                "<!ENTITY % p \"<!ATTLIST svg width CDATA '60'>\"> %p;",
                "viewBox='0 0 30 20'",
            ),
        ] {
            let text = |attributes| format!("<!DOCTYPE svg [{subset}]><svg {attributes}>");
            assert_error(ImageError::UnresolvedSize, [&*text(attributes)]);
            assert_eq!(size(&text("width='7' height='8'")), Ok((7, 8)), "{subset}");
        }
    }

    #[test]
    fn the_root_is_an_svg_element_in_the_svg_namespace_or_in_none() {
        let namespace = "http://www.w3.org/2000/svg";
        for root in [
            "svg",
            "svg xmlns=''",
            &format!("svg xmlns='{namespace}'"),
            "svg xmlns = \"http&#58;//www.w3.org/2000/svg\"",
            &format!("s:svg xmlns='urn:x' xmlns:s='{namespace}' s:width='1'"),
            &format!("svg xmlns:x='urn:x' x:height='1' xmlns='{namespace}'"),
        ] {
            assert_eq!(
                size(&format!("<{root} width='7' height='8'>")),
                Ok((7, 8)),
                "{root}"
            );
        }
        let text = format!(
            "<!DOCTYPE svg [<!ENTITY svg '{namespace}'>]><svg xmlns='&svg;' width='7' height='8'>"
        );
        assert_eq!(size(&text), Ok((7, 8)));
        for root in [
            "SVG",
            "svgs",
            "s:svg",
            "s:svg xmlns:s=''",
            "s:svg xmlns:s='urn:x'",
            &format!("s:svg xmlns='{namespace}'"),
            &format!("a:s:svg xmlns:s='{namespace}'"),
            "svg xmlns='http://www.w3.org/1999/xhtml'",
            "svg xmlns='http://www.w3.org/2000/SVG'",
        ] {
            assert_error(
                ImageError::Unknown,
                [&*format!("<{root} width='7' height='8'>")],
            );
        }
    }

    #[test]
    fn a_tag_that_is_not_well_formed_is_malformed() {
        assert_error(
            ImageError::Malformed,
            [
                "<svg width=1 height=1>",
                "<svg width height='1'>",
                "<svg width='6' width='7' height='1'>",
                "<svg width='6' height='1' viewBox='' viewBox=''>",
                "<svg width='6'height='1'>",
                "<svg width='6' / height='1'>",
                "<svg a='<' width='6' height='1'>",
                "<svg ='' width='6' height='1'>",
                "<svg width='6'\u{c}height='1'>",
            ],
        );
    }

    #[test]
    fn text_in_utf_16_has_an_error_of_its_own() {
        for big_endian in [false, true] {
            let units = "\u{feff}<svg/>".encode_utf16();
            let bytes: Vec<u8> = units
                .flat_map(|unit| {
                    if big_endian {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect();
            let found = read(ByteRange::file(&bytes, 1_000));
            assert_eq!(found, Err(ImageError::Utf16.into()));
        }
    }
}

//! JPEG XL (ISO/IEC 18181).

use std::num::NonZeroU8;

use super::bits::{Bits, Choices};
use super::byte_range::{ByteRange, File};
use super::error::ImageError;
use super::isobmff::boxes;
use super::outcome::{Header, Stop};
use crate::image::metadata::{ColorSpace, Format, Orientation, Traits};

/// Encodings of a side of the image, in pixels.
const SIDE: Choices = [(9, 1), (13, 1), (18, 1), (30, 1)];
/// Encodings of a side of the preview, in pixels and in units of eight pixels.
const PREVIEW_SIDE: Choices = [(6, 1), (8, 65), (10, 321), (12, 1_345)];
const PREVIEW_EIGHTS: Choices = [(0, 16), (0, 32), (5, 1), (9, 33)];
/// Encodings of an enumerated value.
const ENUM: Choices = [(0, 0), (0, 1), (4, 2), (6, 18)];

/// Maximum length of a header in bytes, and maximum number of its pieces. Real headers have some dozens of bytes, in
/// one piece.
const MAX_HEADER_BYTES: u64 = 4_096;
const MAX_PIECES: u32 = 16;

/// Maximum number of pixels at the highest level of the standard.
const MAX_PIXELS: u64 = 1 << 40;

/// Reads a file of boxes: the codestream is one box, or in pieces.
pub(super) fn read_container(file: ByteRange<'_>) -> Result<Header, Stop> {
    let mut pieces = Vec::new();
    let gathered = gather(file, &mut pieces);
    // The pieces are read once, after all have been gathered. The header is usually within the first one.
    let codestream = File {
        bytes: &pieces,
        windows: &[],
        reach: 0,
    };
    match read(ByteRange::whole(&codestream)) {
        Err(Stop::NeedMore(_)) => read(gathered?.ok_or(ImageError::Malformed)?),
        header => header,
    }
}

/// Appends the pieces of a codestream to `pieces`, up to the maximum length of a header. Returns the codestream if a
/// box with all of it comes first.
fn gather<'a>(file: ByteRange<'a>, pieces: &mut Vec<u8>) -> Result<Option<ByteRange<'a>>, Stop> {
    let mut left = MAX_PIECES;
    for found in boxes(file, 0) {
        let found = found?;
        match &found.kind {
            b"jxlc" => return Ok(Some(found.body)),
            b"jxlp" => {
                left = left.checked_sub(1).ok_or(ImageError::Malformed)?;
                // A sequence number precedes it.
                let piece = found.body.rest(4)?.first(MAX_HEADER_BYTES);
                pieces.extend_from_slice(piece.available());
                if u64::try_from(pieces.len()).is_ok_and(|length| length >= MAX_HEADER_BYTES) {
                    return Ok(None);
                }
                // The rest of the piece is needed. If the piece extends to the end of the file, there may be none.
                piece.all()?;
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Reads a bare codestream.
pub(super) fn read(codestream: ByteRange<'_>) -> Result<Header, Stop> {
    if codestream.u16_be(0)? != 0xff0a {
        return Err(ImageError::Malformed.into());
    }
    let mut bits = Bits::new(codestream.first(MAX_HEADER_BYTES).rest(2)?);
    let (width, height) = size(&mut bits)?;
    if u64::from(width).saturating_mul(height.into()) > MAX_PIXELS {
        return Err(ImageError::Malformed.into());
    }
    Header::new(Format::Jxl, (width, height), traits(&mut bits)?)
}

/// Reads a width and height. The width may be given by one of the usual ratios.
fn size(bits: &mut Bits<'_>) -> Result<(u32, u32), Stop> {
    // Sides of a small image are in units of eight pixels.
    let is_small = bits.flag()?;
    let side = |bits: &mut Bits<'_>| {
        if is_small {
            Ok(bits.take(5)?.saturating_add(1).saturating_mul(8))
        } else {
            bits.choice(SIDE)
        }
    };
    let height = side(bits)?;
    let (numerator, denominator) = match bits.take(3)? {
        0 => return Ok((side(bits)?, height)),
        1 => (1, 1),
        2 => (12, 10),
        3 => (4, 3),
        4 => (3, 2),
        5 => (16, 9),
        6 => (5, 4),
        _ => (2, 1),
    };
    let width = u64::from(height).saturating_mul(numerator);
    let width = width.checked_div(denominator).unwrap_or_default();
    let width = u32::try_from(width).map_err(|_| ImageError::Malformed)?;
    Ok((width, height))
}

fn traits(bits: &mut Bits<'_>) -> Result<Traits, Stop> {
    let mut traits = Traits {
        orientation: None,
        has_alpha: Some(false),
        animated: Some(false),
        frames: None,
        bit_depth: NonZeroU8::new(8),
        color_space: Some(ColorSpace::Rgb),
        density: None,
        has_profile: Some(false),
    };
    let all_default = bits.flag()?;
    if all_default {
        return Ok(traits);
    }
    let has_more = bits.flag()?;
    if has_more {
        let orientation = bits.take(3)?.saturating_add(1);
        traits.orientation = u8::try_from(orientation).ok().and_then(Orientation::new);
        let has_intrinsic_size = bits.flag()?;
        if has_intrinsic_size {
            size(bits)?;
        }
        let has_preview = bits.flag()?;
        if has_preview {
            skip_preview(bits)?;
        }
        let is_animated = bits.flag()?;
        if is_animated {
            skip_animation(bits)?;
        }
        traits.animated = Some(is_animated);
    }
    traits.bit_depth = depth(bits)?;
    let _sixteen_bits_suffice = bits.flag()?;
    for _ in 0..bits.choice([(0, 0), (0, 1), (4, 2), (12, 1)])? {
        let is_alpha = extra_channel(bits)?;
        traits.has_alpha = Some(is_alpha || traits.has_alpha == Some(true));
    }
    let _is_xyb = bits.flag()?;
    let is_srgb = bits.flag()?;
    if !is_srgb {
        traits.has_profile = Some(bits.flag()?);
        traits.color_space = match bits.choice(ENUM)? {
            0 => Some(ColorSpace::Rgb),
            1 => Some(ColorSpace::Gray),
            2 | 3 => None,
            _ => return Err(ImageError::Malformed.into()),
        };
    }
    Ok(traits)
}

fn skip_preview(bits: &mut Bits<'_>) -> Result<(), Stop> {
    let in_eights = bits.flag()?;
    let side = if in_eights {
        PREVIEW_EIGHTS
    } else {
        PREVIEW_SIDE
    };
    bits.choice(side)?;
    let has_width = bits.take(3)? == 0;
    if has_width {
        bits.choice(side)?;
    }
    Ok(())
}

fn skip_animation(bits: &mut Bits<'_>) -> Result<(), Stop> {
    let _ticks_per_second = bits.choice([(0, 100), (0, 1_000), (10, 1), (30, 1)])?;
    let _divided_by = bits.choice([(0, 1), (0, 1_001), (8, 1), (10, 1)])?;
    let _loops = bits.choice([(0, 0), (3, 0), (16, 0), (32, 0)])?;
    let _has_timecodes = bits.flag()?;
    Ok(())
}

fn depth(bits: &mut Bits<'_>) -> Result<Option<NonZeroU8>, Stop> {
    let is_float = bits.flag()?;
    let depth = if is_float {
        let depth = bits.choice([(0, 32), (0, 16), (0, 24), (6, 1)])?;
        let _exponent = bits.take(4)?;
        depth
    } else {
        bits.choice([(0, 8), (0, 10), (0, 12), (6, 1)])?
    };
    match u8::try_from(depth) {
        Ok(depth @ 1..=32) => Ok(NonZeroU8::new(depth)),
        _ => Err(ImageError::Malformed.into()),
    }
}

/// Reads an extra channel. Returns `true` if it is transparency.
fn extra_channel(bits: &mut Bits<'_>) -> Result<bool, Stop> {
    const ALPHA: u32 = 0;
    const SPOT_COLOR: u32 = 2;
    const COLOR_FILTER: u32 = 5;
    let all_default = bits.flag()?;
    if all_default {
        return Ok(true);
    }
    let kind = bits.choice(ENUM)?;
    depth(bits)?;
    let _dimension_shift = bits.choice([(0, 0), (0, 3), (0, 4), (3, 1)])?;
    let name_bytes = bits.choice([(0, 0), (4, 0), (5, 16), (10, 48)])?;
    for _ in 0..name_bytes {
        bits.take(8)?;
    }
    match kind {
        ALPHA => {
            let _is_premultiplied = bits.flag()?;
        }
        SPOT_COLOR => {
            for _ in 0..4 {
                bits.take(16)?;
            }
        }
        COLOR_FILTER => {
            bits.choice([(0, 1), (2, 0), (4, 3), (8, 19)])?;
        }
        _ => {}
    }
    Ok(kind == ALPHA)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image of 8 by 8 pixels with default properties.
    const CODESTREAM: &[u8] = b"\xff\x0a\x41\x02";

    #[test]
    fn a_header_may_be_in_several_pieces_or_in_a_box_after_a_piece_that_is_too_short() {
        let piece = |bytes: &[u8]| {
            let length = u8::try_from(bytes.len() + 12).unwrap();
            [&[0, 0, 0, length][..], b"jxlp\0\0\0\0", bytes].concat()
        };
        let bytes = CODESTREAM.chunks(1).map(piece).collect::<Vec<_>>().concat();
        let size = |file: &[u8]| {
            let dimensions = read_container(ByteRange::file(file, 1_000))?.dimensions;
            Ok::<_, Stop>((dimensions.width(), dimensions.height()))
        };
        assert_eq!(size(&bytes), Ok((8, 8)));
        // Malformed data after the header does not matter.
        assert_eq!(size(&[&bytes[..], b"\0\0\0\x01jxlp"].concat()), Ok((8, 8)));
        let whole = [b"\0\0\0\x0cjxlc", CODESTREAM].concat();
        let file = [&piece(&CODESTREAM[..3])[..], &whole].concat();
        assert_eq!(size(&file), Ok((8, 8)));
        let many = [piece(b"").repeat(12), bytes.clone()].concat();
        assert_eq!(size(&many), Ok((8, 8)));
        let too_many = [piece(b""), many].concat();
        assert_eq!(size(&too_many), Err(ImageError::Malformed.into()));
    }

    #[test]
    fn a_piece_may_extend_to_the_end_of_the_file() {
        let size = |length: &[u8], codestream: &[u8]| {
            let file = [length, b"jxlp\x80\0\0\0", codestream].concat();
            let header = read_container(ByteRange::file(&file, 1_000))?;
            Ok((header.dimensions.width(), header.dimensions.height()))
        };
        assert_eq!(size(b"\0\0\0\x10", CODESTREAM), Ok((8, 8)));
        assert_eq!(size(b"\0\0\0\0", CODESTREAM), Ok((8, 8)));
        let cut = size(b"\0\0\0\0", &CODESTREAM[..3]);
        assert!(matches!(cut, Err(Stop::NeedMore(_))), "{cut:?}");
    }

    #[test]
    fn a_profile_is_announced_in_the_color_encoding() {
        for (color, expected) in [(0x0a, true), (0x02, false), (0x06, false)] {
            let codestream = [0xff, 0x0a, 0x41, 0x40, color, 0];
            let header = read(ByteRange::file(&codestream, 1_000)).unwrap();
            assert_eq!(header.traits.has_profile, Some(expected), "{color:x}");
        }
        let header = read(ByteRange::file(CODESTREAM, 1_000)).unwrap();
        assert_eq!(header.traits.has_profile, Some(false));
    }
}

//! BMP (<https://learn.microsoft.com/windows/win32/gdi/bitmap-storage>).

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::{Header, ImageError, Stop, header};
use crate::image::metadata::{ColorSpace, Format, Traits};

/// Where the header of the bitmap begins, behind that of the file.
const INFO: u64 = 14;

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let length = file.u32_le(INFO)?;
    let info = file.part(INFO, length.into())?;
    let (size, depth) = match length {
        12 => (
            (u32::from(info.u16_le(4)?), u32::from(info.u16_le(6)?)),
            info.u16_le(10)?,
        ),
        // Of OS/2 2.x, a header is up to 64 bytes long: fields at its end may be left out.
        16..=64 | 108 | 124 => (
            // A negative height means that the rows are stored from the top.
            (
                signed(info.u32_le(4)?).ok_or(ImageError::InvalidSize)?,
                info.u32_le(8)?.cast_signed().unsigned_abs(),
            ),
            info.u16_le(14)?,
        ),
        _ => return Err(ImageError::Malformed.into()),
    };
    let has_alpha = match (depth, length) {
        (1 | 2 | 4 | 8 | 24, _) => Some(false),
        // The mask of the alpha channel is not part of the size: it may be missing.
        (16 | 32, 56 | 108 | 124) => info.u32_le(52).ok().map(|mask| mask != 0),
        // The pixels of 0 bits are those of a JPEG or PNG.
        (0 | 16 | 32 | 64, _) => None,
        _ => return Err(ImageError::Malformed.into()),
    };
    // Of 16 bits, a channel has five, six or what the masks say.
    let bit_depth = match depth {
        0 | 16 => 0,
        64 => 16,
        _ => 8,
    };
    let traits = Traits {
        has_alpha,
        animated: Some(false),
        bit_depth: NonZeroU8::new(bit_depth),
        color_space: Some(ColorSpace::Rgb),
        ..Traits::default()
    };
    header(Format::Bmp, size, traits)
}

fn signed(value: u32) -> Option<u32> {
    u32::try_from(value.cast_signed()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of `length` bytes with these sides, planes and bits a pixel, and nothing after it.
    fn bmp(length: u32, width: i32, height: i32, planes: u16, bits: u16) -> Vec<u8> {
        let mut file = b"BM\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        file.extend(length.to_le_bytes());
        for side in [width, height] {
            let bytes = side.to_le_bytes();
            file.extend(&bytes[..if length == 12 { 2 } else { 4 }]);
        }
        file.extend([planes, bits].map(u16::to_le_bytes).concat());
        file.resize(usize::try_from(length).unwrap().max(16) + 14, 0);
        file
    }

    fn size(file: &[u8]) -> Result<(u32, u32), Stop> {
        let dimensions = read(ByteRange::file(file, 1_000))?.dimensions;
        Ok((dimensions.width(), dimensions.height()))
    }

    #[test]
    fn headers_of_every_known_length_are_read() {
        for length in (16..=64).chain([12, 108, 124]) {
            assert_eq!(size(&bmp(length, 40, 24, 1, 24)), Ok((40, 24)), "{length}");
        }
        for length in [0, 11, 13, 15, 65, 107, 109, 125, u32::MAX >> 8] {
            let mut file = bmp(124, 40, 24, 1, 24);
            file[14..18].copy_from_slice(&length.to_le_bytes());
            assert_eq!(size(&file), Err(ImageError::Malformed.into()), "{length}");
        }
    }

    #[test]
    fn only_the_height_has_a_sign() {
        for length in [16, 40, 64, 124] {
            let size = |width, height| size(&bmp(length, width, height, 1, 8));
            assert_eq!(size(40, -24), Ok((40, 24)));
            for (width, height) in [(-40, 24), (i32::MIN, 24), (0, 24), (40, 0), (40, i32::MIN)] {
                assert_eq!(size(width, height), Err(ImageError::InvalidSize.into()));
            }
        }
        // The older sides have two bytes, of which none is a sign.
        assert_eq!(size(&bmp(12, 40_000, 65_535, 1, 8)), Ok((40_000, 65_535)));
    }

    #[test]
    fn planes_and_missing_masks_do_not_bear_on_the_size() {
        for planes in [0, 1, 2, 65_535] {
            assert_eq!(size(&bmp(40, 40, 24, planes, 24)), Ok((40, 24)));
            assert_eq!(size(&bmp(12, 40, 24, planes, 24)), Ok((40, 24)));
        }
        let file = bmp(124, 40, 24, 1, 32);
        let traits = |length: usize| {
            read(ByteRange::file(&file[..length], 1_000))
                .unwrap()
                .traits
        };
        assert_eq!(traits(file.len()).has_alpha, Some(false));
        assert_eq!(traits(14 + 55).has_alpha, None);
    }

    #[test]
    fn bits_a_pixel_are_those_that_programs_write() {
        for (bits, has_alpha, bit_depth) in [
            (0, None, None),
            (1, Some(false), Some(8)),
            (16, None, None),
            (24, Some(false), Some(8)),
            (32, None, Some(8)),
            (64, None, Some(16)),
        ] {
            let traits = read(ByteRange::file(&bmp(40, 40, 24, 1, bits), 1_000))
                .unwrap()
                .traits;
            assert_eq!(traits.has_alpha, has_alpha, "{bits}");
            assert_eq!(traits.bit_depth.map(NonZeroU8::get), bit_depth, "{bits}");
        }
        for bits in [3, 12, 48, 65_535] {
            let read = size(&bmp(40, 40, 24, 1, bits));
            assert_eq!(read, Err(ImageError::Malformed.into()), "{bits}");
        }
    }
}

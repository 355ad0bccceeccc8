//! BMP (<https://learn.microsoft.com/windows/win32/gdi/bitmap-storage>).

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::{Header, Stop};
use crate::image::density::{Density, Unit};
use crate::image::metadata::{ColorSpace, Format, Traits};

/// Where the header of the bitmap begins, after that of the file.
const INFO: u64 = 14;

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let length = file.u32_le(INFO)?;
    let info = file.slice(INFO, length.into())?;
    let (size, depth) = match length {
        12 => (
            (u32::from(info.u16_le(4)?), u32::from(info.u16_le(6)?)),
            info.u16_le(10)?,
        ),
        // A header of OS/2 2.x has up to 64 bytes: fields at its end may be left out.
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
        // The mask of the alpha channel may be missing: the size does not depend on it.
        (16 | 32, 56 | 108 | 124) => info.u32_le(52).ok().map(|mask| mask != 0),
        // 0 bits: the pixels are an embedded JPEG or PNG.
        (0 | 16 | 32 | 64, _) => None,
        _ => return Err(ImageError::Malformed.into()),
    };
    // At 16 bits a pixel, a channel has five or six bits, or as many as the masks define.
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
        density: density(info),
        has_profile: has_profile(info, length),
        ..Traits::default()
    };
    Header::new(Format::Bmp, size, traits)
}

/// Returns the horizontal density, if the header has it and it is loaded.
fn density(info: ByteRange<'_>) -> Option<Density> {
    Density::per(Unit::Meter, signed(info.u32_le(24).ok()?)?, 1)
}

/// Returns `true` if a profile is embedded. Only the longest header can announce one. A linked profile is another file.
fn has_profile(info: ByteRange<'_>, length: u32) -> Option<bool> {
    match length {
        124 => Some(info.array(56).ok()? == *b"DEBM"),
        _ => Some(false),
    }
}

fn signed(value: u32) -> Option<u32> {
    u32::try_from(value.cast_signed()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a file that ends after a header of `length` bytes with these sides, planes and bits a pixel.
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
    fn a_negative_height_is_valid_and_a_negative_width_is_not() {
        for length in [16, 40, 64, 124] {
            let size = |width, height| size(&bmp(length, width, height, 1, 8));
            assert_eq!(size(40, -24), Ok((40, 24)));
            for (width, height) in [(-40, 24), (i32::MIN, 24), (0, 24), (40, 0), (40, i32::MIN)] {
                assert_eq!(size(width, height), Err(ImageError::InvalidSize.into()));
            }
        }
        // The sides of the older header are two bytes without a sign.
        assert_eq!(size(&bmp(12, 40_000, 65_535, 1, 8)), Ok((40_000, 65_535)));
    }

    #[test]
    fn the_size_does_not_depend_on_planes_or_missing_masks() {
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
    fn depths_that_programs_write_are_read_and_others_are_malformed() {
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

    #[test]
    fn a_density_and_a_profile_are_read_if_the_header_is_long_enough() {
        let traits = |length: u32, pixels: i32, space: &[u8; 4]| {
            let mut file = bmp(length, 40, 24, 1, 24);
            file.resize(14 + 124, 0);
            file[38..42].copy_from_slice(&pixels.to_le_bytes());
            file[70..74].copy_from_slice(space);
            read(ByteRange::file(&file, 1_000)).unwrap().traits
        };
        for (length, pixels, density) in [
            (40, 11_811, Some(300)),
            (28, 11_811, Some(300)),
            (27, 11_811, None),
            (12, 11_811, None),
            (40, 0, None),
            (40, -11_811, None),
        ] {
            let found = traits(length, pixels, b"BGRs").density;
            assert_eq!(found.map(Density::value), density, "{length} {pixels}");
        }
        assert_eq!(traits(124, 0, b"DEBM").has_profile, Some(true));
        assert_eq!(traits(124, 0, b"BGRs").has_profile, Some(false));
        assert_eq!(traits(108, 0, b"DEBM").has_profile, Some(false));
        let cut = bmp(124, 40, 24, 1, 24);
        let cut = read(ByteRange::file(&cut[..40], 1_000)).unwrap().traits;
        assert_eq!((cut.density, cut.has_profile), (None, None));
    }
}

//! TIFF 6.0 and BigTIFF. An Exif block has the structure of a TIFF 6.0 file.

mod directory;

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::{Header, Stop};
use crate::image::density::{Density, Unit};
use crate::image::metadata::{ColorSpace, Format, Orientation, Traits};
use directory::{Directory, tag};

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let directory = Directory::first(file)?;
    let is_cr2 = file.array(4)? == *b"\x10\0\0\0CR\x02\0";
    if is_cr2 || directory.field(tag::DNG_VERSION)?.is_some() {
        return Err(ImageError::Raw.into());
    }
    let is_reduced = directory.number(tag::NEW_SUBFILE_TYPE)?.unwrap_or(0) & 1 == 1;
    if is_reduced && has_other_pictures(&directory)? {
        return Err(ImageError::Thumbnail.into());
    }
    let side = |tag| {
        directory
            .number(tag)?
            .ok_or(Stop::from(ImageError::Malformed))
    };
    let size = (side(tag::WIDTH)?, side(tag::HEIGHT)?);
    let photometric = file
        .within_reach(directory.number(tag::PHOTOMETRIC))?
        .flatten();
    let color_space = match photometric {
        Some(0 | 1) => Some(ColorSpace::Gray),
        Some(2 | 3 | 6) => Some(ColorSpace::Rgb),
        Some(5) => Some(ColorSpace::Cmyk),
        _ => None,
    };
    let bits = match photometric {
        // The colors of a palette have sixteen bits, but are made from eight.
        Some(3) => Some(8),
        _ => file
            .within_reach(directory.first_number(tag::BITS_PER_SAMPLE))?
            .flatten(),
    };
    let extra = file.within_reach(directory.first_number(tag::EXTRA_SAMPLES))?;
    let traits = Traits {
        orientation: orientation(&directory)?,
        has_alpha: extra.map(|extra| matches!(extra, Some(1 | 2))),
        bit_depth: bits
            .and_then(|bits| u8::try_from(bits).ok())
            .and_then(NonZeroU8::new),
        color_space,
        density: density(&directory),
        has_profile: Some(directory.field(tag::ICC_PROFILE)?.is_some()),
        ..Traits::default()
    };
    Header::new(Format::Tiff, size, traits)
}

/// The fields of an Exif block that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExifFields {
    pub(super) orientation: Option<Orientation>,
    pub(super) density: Option<Density>,
}

/// Reads an Exif block. Only the orientation must be loaded.
pub(super) fn exif(exif: ByteRange<'_>) -> Result<ExifFields, Stop> {
    let directory = Directory::first(exif)?;
    if directory.is_big() {
        return Err(ImageError::Malformed.into());
    }
    Ok(ExifFields {
        orientation: orientation(&directory)?,
        density: density(&directory),
    })
}

/// Returns `true` if there is another list of fields, after this one or referenced by it.
fn has_other_pictures(directory: &Directory<'_>) -> Result<bool, Stop> {
    Ok(directory.next()? != 0 || directory.field(tag::SUB_DIRECTORIES)?.is_some())
}

fn orientation(directory: &Directory<'_>) -> Result<Option<Orientation>, Stop> {
    let value = directory.number(tag::ORIENTATION)?;
    Ok(value
        .and_then(|value| u8::try_from(value).ok())
        .and_then(Orientation::new))
}

/// Returns the horizontal density, if it is loaded: more is never asked for because of it.
fn density(directory: &Directory<'_>) -> Option<Density> {
    // Inches are the default (TIFF 6.0, page 38).
    let unit = match directory.number(tag::RESOLUTION_UNIT).ok()?.unwrap_or(2) {
        2 => Unit::Inch,
        3 => Unit::Centimeter,
        _ => return None,
    };
    let (pixels, divisor) = directory.rational(tag::X_RESOLUTION).ok()??;
    Density::per(unit, pixels, divisor)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns an Exif block of this orientation.
    pub(crate) fn exif_block(orientation: u8) -> Vec<u8> {
        exif_block_of(3, 1, [orientation, 0, 0, 0])
    }

    /// Returns an Exif block with one field: an orientation of `count` numbers of a type, of which `value` has the
    /// first.
    fn exif_block_of(kind: u8, count: u8, value: [u8; 4]) -> Vec<u8> {
        let field = [0x12, 1, kind, 0, count, 0, 0, 0];
        [&b"II*\0\x08\0\0\0\x01\0"[..], &field, &value, &[0; 4]].concat()
    }

    #[test]
    fn an_orientation_is_a_single_number_from_1_to_8() {
        let orientation_of =
            |block: &[u8]| exif(ByteRange::file(block, 1_000)).unwrap().orientation;
        let six = Orientation::new(6);
        for kind in [1, 3, 4, 6, 8, 9] {
            assert_eq!(orientation_of(&exif_block_of(kind, 1, [6, 0, 0, 0])), six);
        }
        assert_eq!(
            orientation_of(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0"),
            six
        );
        assert_eq!(orientation_of(&exif_block_of(3, 2, [6, 0, 6, 0])), None);
        assert_eq!(orientation_of(&exif_block_of(3, 0, [6, 0, 0, 0])), None);
        for kind in [2, 5, 7, 11, 13, 16, 17] {
            assert_eq!(orientation_of(&exif_block_of(kind, 1, [6, 0, 0, 0])), None);
        }
        assert_eq!(orientation_of(&exif_block_of(3, 1, [9, 0, 0, 0])), None);
        assert_eq!(orientation_of(&exif_block_of(4, 1, [6, 1, 0, 0])), None);
        for (kind, value) in [(6, [0x86, 0, 0, 0]), (8, [6, 0x80, 0, 0])] {
            assert_eq!(orientation_of(&exif_block_of(kind, 1, value)), None);
        }
    }

    #[test]
    fn an_exif_block_has_a_complete_list_of_fields_and_is_not_a_big_tiff() {
        let is_valid =
            |block: &[u8]| exif(ByteRange::file(block, 1_000).first(block.len() as u64)).is_ok();
        let block = exif_block_of(3, 1, [6, 0, 0, 0]);
        // The offset of the next list may be missing.
        assert!(is_valid(&block[..22]) && is_valid(b"II*\0\x08\0\0\0\0\0"));
        for length in 0..22 {
            assert!(!is_valid(&block[..length]), "{length}");
        }
        assert!(!is_valid(
            b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        ));
    }

    #[test]
    fn the_size_is_returned_without_depth_and_alpha_if_these_are_out_of_reach() {
        let field = |tag: u16, count: u8, value: [u8; 4]| {
            let [low, high] = tag.to_le_bytes();
            [&[low, high, 3, 0, count, 0, 0, 0][..], &value].concat()
        };
        let file = [
            b"II*\0\x08\0\0\0\x04\0".to_vec(),
            field(tag::WIDTH, 1, [4, 0, 0, 0]),
            field(tag::HEIGHT, 1, [3, 0, 0, 0]),
            field(tag::BITS_PER_SAMPLE, 3, [0, 0, 1, 0]),
            field(tag::EXTRA_SAMPLES, 3, [0, 0, 1, 0]),
            vec![0; 4],
        ];
        let file = file.concat();
        let header = read(ByteRange::file(&file, 1_000)).unwrap();
        assert_eq!(
            (header.dimensions.width(), header.dimensions.height()),
            (4, 3)
        );
        assert_eq!(
            (header.traits.bit_depth, header.traits.has_alpha),
            (None, None)
        );
        // If they are within reach, more is needed.
        let near = read(ByteRange::file(&file, 100_000));
        assert!(matches!(near, Err(Stop::NeedMore(missing)) if missing.from == 65_536));
    }

    /// Returns an Exif block with one fraction as its horizontal resolution, and a unit unless that is 0.
    pub(crate) fn density_block((pixels, divisor): (u32, u32), unit: u8) -> Vec<u8> {
        let unit_field = [&[0x28, 1, 3, 0, 1, 0, 0, 0, unit][..], &[0; 3]].concat();
        let (count, unit_field) = if unit == 0 {
            (1, &[][..])
        } else {
            (2, &unit_field[..])
        };
        let at = 14 + 12 * count;
        let field = [0x1a, 1, 5, 0, 1, 0, 0, 0, at, 0, 0, 0];
        let fraction = [pixels, divisor].map(u32::to_le_bytes).concat();
        let start = [&b"II*\0\x08\0\0\0"[..], &[count, 0]].concat();
        [&start[..], &field, unit_field, &[0; 4], &fraction].concat()
    }

    fn density_of(block: &[u8]) -> Option<u32> {
        let fields = exif(ByteRange::file(block, 1_000)).unwrap();
        fields.density.map(Density::value)
    }

    #[test]
    fn a_density_is_a_single_fraction_per_inch_or_per_centimeter() {
        for (fraction, unit, expected) in [
            ((240, 1), 2, Some(240)),
            ((2_405, 10), 2, Some(241)),
            ((118, 1), 3, Some(300)),
            // Inches are the default.
            ((240, 1), 0, Some(240)),
            ((240, 1), 1, None),
            ((240, 1), 4, None),
            ((240, 0), 2, None),
            ((0, 1), 2, None),
            ((u32::MAX, 1), 3, None),
        ] {
            let found = density_of(&density_block(fraction, unit));
            assert_eq!(found, expected, "{fraction:?} {unit}");
        }
        for (place, value) in [(12, 10), (12, 4), (14, 0), (14, 2)] {
            let mut block = density_block((240, 1), 2);
            block[place] = value;
            assert_eq!(density_of(&block), None, "{value} at {place}");
        }
    }

    #[test]
    fn a_density_that_is_not_loaded_is_left_out_and_not_asked_for() {
        let block = density_block((240, 1), 2);
        for length in 34..block.len() {
            let cut = exif(ByteRange::file(&block[..length], 1_000)).unwrap();
            assert_eq!(cut.density, None, "{length}");
            assert_eq!(density_of(&block[..length]), None, "{length}");
        }
        let within = ByteRange::file(&block, 1_000).first(40);
        assert_eq!(exif(within).unwrap().density, None);
    }

    #[test]
    fn a_tiff_has_a_density_in_both_sizes_of_offsets_and_a_profile_if_it_has_the_field() {
        let short = |tag: u16, value: u8| {
            let [low, high] = tag.to_le_bytes();
            vec![low, high, 3, 0, 1, 0, 0, 0, value, 0, 0, 0]
        };
        let traits = |file: &[u8]| read(ByteRange::file(file, 1_000)).unwrap().traits;
        let classic = |profile: u16| {
            let fields = [
                short(tag::WIDTH, 4),
                short(tag::HEIGHT, 3),
                vec![0x1a, 1, 5, 0, 1, 0, 0, 0, 62, 0, 0, 0],
                short(profile, 0),
            ];
            let fraction = [118_u32, 1].map(u32::to_le_bytes).concat();
            [
                b"II*\0\x08\0\0\0\x04\0".to_vec(),
                fields.concat(),
                vec![0; 4],
                fraction,
            ]
            .concat()
        };
        for (profile, expected) in [(tag::ICC_PROFILE, true), (tag::ICC_PROFILE - 1, false)] {
            let traits = traits(&classic(profile));
            assert_eq!(traits.density, Density::new(118));
            assert_eq!(traits.has_profile, Some(expected));
        }
        let big = |field: Vec<u8>| {
            let (start, end) = field.split_at(4);
            let count = [&end[..4], &[0; 4]].concat();
            let mut value = end[4..].to_vec();
            value.resize(8, 0);
            [start, &count, &value].concat()
        };
        let mut resolution = vec![0x1a, 1, 5, 0, 1, 0, 0, 0];
        resolution.extend([118_u32, 1].map(u32::to_le_bytes).concat());
        let fields = [
            big(short(tag::WIDTH, 4)),
            big(short(tag::HEIGHT, 3)),
            big(resolution),
        ];
        let start = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0";
        let file = [&start[..], &fields.concat(), &[0; 8]].concat();
        assert_eq!(traits(&file).density, Density::new(118));
    }
}

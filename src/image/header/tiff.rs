//! TIFF 6.0 and BigTIFF. An Exif block has the structure of a TIFF 6.0 file.

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::{Header, Stop};
use crate::image::metadata::{ColorSpace, Format, Orientation, Traits};

/// The tags of the fields that are read.
mod tag {
    pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SUB_DIRECTORIES: u16 = 330;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const DNG_VERSION: u16 = 50_706;
}

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let directory = Directory::first(file)?;
    let is_cr2 = file.array(4)? == *b"\x10\0\0\0CR\x02\0";
    if is_cr2 || directory.field(tag::DNG_VERSION)?.is_some() {
        return Err(ImageError::Raw.into());
    }
    let is_reduced = directory.number(tag::NEW_SUBFILE_TYPE)?.unwrap_or(0) & 1 == 1;
    if is_reduced && directory.has_other_pictures()? {
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
        orientation: directory.orientation()?,
        has_alpha: extra.map(|extra| matches!(extra, Some(1 | 2))),
        bit_depth: bits
            .and_then(|bits| u8::try_from(bits).ok())
            .and_then(NonZeroU8::new),
        color_space,
        ..Traits::default()
    };
    Header::new(Format::Tiff, size, traits)
}

/// Returns the orientation in an Exif block.
pub(super) fn orientation(exif: ByteRange<'_>) -> Result<Option<Orientation>, Stop> {
    let directory = Directory::first(exif)?;
    if directory.numbers.is_big {
        return Err(ImageError::Malformed.into());
    }
    directory.orientation()
}

/// The first list of fields. It describes the first picture.
struct Directory<'a> {
    file: ByteRange<'a>,
    numbers: Numbers,
    /// Offset of the first field.
    fields: u64,
    /// Number of fields.
    count: u64,
}

/// The byte order and size of numbers.
#[derive(Clone, Copy)]
struct Numbers {
    little_endian: bool,
    /// `true` if offsets have 64 bits instead of 32: BigTIFF.
    is_big: bool,
}

impl<'a> Directory<'a> {
    fn first(file: ByteRange<'a>) -> Result<Self, Stop> {
        let little_endian = match &file.array(0)? {
            b"II" => true,
            b"MM" => false,
            _ => return Err(ImageError::Malformed.into()),
        };
        let mut numbers = Numbers {
            little_endian,
            is_big: false,
        };
        numbers.is_big = match numbers.u16(file, 2)? {
            42 => false,
            43 if numbers.u16(file, 4)? == 8 => true,
            _ => return Err(ImageError::Malformed.into()),
        };
        let at = numbers.offset(file, if numbers.is_big { 8 } else { 4 })?;
        let (count, fields) = if numbers.is_big {
            (numbers.offset(file, at)?, at.saturating_add(8))
        } else {
            (numbers.u16(file, at)?.into(), at.saturating_add(2))
        };
        // A tag has at most one field, and a tag has 16 bits. The list may be empty: programs that remove all fields of
        // an Exif block leave one.
        if at < 8 || count > u64::from(u16::MAX) {
            return Err(ImageError::Malformed.into());
        }
        Ok(Self {
            file,
            numbers,
            fields,
            count,
        })
    }

    /// Returns `true` if there is another list of fields, after this one or referenced by it.
    fn has_other_pictures(&self) -> Result<bool, Stop> {
        let length = self.count.saturating_mul(self.numbers.field_length());
        let next = self.fields.saturating_add(length);
        Ok(self.numbers.offset(self.file, next)? != 0
            || self.field(tag::SUB_DIRECTORIES)?.is_some())
    }

    fn orientation(&self) -> Result<Option<Orientation>, Stop> {
        let value = self.number(tag::ORIENTATION)?;
        Ok(value
            .and_then(|value| u8::try_from(value).ok())
            .and_then(Orientation::new))
    }

    /// Returns the number in a field. `None` if there is no such field, or if it does not have exactly one number.
    fn number(&self, tag: u16) -> Result<Option<u32>, Stop> {
        let found = self.find(tag)?;
        Ok(found
            .filter(|(count, _)| *count == 1)
            .map(|(_, first)| first))
    }

    /// Returns the first number in a field.
    fn first_number(&self, tag: u16) -> Result<Option<u32>, Stop> {
        Ok(self.find(tag)?.map(|(_, first)| first))
    }

    /// Returns the first field of a tag.
    fn field(&self, tag: u16) -> Result<Option<ByteRange<'a>>, Stop> {
        let length = self.numbers.field_length();
        for n in 0..self.count {
            let at = self.fields.saturating_add(n.saturating_mul(length));
            if self.numbers.u16(self.file, at)? == tag {
                return self.file.slice(at, length).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns how many numbers a field has, and the first one. `None` if there is no such field, or if the number is
    /// not an integer from 0 to `u32::MAX`.
    fn find(&self, tag: u16) -> Result<Option<(u64, u32)>, Stop> {
        let Some(field) = self.field(tag)? else {
            return Ok(None);
        };
        let numbers = self.numbers;
        let count = numbers.offset(field, 4)?;
        // BYTE, SHORT, LONG and LONG8, and the signed types of the same widths, as in libtiff. Exif has no types of 64
        // bits.
        let (width, most): (u64, u32) = match numbers.u16(field, 2)? {
            1 => (1, u32::MAX),
            6 => (1, 0x7f),
            3 => (2, u32::MAX),
            8 => (2, 0x7fff),
            4 => (4, u32::MAX),
            9 => (4, 0x7fff_ffff),
            16 | 17 if numbers.is_big || tag != tag::ORIENTATION => (8, u32::MAX),
            _ => return Ok(None),
        };
        if count == 0 {
            return Ok(None);
        }
        let (inline, size) = if numbers.is_big { (12, 8) } else { (8, 4) };
        // Numbers that do not fit into the field are elsewhere in the file, at an offset.
        let (range, at) = if width.saturating_mul(count) <= size {
            (field, inline)
        } else {
            (self.file, numbers.offset(field, inline)?)
        };
        let value = match width {
            1 => range.u8(at)?.into(),
            2 => numbers.u16(range, at)?.into(),
            4 => numbers.u32(range, at)?.into(),
            _ => numbers.u64(range, at)?,
        };
        let value = u32::try_from(value).ok().filter(|value| *value <= most);
        Ok(value.map(|value| (count, value)))
    }
}

impl Numbers {
    fn u16(self, file: ByteRange<'_>, at: u64) -> Result<u16, Stop> {
        if self.little_endian {
            file.u16_le(at)
        } else {
            file.u16_be(at)
        }
    }

    fn u32(self, file: ByteRange<'_>, at: u64) -> Result<u32, Stop> {
        if self.little_endian {
            file.u32_le(at)
        } else {
            file.u32_be(at)
        }
    }

    /// The length of a field in bytes.
    fn field_length(self) -> u64 {
        if self.is_big { 20 } else { 12 }
    }

    /// Reads an offset, or a count of the same size.
    fn offset(self, file: ByteRange<'_>, at: u64) -> Result<u64, Stop> {
        if self.is_big {
            self.u64(file, at)
        } else {
            self.u32(file, at).map(u64::from)
        }
    }

    fn u64(self, file: ByteRange<'_>, at: u64) -> Result<u64, Stop> {
        let number = file.u64_be(at)?;
        Ok(if self.little_endian {
            number.swap_bytes()
        } else {
            number
        })
    }
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
        let orientation_of = |block: &[u8]| orientation(ByteRange::file(block, 1_000)).unwrap();
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
        let is_valid = |block: &[u8]| {
            orientation(ByteRange::file(block, 1_000).first(block.len() as u64)).is_ok()
        };
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
}

//! TIFF 6.0 and BigTIFF, which an Exif block is as well.

use std::num::NonZeroU8;

use super::part::Part;
use super::{Header, NoImage, Stop, header};
use crate::metadata::{ColorSpace, Format, Orientation, Traits};

/// The fields that are read, by their tags.
mod tag {
    pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const DNG_VERSION: u16 = 50_706;
}

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let directory = Directory::first(file)?;
    // The raw pictures of cameras are made as TIFF files that show a thumbnail first.
    let is_thumbnail = directory.number(tag::NEW_SUBFILE_TYPE)?.unwrap_or(0) & 1 == 1;
    if is_thumbnail || directory.first_number(tag::DNG_VERSION)?.is_some() {
        return Err(NoImage::Unknown.into());
    }
    let side = |tag| directory.number(tag)?.ok_or(Stop::from(NoImage::Malformed));
    let size = (side(tag::WIDTH)?, side(tag::HEIGHT)?);
    let photometric = directory.number(tag::PHOTOMETRIC)?;
    let color_space = match photometric {
        Some(0 | 1) => Some(ColorSpace::Gray),
        Some(2 | 3 | 6) => Some(ColorSpace::Rgb),
        Some(5) => Some(ColorSpace::Cmyk),
        _ => None,
    };
    let bits = match photometric {
        // The colours of a palette have sixteen bits, and are made of eight.
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
    header(Format::Tiff, size, traits)
}

/// The orientation of an Exif block, which begins as a TIFF file does.
pub(super) fn orientation(exif: Part<'_>) -> Result<Option<Orientation>, Stop> {
    Directory::first(exif)?.orientation()
}

/// The first list of fields, which describes the first picture.
struct Directory<'a> {
    file: Part<'a>,
    numbers: Numbers,
    /// Where the fields begin, and how many there are.
    fields: u64,
    count: u64,
}

/// How numbers are written.
#[derive(Clone, Copy)]
struct Numbers {
    little_endian: bool,
    /// Whether offsets have 64 bits instead of 32.
    big: bool,
}

impl<'a> Directory<'a> {
    fn first(file: Part<'a>) -> Result<Self, Stop> {
        let little_endian = match &file.array(0)? {
            b"II" => true,
            b"MM" => false,
            _ => return Err(NoImage::Malformed.into()),
        };
        let mut numbers = Numbers {
            little_endian,
            big: false,
        };
        numbers.big = match numbers.u16(file, 2)? {
            42 => false,
            43 if numbers.u16(file, 4)? == 8 => true,
            _ => return Err(NoImage::Malformed.into()),
        };
        let at = numbers.offset(file, if numbers.big { 8 } else { 4 })?;
        let (count, fields) = if numbers.big {
            (numbers.offset(file, at)?, at.saturating_add(8))
        } else {
            (numbers.u16(file, at)?.into(), at.saturating_add(2))
        };
        // A field is of a tag, and no tag comes twice.
        if at < 8 || count == 0 || count > u64::from(u16::MAX) {
            return Err(NoImage::Malformed.into());
        }
        Ok(Self {
            file,
            numbers,
            fields,
            count,
        })
    }

    fn orientation(&self) -> Result<Option<Orientation>, Stop> {
        let value = self.number(tag::ORIENTATION)?;
        Ok(value
            .and_then(|value| u8::try_from(value).ok())
            .and_then(Orientation::new))
    }

    /// The one number of a field; `None` where there is no such field, or it has another number of them.
    fn number(&self, tag: u16) -> Result<Option<u32>, Stop> {
        let found = self.find(tag)?;
        Ok(found
            .filter(|(count, _)| *count == 1)
            .map(|(_, first)| first))
    }

    /// The first number of a field that has some.
    fn first_number(&self, tag: u16) -> Result<Option<u32>, Stop> {
        Ok(self.find(tag)?.map(|(_, first)| first))
    }

    /// How many numbers a field has, and the first of them.
    fn find(&self, tag: u16) -> Result<Option<(u64, u32)>, Stop> {
        let (file, numbers) = (self.file, self.numbers);
        let length = if numbers.big { 20 } else { 12 };
        for n in 0..self.count {
            let field = self.fields.saturating_add(n.saturating_mul(length));
            if numbers.u16(file, field)? != tag {
                continue;
            }
            let (counted, size) = if numbers.big { (8, 8) } else { (4, 4) };
            let count = numbers.offset(file, field.saturating_add(4))?;
            let inline = field.saturating_add(4).saturating_add(counted);
            let kind = numbers.u16(file, field.saturating_add(2))?;
            let width: u64 = match kind {
                1 => 1,
                3 => 2,
                4 => 4,
                16 => 8,
                _ => return Ok(None),
            };
            if count == 0 {
                return Ok(None);
            }
            // What does not fit into the field stands elsewhere.
            let at = if width.saturating_mul(count) <= size {
                inline
            } else {
                numbers.offset(file, inline)?
            };
            let value = match width {
                1 => file.u8(at)?.into(),
                2 => numbers.u16(file, at)?.into(),
                4 => numbers.u32(file, at)?,
                _ => u32::try_from(numbers.offset(file, at)?).map_err(|_| NoImage::Malformed)?,
            };
            return Ok(Some((count, value)));
        }
        Ok(None)
    }
}

impl Numbers {
    fn u16(self, file: Part<'_>, at: u64) -> Result<u16, Stop> {
        if self.little_endian {
            file.u16_le(at)
        } else {
            file.u16_be(at)
        }
    }

    fn u32(self, file: Part<'_>, at: u64) -> Result<u32, Stop> {
        if self.little_endian {
            file.u32_le(at)
        } else {
            file.u32_be(at)
        }
    }

    /// A number as long as an offset is.
    fn offset(self, file: Part<'_>, at: u64) -> Result<u64, Stop> {
        if !self.big {
            return self.u32(file, at).map(u64::from);
        }
        let number = file.u64_be(at)?;
        Ok(if self.little_endian {
            number.swap_bytes()
        } else {
            number
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::exif::tests::block_of;
    use super::*;

    #[test]
    fn an_orientation_is_one_number() {
        let told = |block: &[u8]| orientation(Part::file(block, 1_000)).unwrap();
        let six = Orientation::new(6);
        for kind in [1, 3, 4] {
            assert_eq!(told(&block_of(kind, 1, [6, 0, 0, 0])), six);
        }
        assert_eq!(
            told(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0"),
            six
        );
        assert_eq!(told(&block_of(3, 2, [6, 0, 6, 0])), None);
        assert_eq!(told(&block_of(3, 0, [6, 0, 0, 0])), None);
        assert_eq!(told(&block_of(5, 1, [6, 0, 0, 0])), None);
        assert_eq!(told(&block_of(3, 1, [9, 0, 0, 0])), None);
        assert_eq!(told(&block_of(4, 1, [6, 1, 0, 0])), None);
    }

    #[test]
    fn a_size_is_told_where_depth_and_alpha_are_out_of_reach() {
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
        let header = read(Part::file(&file, 1_000)).unwrap();
        assert_eq!(
            (header.dimensions.width(), header.dimensions.height()),
            (4, 3)
        );
        assert_eq!(
            (header.traits.bit_depth, header.traits.has_alpha),
            (None, None)
        );
        // Within reach they are waited for.
        let further = read(Part::file(&file, 100_000));
        assert!(matches!(further, Err(Stop::Further(65_536..))));
    }
}

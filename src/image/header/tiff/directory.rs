//! The first list of fields in a TIFF file or an Exif block: their tags, types and values.

use super::super::byte_range::ByteRange;
use super::super::error::ImageError;
use super::super::outcome::Stop;

/// The tags of the fields that are read.
pub(super) mod tag {
    pub(in super::super) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(in super::super) const WIDTH: u16 = 256;
    pub(in super::super) const HEIGHT: u16 = 257;
    pub(in super::super) const BITS_PER_SAMPLE: u16 = 258;
    pub(in super::super) const PHOTOMETRIC: u16 = 262;
    pub(in super::super) const ORIENTATION: u16 = 274;
    pub(in super::super) const X_RESOLUTION: u16 = 282;
    pub(in super::super) const RESOLUTION_UNIT: u16 = 296;
    pub(in super::super) const SUB_DIRECTORIES: u16 = 330;
    pub(in super::super) const EXTRA_SAMPLES: u16 = 338;
    pub(in super::super) const ICC_PROFILE: u16 = 34_675;
    pub(in super::super) const DNG_VERSION: u16 = 50_706;
}

/// The first list of fields. It describes the first picture.
pub(super) struct Directory<'a> {
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
    pub(super) fn first(file: ByteRange<'a>) -> Result<Self, Stop> {
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

    /// Returns `true` if the offsets have 64 bits: BigTIFF.
    pub(super) fn is_big(&self) -> bool {
        self.numbers.is_big
    }

    /// Returns the offset of the next list of fields, or 0 if there is none.
    pub(super) fn next(&self) -> Result<u64, Stop> {
        let length = self.count.saturating_mul(self.numbers.field_length());
        let next = self.fields.saturating_add(length);
        self.numbers.offset(self.file, next)
    }

    /// Returns the numerator and denominator in a field. `None` if there is no such field, or if it is not a single
    /// fraction.
    pub(super) fn rational(&self, tag: u16) -> Result<Option<(u32, u32)>, Stop> {
        const RATIONAL: u16 = 5;
        let Some(field) = self.field(tag)? else {
            return Ok(None);
        };
        let numbers = self.numbers;
        if numbers.u16(field, 2)? != RATIONAL || numbers.offset(field, 4)? != 1 {
            return Ok(None);
        }
        // The eight bytes fit into a field of a BigTIFF only.
        let (range, at) = if numbers.is_big {
            (field, 12)
        } else {
            (self.file, numbers.offset(field, 8)?)
        };
        let denominator = numbers.u32(range, at.saturating_add(4))?;
        Ok(Some((numbers.u32(range, at)?, denominator)))
    }

    /// Returns the number in a field. `None` if there is no such field, or if it does not have exactly one number.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u32>, Stop> {
        let found = self.find(tag)?;
        Ok(found
            .filter(|(count, _)| *count == 1)
            .map(|(_, first)| first))
    }

    /// Returns the first number in a field.
    pub(super) fn first_number(&self, tag: u16) -> Result<Option<u32>, Stop> {
        Ok(self.find(tag)?.map(|(_, first)| first))
    }

    /// Returns the first field of a tag.
    pub(super) fn field(&self, tag: u16) -> Result<Option<ByteRange<'a>>, Stop> {
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

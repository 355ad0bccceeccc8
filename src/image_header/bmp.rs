//! BMP (<https://learn.microsoft.com/windows/win32/gdi/bitmap-storage>).

use std::num::NonZeroU8;

use super::part::Part;
use super::{Header, NoImage, Stop, header};
use crate::metadata::{ColorSpace, Format, Traits};

/// Where the header of the bitmap begins, behind that of the file.
const INFO: u64 = 14;

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let length = file.u32_le(INFO)?;
    let info = file.part(INFO, length.into())?;
    let (size, planes, depth) = match length {
        12 => (
            (u32::from(info.u16_le(4)?), u32::from(info.u16_le(6)?)),
            info.u16_le(8)?,
            info.u16_le(10)?,
        ),
        16 | 40 | 52 | 56 | 64 | 108 | 124 => (
            // A negative height says that the rows are stored from the top.
            (
                signed(info.u32_le(4)?).ok_or(NoImage::Malformed)?,
                info.u32_le(8)?.cast_signed().unsigned_abs(),
            ),
            info.u16_le(12)?,
            info.u16_le(14)?,
        ),
        _ => return Err(NoImage::Malformed.into()),
    };
    if planes != 1 || !matches!(depth, 1 | 2 | 4 | 8 | 16 | 24 | 32) {
        return Err(NoImage::Malformed.into());
    }
    let has_alpha = match (depth, length) {
        (..=8 | 24, _) => Some(false),
        (_, 56 | 108 | 124) => Some(info.u32_le(52)? != 0),
        _ => None,
    };
    let traits = Traits {
        has_alpha,
        animated: Some(false),
        // Of 16 bits, a channel has five, six or what the masks say.
        bit_depth: NonZeroU8::new(8).filter(|_| depth != 16),
        color_space: Some(ColorSpace::Rgb),
        ..Traits::default()
    };
    header(Format::Bmp, size, traits)
}

fn signed(value: u32) -> Option<u32> {
    u32::try_from(value.cast_signed()).ok()
}

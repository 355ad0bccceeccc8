//! ICO, icons of which each is a picture of its own (<https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)>).

use super::part::Part;
use super::{Header, NoImage, Stop, header};
use crate::metadata::{Format, Traits};

/// Where the directory begins, and how long an entry is.
const DIRECTORY: u64 = 6;
const ENTRY: u64 = 16;

/// The largest of the pictures is what the file is said to show.
pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let count = u64::from(file.u16_le(4)?);
    let directory = file.part(DIRECTORY, count.saturating_mul(ENTRY))?;
    let pictures = DIRECTORY.saturating_add(count.saturating_mul(ENTRY));
    let mut largest = (0, 0);
    for n in 0..count {
        let entry = directory.part(n.saturating_mul(ENTRY), ENTRY)?;
        let (length, offset) = (entry.u32_le(8)?, entry.u32_le(12)?);
        if length == 0 || u64::from(offset) < pictures {
            return Err(NoImage::Malformed.into());
        }
        let size = (side(entry.u8(0)?), side(entry.u8(1)?));
        if area(size) > area(largest) {
            largest = size;
        }
    }
    header(Format::Ico, largest, Traits::default())
}

fn area((width, height): (u32, u32)) -> u32 {
    width.saturating_mul(height)
}

/// There is no picture of no width, so that 0 stands for one more than fits into a byte.
fn side(byte: u8) -> u32 {
    match byte {
        0 => 256,
        side => side.into(),
    }
}

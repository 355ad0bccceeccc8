//! ICO and CUR: icons and cursors of one or more pictures
//! (<https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)>).

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::{Header, Stop};
use crate::image::metadata::{Format, Traits};

/// Where the directory begins, and the length of an entry.
const DIRECTORY: u64 = 6;
const ENTRY: u64 = 16;

/// The size is that of the largest picture, according to the directory. An entry whose picture begins inside the
/// directory is ignored, and makes the size uncertain.
pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let count = u64::from(file.u16_le(4)?);
    let directory = file.slice(DIRECTORY, count.saturating_mul(ENTRY))?;
    let pictures = DIRECTORY.saturating_add(count.saturating_mul(ENTRY));
    let mut largest = None;
    let mut is_certain = true;
    for n in 0..count {
        let entry = directory.slice(n.saturating_mul(ENTRY), ENTRY)?;
        let size = (side(entry.u8(0)?), side(entry.u8(1)?));
        if u64::from(entry.u32_le(12)?) < pictures {
            is_certain = false;
        } else if largest.is_none_or(|largest| area(size) > area(largest)) {
            largest = Some(size);
        }
    }
    let largest = largest.ok_or(ImageError::Malformed)?;
    Ok(Header {
        is_certain,
        ..Header::new(Format::Ico, largest, Traits::default())?
    })
}

fn area((width, height): (u32, u32)) -> u32 {
    width.saturating_mul(height)
}

/// Decodes a side. 0 means 256, which does not fit into a byte.
fn side(byte: u8) -> u32 {
    match byte {
        0 => 256,
        side => side.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a directory of pictures with these widths, heights and offsets.
    fn ico(pictures: &[(u8, u8, u32)]) -> Vec<u8> {
        let count = u16::try_from(pictures.len()).unwrap().to_le_bytes();
        let mut file = [b"\0\0\x01\0", &count[..]].concat();
        for (width, height, at) in pictures {
            file.extend([*width, *height, 0, 0, 1, 0, 32, 0, 40, 0, 0, 0]);
            file.extend(at.to_le_bytes());
        }
        file
    }

    /// Returns the width, the height and whether they are certain.
    fn size(pictures: &[(u8, u8, u32)]) -> Result<(u32, u32, bool), Stop> {
        let header = read(ByteRange::file(&ico(pictures), 1_000))?;
        let dimensions = header.dimensions;
        Ok((dimensions.width(), dimensions.height(), header.is_certain))
    }

    #[test]
    fn the_size_is_that_of_the_largest_picture_that_is_not_inside_the_directory() {
        assert_eq!(size(&[(16, 16, 38), (32, 8, 99)]), Ok((16, 16, true)));
        assert_eq!(size(&[(16, 16, 38), (0, 1, 99)]), Ok((16, 16, true)));
        assert_eq!(size(&[(16, 16, 38), (0, 0, 99)]), Ok((256, 256, true)));
        for at in [0, 6, 37] {
            assert_eq!(size(&[(16, 16, 38), (0, 0, at)]), Ok((16, 16, false)));
            assert_eq!(size(&[(0, 0, at), (16, 16, 38)]), Ok((16, 16, false)));
        }
        assert_eq!(size(&[(16, 16, 21)]), Err(ImageError::Malformed.into()));
        assert_eq!(size(&[]), Err(ImageError::Malformed.into()));
    }
}

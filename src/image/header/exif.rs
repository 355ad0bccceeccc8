//! Exif, of which the orientation is of use here.

use super::byte_range::ByteRange;
use super::{Stop, tiff};
use crate::image::metadata::Orientation;

/// The Exif block of a file: the first one that can be read counts, even if it has no usable orientation. One that is
/// empty or malformed does not.
#[derive(Default)]
pub(super) struct Exif {
    told: Option<Option<Orientation>>,
}

impl Exif {
    /// Whether there was a block that counts.
    pub(super) fn is_seen(&self) -> bool {
        self.told.is_some()
    }

    pub(super) fn orientation(&self) -> Option<Orientation> {
        self.told.flatten()
    }

    /// Reads the next block, if none counts yet.
    ///
    /// # Errors
    /// Only if more of the file is needed.
    pub(super) fn read(&mut self, block: ByteRange<'_>) -> Result<(), Stop> {
        if !self.is_seen() {
            match tiff::orientation(block) {
                Err(Stop::Refused(_)) => {}
                found => self.told = Some(found?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    /// A block of this orientation.
    pub(crate) fn block(orientation: u8) -> Vec<u8> {
        block_of(3, 1, [orientation, 0, 0, 0])
    }

    /// A block with one field: an orientation in `count` numbers of a type, of which this is the first.
    pub(crate) fn block_of(kind: u8, count: u8, value: [u8; 4]) -> Vec<u8> {
        let field = [0x12, 1, kind, 0, count, 0, 0, 0];
        [&b"II*\0\x08\0\0\0\x01\0"[..], &field, &value, &[0; 4]].concat()
    }
}

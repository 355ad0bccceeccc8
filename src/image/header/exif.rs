//! The Exif block of a JPEG, PNG or WebP. Only its orientation and density are read.

use super::byte_range::ByteRange;
use super::outcome::Stop;
use super::tiff::{self, ExifFields};
use crate::image::density::Density;
use crate::image::metadata::Orientation;

/// The Exif block of a file. The first valid block counts, even if it has no usable orientation; empty and malformed
/// blocks are ignored.
#[derive(Default)]
pub(super) struct Exif {
    /// `None` before a valid block was read.
    found: Option<ExifFields>,
}

impl Exif {
    /// Returns `true` if a valid block was read.
    pub(super) fn is_seen(&self) -> bool {
        self.found.is_some()
    }

    pub(super) fn orientation(&self) -> Option<Orientation> {
        self.found.and_then(|found| found.orientation)
    }

    pub(super) fn density(&self) -> Option<Density> {
        self.found.and_then(|found| found.density)
    }

    /// Reads the next block, unless an earlier one counts.
    ///
    /// # Errors
    /// Only if more of the file is needed.
    pub(super) fn read(&mut self, block: ByteRange<'_>) -> Result<(), Stop> {
        if !self.is_seen() {
            match tiff::exif(block) {
                Err(Stop::Error(_)) => {}
                found => self.found = Some(found?),
            }
        }
        Ok(())
    }
}

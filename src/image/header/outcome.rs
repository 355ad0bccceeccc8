//! The outcome of reading a header: the [`Header`], or the reason to [`Stop`].

use super::error::ImageError;
use crate::image::metadata::{Dimensions, Format, Traits};

/// The contents of an image's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The format of the contents, whatever the file name or `Content-Type`.
    pub format: Format,
    /// The displayed size: the orientation is applied.
    pub dimensions: Dimensions,
    /// The properties besides format and size.
    pub traits: Traits,
    /// `true` if everything was read that the displayed size depends on. It is `false`, for example, if an orientation
    /// may follow the pixels, a clean aperture extends beyond its picture, or the size of an SVG depends on a font.
    pub is_certain: bool,
}

impl Header {
    /// Creates a header with a certain size, from the width and height as stored. Sides are swapped if the orientation
    /// in `traits` says so.
    pub(super) fn new(
        format: Format,
        (width, height): (u32, u32),
        traits: Traits,
    ) -> Result<Self, Stop> {
        let (width, height) = match traits.orientation {
            Some(orientation) if orientation.swaps_sides() => (height, width),
            _ => (width, height),
        };
        Ok(Self {
            format,
            dimensions: Dimensions::new(width, height).ok_or(ImageError::InvalidSize)?,
            traits,
            is_certain: true,
        })
    }
}

/// Why a reader stopped without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The header continues: the reader needs these bytes. Some of the first ones may be loaded already.
    NeedMore(Missing),
    /// The file is not read as an image.
    Error(ImageError),
}

impl From<ImageError> for Stop {
    fn from(error: ImageError) -> Self {
        Self::Error(error)
    }
}

/// A range of a file that a reader needs. It is packed because every reader returns it in many places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed(4))]
pub struct Missing {
    /// Offset of the first byte.
    pub from: u64,
    length: u32,
}

impl Missing {
    /// The range from one offset up to, but not including, another. Its length is capped at 4 GiB, more than is ever
    /// read.
    pub(crate) fn new(from: u64, to: u64) -> Self {
        let length = u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX);
        Self { from, length }
    }

    /// Offset of the byte after the last one.
    #[must_use]
    pub fn to(self) -> u64 {
        self.from.saturating_add(self.length.into())
    }
}

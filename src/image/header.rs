//! What the first bytes of an image tell of it: format, size as people see it, and what else stands there.
//!
//! It reads what is there and says how much more it needs; nothing is decoded, and nothing is guessed: a header that
//! contradicts itself is no image. Each format is a file of its own, and reads the parts of a file that its standard
//! puts in front of the pixels.

mod bits;
mod bmp;
mod byte_range;
mod exif;
mod gif;
mod heif;
mod ico;
mod isobmff;
mod jpeg;
mod jxl;
mod png;
pub mod steps;
mod svg;
mod tiff;
mod webp;

use std::fmt;

use crate::image::content_encoding::ContentEncoding;
use crate::image::metadata::{Dimensions, Format, Traits};
use byte_range::{ByteRange, File};

/// How much of an image is read, in bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What is read of any image.
    pub first: u64,
    /// What is read at most, where the header is longer.
    pub most: u64,
}

impl Default for Limits {
    /// Most headers are within the first, nearly all within the other.
    fn default() -> Self {
        Self {
            first: 64 * 1_024,
            most: 1_024 * 1_024,
        }
    }
}

/// What a header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Of the file, whatever it is called.
    pub format: Format,
    /// As displayed: the orientation is applied.
    pub dimensions: Dimensions,
    /// What else it tells.
    pub traits: Traits,
    /// Whether all was seen that the size depends on. An orientation can come after the pixels, a clean aperture can reach beyond
    /// its picture, and the size of an SVG can depend on a font.
    pub is_certain: bool,
}

/// Why there is no header yet, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It goes on: these bytes are needed, of which the first ones may be there.
    NeedMore(Missing),
    /// It is none.
    Refused(ImageError),
}

/// A stretch of a file that is needed. It is packed because every reader returns it in many places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed(4))]
pub struct Missing {
    /// Offset of its first byte.
    pub from: u64,
    length: u32,
}

impl Missing {
    /// From one byte up to, but not including, another. More than 4 GiB, which nobody reads, count as that.
    #[must_use]
    pub fn new(from: u64, to: u64) -> Self {
        let length = u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX);
        Self { from, length }
    }

    /// Offset of the byte after its last one.
    #[must_use]
    pub fn to(self) -> u64 {
        self.from.saturating_add(self.length.into())
    }
}

/// Bytes of a file that were read apart from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Offset of the first of them.
    pub at: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a file is not read as an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageError {
    /// There is not a single byte.
    Empty,
    /// Its first bytes are not those of a format that is read.
    Unknown,
    /// It begins as an image does, but its header contradicts the format.
    Malformed,
    /// It ends before its header does.
    Truncated,
    /// The header is longer than what is read of an image.
    HeaderTooLong,
    /// Text in UTF-16, which can be an SVG.
    Utf16,
    /// A vector image that has no size in pixels.
    NoSize,
    /// The size of a vector image is there, but depends on more than what is read of it.
    UnresolvedSize,
    /// A vector image of no pixels.
    TooSmall,
    /// Its width or height is 0, or above [`MAX_DIMENSION`](crate::image::metadata::MAX_DIMENSION). In a JPEG, 0 means that the
    /// height follows the pixels, which hardly any decoder reads.
    InvalidSize,
    /// A camera's raw image, of which TIFF readers see a preview.
    Raw,
    /// The first of several pictures is a reduced version of another one.
    Thumbnail,
    /// It has this `Content-Encoding`, which is not decoded.
    Encoded(ContentEncoding),
    /// It is gzip data that have not been decoded.
    Gzip,
    /// It is gzip data that cannot be decoded as far as the header goes.
    DamagedGzip,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Unknown => "its format is not recognized",
            Self::Malformed => "its header is malformed",
            Self::Truncated => "it ends inside its header",
            Self::HeaderTooLong => "its header goes on beyond headerBytesMax",
            Self::Utf16 => "it is text in UTF-16",
            Self::NoSize => "it has no viewBox and lacks a width or a height in pixels",
            Self::UnresolvedSize => "its width, height or viewBox cannot be resolved to pixels",
            Self::TooSmall => "its width or height is less than half a pixel",
            Self::InvalidSize => "its width or height is 0 or out of range",
            Self::Raw => "it is a camera's raw image",
            Self::Thumbnail => "its first picture is a thumbnail of another one",
            Self::Encoded(_) => "its Content-Encoding is not decoded",
            Self::Gzip => {
                "it is gzip data, which are decoded only if their Content-Encoding is gzip"
            }
            Self::DamagedGzip => "its gzip data are damaged, or end inside the header",
        })
    }
}

impl From<ImageError> for Stop {
    fn from(reason: ImageError) -> Self {
        Self::Refused(reason)
    }
}

/// Reads the header of a file that begins with `bytes`.
///
/// # Errors
/// How much more of the file it takes, or why the file is no image. `most` says how far it pays to ask for more.
pub fn read(bytes: &[u8], most: u64) -> Result<Header, Stop> {
    read_with_windows(bytes, &[], most)
}

/// Reads the header of a file that begins with `bytes`, and of which more was read in other places.
///
/// # Errors
/// As [`read`]; what goes on beyond `reach` bytes from the beginning is left out if the size does not depend on it.
pub fn read_with_windows(bytes: &[u8], windows: &[Window], reach: u64) -> Result<Header, Stop> {
    let file = File {
        bytes,
        windows,
        reach,
    };
    let read = match bytes {
        [] => return Err(ImageError::Empty.into()),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => png::read,
        [0xff, 0xd8, 0xff, ..] => jpeg::read,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => gif::read,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => webp::read,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => heif::read,
        [0xff, 0x0a, ..] => jxl::read,
        [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => jxl::read_container,
        [b'B', b'M', ..] => bmp::read,
        // A cursor of few pictures: other files begin with the same four bytes.
        [0, 0, 1, 0, ..] | [0, 0, 2, 0, 1..=255, 0, ..] => ico::read,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => tiff::read,
        _ => svg::read,
    };
    read(ByteRange::of(&file))
}

/// The header of an image that is stored `width` by `height`: its size is turned as its orientation says.
fn header(format: Format, (width, height): (u32, u32), traits: Traits) -> Result<Header, Stop> {
    let (width, height) = match traits.orientation {
        Some(orientation) if orientation.swaps_sides() => (height, width),
        _ => (width, height),
    };
    Ok(Header {
        format,
        dimensions: Dimensions::new(width, height).ok_or(ImageError::InvalidSize)?,
        traits,
        is_certain: true,
    })
}

//! Why a file is not read as an image.

use std::fmt;

use crate::image::content_encoding::ContentEncoding;

/// Why a file is not read as an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageError {
    /// The file has no bytes.
    Empty,
    /// The first bytes match no supported format.
    Unknown,
    /// The first bytes match a format, but the header contradicts it.
    Malformed,
    /// The file ends inside its header.
    Truncated,
    /// The header extends beyond the bytes that are read of an image, `headerBytesMax`.
    HeaderTooLong,
    /// Text in UTF-16, which may be an SVG.
    Utf16,
    /// An SVG without a size in pixels.
    NoSize,
    /// An SVG whose size depends on more than the attributes that are read.
    UnresolvedSize,
    /// An SVG of less than half a pixel in width or height.
    TooSmall,
    /// The width or height is 0 or above [`MAX_DIMENSION`](crate::image::metadata::MAX_DIMENSION). In a JPEG, a height
    /// of 0 means that the height follows the pixels, which hardly any decoder supports.
    InvalidSize,
    /// A camera's raw image, of which TIFF readers see a preview.
    Raw,
    /// A TIFF whose first picture is a reduced version of another one.
    Thumbnail,
    /// The response or object has this `Content-Encoding`, which is not decoded.
    Encoded(ContentEncoding),
    /// Gzip data that were not decoded.
    Gzip,
    /// Gzip data that cannot be decoded up to the end of the header.
    DamagedGzip,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Unknown => "its format is not recognized",
            Self::Malformed => "its header is malformed",
            Self::Truncated => "it ends inside its header",
            Self::HeaderTooLong => "its header extends beyond headerBytesMax",
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

//! Reads format, displayed size and properties from an image's first bytes.
//!
//! [`read`] recognizes the format by its signature and calls the reader of that format. No pixels are decoded and
//! nothing is guessed: a header that contradicts itself is an error. A reader that needs bytes that are not loaded
//! returns [`Stop::NeedMore`] with their range. The caller (`image/prefix.rs`) loads them and reads again from the
//! start.
//!
//! # Adding a format
//! A format is one file with one function. `header/ico.rs` is a short example.
//! 1. Write `header/<format>.rs` with `pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop>`, a `Reader`.
//!    `ByteRange` reads integers and slices at an offset (`u16_be`, `bytes`, `slice`); `?` passes on
//!    [`Stop::NeedMore`]. Return `Header::new`.
//! 2. Register it here: declare the module, and add its signature to `reader_for`.
//! 3. Add it to `Format` in `image/metadata.rs`: the variant, `parse`, `name`, `media_type`, and the list in its test.
//! 4. Test it: unit tests in its file, samples in `tests/cases/<format>/`, and worst cases for its running time in
//!    `tests/crafted/`. A recipe in `tests/corpus/tools/` compares it with other readers. Document it in
//!    `docs/image-headers.md`, `docs/http-api.md`, `docs/openapi.yaml`, `client/src/api.ts` and CHANGELOG.md.
//!
//! # Files
//! - [`Header`], [`Stop`] and [`Missing`] are in `outcome.rs`, [`ImageError`] in `error.rs`.
//! - `byte_range.rs` is the file as readers see it; `bits.rs` (JPEG XL) and `isobmff.rs` (HEIF, JPEG XL) build on it.
//! - `exif.rs` selects the Exif block of a JPEG, PNG or WebP; `tiff.rs` reads the orientation and density in it.
//! - [`steps`] counts work, so that tests can bound it.

mod bits;
mod bmp;
mod byte_range;
mod error;
mod exif;
mod gif;
mod heif;
mod ico;
mod isobmff;
mod jpeg;
mod jxl;
mod outcome;
mod png;
pub mod steps;
mod svg;
mod tiff;
mod webp;

use byte_range::{ByteRange, File};

pub(crate) use byte_range::Window;
pub use error::ImageError;
pub use outcome::{Header, Missing, Stop};

/// How much of an image is read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How much is read of every image: the setting `headerBytes`.
    pub first: u64,
    /// How much is read at most, if the header is longer: the setting `headerBytesMax`.
    pub most: u64,
}

impl Default for Limits {
    /// 64 KiB, which most headers fit in, and 1 MiB, which nearly all fit in.
    fn default() -> Self {
        Self {
            first: 64 * 1_024,
            most: 1_024 * 1_024,
        }
    }
}

/// Reads the header of a file that begins with `bytes`.
///
/// # Errors
/// If more of the file is needed, or if it is not read as an image. Parts of the header beyond `reach` bytes from the
/// beginning are left out, not asked for, if the size does not depend on them.
pub fn read(bytes: &[u8], reach: u64) -> Result<Header, Stop> {
    read_with_windows(bytes, &[], reach)
}

/// Reads the header of a file that begins with `bytes`, and of which other ranges, the `windows`, are loaded as well.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_with_windows(
    bytes: &[u8],
    windows: &[Window],
    reach: u64,
) -> Result<Header, Stop> {
    if bytes.is_empty() {
        return Err(ImageError::Empty.into());
    }
    let file = File {
        bytes,
        windows,
        reach,
    };
    reader_for(bytes)(ByteRange::whole(&file))
}

/// Reads the header of a file whose signature has been recognized.
type Reader = fn(ByteRange<'_>) -> Result<Header, Stop>;

/// Returns the reader of the format that files with these first bytes have. SVG has no signature, so its reader gets
/// the rest.
fn reader_for(bytes: &[u8]) -> Reader {
    match bytes {
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
        // An icon, or a cursor with at most 255 pictures: files of other formats begin with the same four bytes.
        [0, 0, 1, 0, ..] | [0, 0, 2, 0, 1..=255, 0, ..] => ico::read,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => tiff::read,
        _ => svg::read,
    }
}

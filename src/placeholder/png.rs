//! Reads the tiny PNG that the resizer makes. Every byte of it may be hostile.
//!
//! The picture is read in two steps, because the runtime inflates the data: [`Png::parse`] reads the chunks, and [`Png::pixels`] the
//! inflated data. The format is that of <https://www.w3.org/TR/png-3/>. Checksums are not checked: the connection does that.

use std::fmt;

use self::samples::BitDepth;
use crate::placeholder::pixels::{MAX_SIDE, Pixels};

mod filter;
mod samples;

/// The maximum size of a picture that is read, in bytes. It is larger than any of 100 by 100 pixels that is not compressed.
pub const MAX_BYTES: usize = 64 * 1024;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The maximum number of chunks, so that empty ones cost nothing.
const MAX_CHUNKS: usize = 64;

/// A picture whose data are not inflated yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    width: usize,
    height: usize,
    bit_depth: BitDepth,
    kind: Kind,
    palette: Vec<[u8; 4]>,
    /// The one value of gray or of a color that is transparent.
    transparent: Option<[u8; 3]>,
    data: Vec<u8>,
}

/// The color types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gray,
    Rgb,
    Palette,
    GrayAlpha,
    Rgba,
}

impl Kind {
    fn samples(self) -> usize {
        match self {
            Self::Gray | Self::Palette => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Why a picture cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PngError {
    /// It is not a PNG.
    NotPng,
    /// It is larger than 100 by 100 pixels, or than [`MAX_BYTES`].
    TooLarge,
    /// It has 16 bits per sample, or is interlaced.
    Unsupported,
    /// It breaks a rule of the format, or is truncated.
    Malformed,
}

impl fmt::Display for PngError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPng => "not a PNG",
            Self::TooLarge => "too large",
            Self::Unsupported => "16 bits or interlaced",
            Self::Malformed => "malformed",
        })
    }
}

impl std::error::Error for PngError {}

impl Png {
    /// Reads the chunks of a picture.
    ///
    /// # Errors
    /// If it is malformed, or has a size or form that is not read.
    pub fn parse(bytes: &[u8]) -> Result<Self, PngError> {
        if bytes.len() > MAX_BYTES {
            return Err(PngError::TooLarge);
        }
        let mut rest = bytes.strip_prefix(&SIGNATURE).ok_or(PngError::NotPng)?;
        let (name, header) = next_chunk(&mut rest)?;
        let mut png = match name {
            b"IHDR" => Self::of_header(header)?,
            _ => return Err(PngError::Malformed),
        };
        for _ in 0..MAX_CHUNKS {
            let (name, content) = next_chunk(&mut rest)?;
            match name {
                b"IEND" if !png.data.is_empty() => return Ok(png),
                b"IDAT" => png.data.extend_from_slice(content),
                b"PLTE" => png.palette = palette(content)?,
                b"tRNS" => png.add_transparency(content)?,
                _ => {}
            }
        }
        Err(PngError::Malformed)
    }

    fn of_header(header: &[u8]) -> Result<Self, PngError> {
        let malformed = PngError::Malformed;
        let (width, header) = header.split_first_chunk().ok_or(malformed)?;
        let (height, header) = header.split_first_chunk().ok_or(malformed)?;
        let [bit_depth, color_type, compression, filter, interlace] = *header else {
            return Err(malformed);
        };
        let (width, height) = (side(*width)?, side(*height)?);
        let kind = match (color_type, bit_depth) {
            (0, _) => Kind::Gray,
            (2, 8 | 16) => Kind::Rgb,
            (3, 1 | 2 | 4 | 8) => Kind::Palette,
            (4, 8 | 16) => Kind::GrayAlpha,
            (6, 8 | 16) => Kind::Rgba,
            _ => return Err(malformed),
        };
        let bit_depth = match bit_depth {
            16 => return Err(PngError::Unsupported),
            bits => BitDepth::new(bits).ok_or(malformed)?,
        };
        match (compression, filter, interlace) {
            (0, 0, 0) => {}
            (0, 0, 1) => return Err(PngError::Unsupported),
            _ => return Err(malformed),
        }
        Ok(Self {
            width,
            height,
            bit_depth,
            kind,
            palette: Vec::new(),
            transparent: None,
            data: Vec::new(),
        })
    }

    fn add_transparency(&mut self, content: &[u8]) -> Result<(), PngError> {
        // Two bytes a sample, of which the bits of the depth count.
        let sample = |low: u8| low & self.bit_depth.max();
        match (self.kind, content) {
            (Kind::Palette, alphas) => {
                for (color, alpha) in self.palette.iter_mut().zip(alphas) {
                    let [.., opacity] = color;
                    *opacity = *alpha;
                }
            }
            (Kind::Gray, [_, gray]) => self.transparent = Some([sample(*gray); 3]),
            (Kind::Rgb, [_, red, _, green, _, blue]) => {
                self.transparent = Some([*red, *green, *blue].map(sample));
            }
            _ => return Err(PngError::Malformed),
        }
        Ok(())
    }

    /// Returns the compressed data, in the format of zlib (RFC 1950).
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Returns the length of the inflated data: at most 40,100 bytes.
    #[must_use]
    pub fn inflated_bytes(&self) -> usize {
        self.row_bytes()
            .saturating_add(1)
            .saturating_mul(self.height)
    }

    fn row_bytes(&self) -> usize {
        self.width
            .saturating_mul(self.kind.samples())
            .saturating_mul(self.bit_depth.bits())
            .div_ceil(8)
    }

    /// Reads the pixels from the inflated data.
    ///
    /// # Errors
    /// If they are too short, or have an unknown filter or a color that is not in the palette.
    pub fn pixels(&self, inflated: &[u8]) -> Result<Pixels, PngError> {
        let row_bytes = self.row_bytes();
        // The distance to the sample on the left, in bytes.
        let step = self.kind.samples();
        let mut rgba = Vec::with_capacity(self.width.saturating_mul(self.height));
        let mut above = vec![0; row_bytes];
        let mut rows = inflated.chunks_exact(row_bytes.saturating_add(1));
        for _ in 0..self.height {
            let (filter, row) = rows
                .next()
                .and_then(<[u8]>::split_first)
                .ok_or(PngError::Malformed)?;
            let row = filter::undo(*filter, row, &above, step)?;
            self.read_row(&row, &mut rgba)?;
            above = row;
        }
        Pixels::new(self.width, self.height, rgba).ok_or(PngError::Malformed)
    }

    fn read_row(&self, row: &[u8], rgba: &mut Vec<[u8; 4]>) -> Result<(), PngError> {
        let opacity = |color: [u8; 3]| {
            if Some(color) == self.transparent {
                0
            } else {
                255
            }
        };
        let samples = self.bit_depth.samples(row).take(self.width);
        match self.kind {
            Kind::Gray => rgba.extend(samples.map(|sample| {
                let gray = self.bit_depth.gray(sample);
                [gray, gray, gray, opacity([sample; 3])]
            })),
            Kind::Palette => {
                for index in samples {
                    let color = self.palette.get(usize::from(index));
                    rgba.push(*color.ok_or(PngError::Malformed)?);
                }
            }
            Kind::GrayAlpha => rgba.extend(
                row.as_chunks::<2>()
                    .0
                    .iter()
                    .map(|[gray, alpha]| [*gray, *gray, *gray, *alpha]),
            ),
            Kind::Rgb => rgba.extend(row.as_chunks::<3>().0.iter().map(|color| {
                let [red, green, blue] = *color;
                [red, green, blue, opacity(*color)]
            })),
            Kind::Rgba => rgba.extend(row.as_chunks::<4>().0),
        }
        Ok(())
    }
}

/// Reads the width or the height.
fn side(bytes: [u8; 4]) -> Result<usize, PngError> {
    let side = usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
    match side {
        0 => Err(PngError::Malformed),
        1..=MAX_SIDE => Ok(side),
        _ => Err(PngError::TooLarge),
    }
}

/// Returns the name and content of the next chunk.
fn next_chunk<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8; 4], &'a [u8]), PngError> {
    let malformed = PngError::Malformed;
    let (length, after) = rest.split_first_chunk::<4>().ok_or(malformed)?;
    let (name, after) = after.split_first_chunk::<4>().ok_or(malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| malformed)?;
    let (content, after) = after.split_at_checked(length).ok_or(malformed)?;
    let (_checksum, after) = after.split_first_chunk::<4>().ok_or(malformed)?;
    *rest = after;
    Ok((name, content))
}

fn palette(content: &[u8]) -> Result<Vec<[u8; 4]>, PngError> {
    let (colors, remainder) = content.as_chunks::<3>();
    if !(1..=256).contains(&colors.len()) || !remainder.is_empty() {
        return Err(PngError::Malformed);
    }
    let opaque = |[red, green, blue]: &[u8; 3]| [*red, *green, *blue, 255];
    Ok(colors.iter().map(opaque).collect())
}

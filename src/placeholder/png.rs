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

#[cfg(test)]
mod tests {
    use super::*;

    /// Checksums are not read.
    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[..], name, content, b"????"].concat()
    }

    fn header(width: u32, height: u32, form: [u8; 5]) -> Vec<u8> {
        let sides = [width, height].map(u32::to_be_bytes).concat();
        chunk(b"IHDR", &[&sides[..], &form].concat())
    }

    /// A PNG of this size, color type and bit depth.
    fn file(size: (u32, u32), color_type: u8, bit_depth: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
        let header = header(size.0, size.1, [bit_depth, color_type, 0, 0, 0]);
        let end = [chunk(b"IDAT", b"z"), chunk(b"IEND", b"")];
        [&SIGNATURE[..], &header, &chunks.concat(), &end.concat()].concat()
    }

    /// Returns the pixels of one row.
    fn row(
        width: u32,
        color_type: u8,
        bit_depth: u8,
        chunks: &[Vec<u8>],
        row: &[u8],
    ) -> Result<Vec<[u8; 4]>, PngError> {
        let png = Png::parse(&file((width, 1), color_type, bit_depth, chunks))?;
        let pixels = png.pixels(&[&[0], row].concat())?;
        Ok(pixels.rgba().to_vec())
    }

    fn gray(values: &[u8]) -> Vec<[u8; 4]> {
        values
            .iter()
            .map(|gray| [*gray, *gray, *gray, 255])
            .collect()
    }

    const RED: [u8; 4] = [255, 0, 0, 255];
    const GREEN: [u8; 4] = [0, 255, 0, 255];

    fn red_and_green() -> Vec<u8> {
        chunk(b"PLTE", &[255, 0, 0, 0, 255, 0])
    }

    #[test]
    fn gray_of_any_depth_is_scaled_to_8_bits() {
        let read = |width, bit_depth, bytes: &[u8]| row(width, 0, bit_depth, &[], bytes);
        assert_eq!(read(3, 1, &[0b1010_0000]), Ok(gray(&[255, 0, 255])));
        assert_eq!(
            read(9, 1, &[1, 128]),
            Ok(gray(&[0, 0, 0, 0, 0, 0, 0, 255, 255]))
        );
        assert_eq!(read(4, 2, &[0b0001_1011]), Ok(gray(&[0, 85, 170, 255])));
        assert_eq!(read(3, 4, &[0x0f, 0x80]), Ok(gray(&[0, 255, 136])));
        assert_eq!(read(2, 8, &[7, 200]), Ok(gray(&[7, 200])));
    }

    #[test]
    fn a_color_type_has_its_samples() {
        assert_eq!(
            row(2, 2, 8, &[], &[1, 2, 3, 4, 5, 6]),
            Ok(vec![[1, 2, 3, 255], [4, 5, 6, 255]])
        );
        assert_eq!(
            row(2, 4, 8, &[], &[1, 2, 3, 4]),
            Ok(vec![[1, 1, 1, 2], [3, 3, 3, 4]])
        );
        assert_eq!(row(1, 6, 8, &[], &[1, 2, 3, 4]), Ok(vec![[1, 2, 3, 4]]));
    }

    #[test]
    fn a_palette_has_indices_of_any_depth() {
        let palette = [red_and_green()];
        for (bit_depth, bytes) in [
            (1, &[0b0100_0000][..]),
            (2, &[0b0001_0000]),
            (4, &[0x01]),
            (8, &[0, 1]),
        ] {
            assert_eq!(
                row(2, 3, bit_depth, &palette, bytes),
                Ok(vec![RED, GREEN]),
                "{bit_depth} bits"
            );
        }
    }

    #[test]
    fn a_color_that_is_not_in_the_palette_is_malformed() {
        let malformed = Err(PngError::Malformed);
        assert_eq!(row(1, 3, 8, &[red_and_green()], &[2]), malformed);
        assert_eq!(row(1, 3, 2, &[red_and_green()], &[0b1000_0000]), malformed);
        assert_eq!(row(1, 3, 8, &[], &[0]), malformed);
        // The unused bits of the last byte are not an index.
        assert_eq!(
            row(1, 3, 2, &[red_and_green()], &[0b0011_1111]),
            Ok(vec![RED])
        );
    }

    #[test]
    fn a_palette_is_of_1_to_256_colors() {
        for (length, is_valid) in [
            (0, false),
            (1, false),
            (3, true),
            (4, false),
            (768, true),
            (771, false),
        ] {
            let palette = [chunk(b"PLTE", &vec![9; length])];
            let parsed = Png::parse(&file((1, 1), 3, 8, &palette));
            assert_eq!(parsed.is_ok(), is_valid, "{length} bytes");
        }
    }

    #[test]
    fn a_palette_can_be_transparent_in_part() {
        let transparency =
            |alphas: &[u8]| row(2, 3, 8, &[red_and_green(), chunk(b"tRNS", alphas)], &[0, 1]);
        let faint = [255, 0, 0, 7];
        assert_eq!(transparency(&[]), Ok(vec![RED, GREEN]));
        assert_eq!(transparency(&[7]), Ok(vec![faint, GREEN]));
        assert_eq!(transparency(&[7, 255, 3]), Ok(vec![faint, GREEN]));
    }

    #[test]
    fn one_value_of_gray_or_one_color_can_be_transparent() {
        let transparent = |gray: u8| vec![[gray, gray, gray, 0]];
        let read = |bit_depth, value: [u8; 2], byte| {
            row(1, 0, bit_depth, &[chunk(b"tRNS", &value)], &[byte])
        };
        assert_eq!(read(1, [0, 1], 128), Ok(transparent(255)));
        assert_eq!(read(2, [0, 2], 0b1000_0000), Ok(transparent(170)));
        assert_eq!(read(4, [0, 8], 0x80), Ok(transparent(136)));
        assert_eq!(read(8, [0, 8], 8), Ok(transparent(8)));
        assert_eq!(read(8, [0, 8], 9), Ok(gray(&[9])));
        // Bits above those of a sample are ignored.
        assert_eq!(read(4, [1, 0xf8], 0x80), Ok(transparent(136)));

        let color = [chunk(b"tRNS", &[0, 1, 0, 2, 9, 3])];
        assert_eq!(
            row(2, 2, 8, &color, &[1, 2, 3, 3, 2, 1]),
            Ok(vec![[1, 2, 3, 0], [3, 2, 1, 255]])
        );
    }

    #[test]
    fn transparency_of_another_color_type_or_length_is_malformed() {
        for (color_type, length) in [(0, 1), (0, 3), (2, 2), (2, 7), (4, 2), (6, 6)] {
            let parsed = Png::parse(&file(
                (1, 1),
                color_type,
                8,
                &[chunk(b"tRNS", &vec![0; length])],
            ));
            assert_eq!(
                parsed,
                Err(PngError::Malformed),
                "{color_type}, {length} bytes"
            );
        }
    }

    /// The specification's numbers of a color type and its bit depths.
    #[test]
    fn any_other_form_is_unsupported_or_malformed() {
        for color_type in 0..=8 {
            for bit_depth in 0..=17 {
                let expected = match (color_type, bit_depth) {
                    (0 | 3, 1 | 2 | 4 | 8) | (2 | 4 | 6, 8) => None,
                    (0 | 2 | 4 | 6, 16) => Some(PngError::Unsupported),
                    _ => Some(PngError::Malformed),
                };
                let error = Png::parse(&file((1, 1), color_type, bit_depth, &[])).err();
                assert_eq!(error, expected, "{color_type}, {bit_depth} bits");
            }
        }
        for (methods, expected) in [
            ([0, 0, 1], PngError::Unsupported),
            ([0, 0, 2], PngError::Malformed),
            ([0, 1, 0], PngError::Malformed),
            ([1, 0, 0], PngError::Malformed),
            ([1, 0, 1], PngError::Malformed),
        ] {
            let [compression, filter, interlace] = methods;
            let header = header(1, 1, [8, 2, compression, filter, interlace]);
            assert_eq!(
                Png::parse(&[&SIGNATURE[..], &header].concat()),
                Err(expected),
                "{methods:?}"
            );
        }
    }

    #[test]
    fn a_side_is_of_1_to_100_pixels() {
        for (side, expected) in [
            (0, Some(PngError::Malformed)),
            (1, None),
            (100, None),
            (101, Some(PngError::TooLarge)),
            (u32::MAX, Some(PngError::TooLarge)),
        ] {
            for size in [(side, 1), (1, side)] {
                assert_eq!(
                    Png::parse(&file(size, 6, 8, &[])).err(),
                    expected,
                    "{size:?}"
                );
            }
        }
    }

    #[test]
    fn the_inflated_data_have_at_most_40_100_bytes() {
        for (size, color_type, bit_depth, bytes) in [
            ((100, 100), 6, 8, 40_100),
            ((100, 100), 2, 8, 30_100),
            ((1, 1), 0, 1, 2),
            ((9, 2), 3, 1, 6),
            ((5, 2), 0, 2, 6),
            ((3, 3), 0, 4, 9),
        ] {
            let png = Png::parse(&file(size, color_type, bit_depth, &[])).unwrap();
            assert_eq!(png.inflated_bytes(), bytes, "{size:?}");
        }
    }

    #[test]
    fn a_row_is_filtered_by_the_pixels_on_the_left_and_above() {
        let png = Png::parse(&file((3, 2), 4, 8, &[])).unwrap();
        let first = [0, 10, 20, 12, 200, 13, 196];
        for (filter, expected) in [
            (0, [1, 2, 3, 4, 5, 6]),
            (1, [1, 2, 4, 6, 9, 12]),
            (2, [11, 22, 15, 204, 18, 202]),
            // Half of the sum, which may be more than 255, rounded down.
            (3, [6, 12, 12, 110, 17, 159]),
            // Four values from above, then one from the left and one from the diagonal.
            (4, [11, 22, 15, 204, 20, 206]),
        ] {
            let inflated = [&first[..], &[filter, 1, 2, 3, 4, 5, 6]].concat();
            let pixels = png.pixels(&inflated).unwrap();
            let values: Vec<u8> = pixels.rgba()[3..]
                .iter()
                .flat_map(|[gray, .., alpha]| [*gray, *alpha])
                .collect();
            assert_eq!(values, expected, "filter {filter}");
        }
        for filter in 5..=255 {
            let inflated = [&first[..], &[filter, 1, 2, 3, 4, 5, 6]].concat();
            assert_eq!(
                png.pixels(&inflated),
                Err(PngError::Malformed),
                "filter {filter}"
            );
        }
    }

    #[test]
    fn inflated_data_that_end_early_are_malformed() {
        let png = Png::parse(&file((2, 2), 2, 8, &[])).unwrap();
        let inflated = [0; 20];
        for length in 0..png.inflated_bytes() {
            assert_eq!(
                png.pixels(&inflated[..length]),
                Err(PngError::Malformed),
                "{length}"
            );
        }
        let whole = png.pixels(&inflated[..14]).unwrap();
        assert_eq!(png.pixels(&inflated), Ok(whole));
    }

    #[test]
    fn the_data_can_be_split_and_be_between_other_chunks() {
        let header = header(1, 1, [8, 0, 0, 0, 0]);
        let chunks = [
            header,
            chunk(b"tEXt", b"a text"),
            chunk(b"IDAT", b"ab"),
            chunk(b"IDAT", b""),
            chunk(b"IDAT", b"c"),
            chunk(b"tIME", b"1234567"),
            chunk(b"IEND", b""),
            b"anything".to_vec(),
        ];
        let png = Png::parse(&[&SIGNATURE[..], &chunks.concat()].concat()).unwrap();
        assert_eq!(png.data(), b"abc");
    }

    #[test]
    fn a_picture_that_ends_anywhere_is_malformed() {
        let palette = [red_and_green(), chunk(b"tRNS", b"7")];
        let whole = file((2, 1), 3, 8, &palette);
        assert!(Png::parse(&whole).is_ok());
        for length in 0..whole.len() {
            let expected = if length < SIGNATURE.len() {
                PngError::NotPng
            } else {
                PngError::Malformed
            };
            assert_eq!(Png::parse(&whole[..length]), Err(expected), "{length}");
        }
    }

    #[test]
    fn a_picture_without_header_or_data_is_malformed() {
        let (header, data, end) = (
            header(1, 1, [8, 0, 0, 0, 0]),
            chunk(b"IDAT", b"z"),
            chunk(b"IEND", b""),
        );
        let short = chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0");
        let long = chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0");
        let renamed = chunk(b"tEXt", &header[8..21]);
        for chunks in [
            [&renamed, &data, &end],
            [&data, &header, &end],
            [&header, &end, &data],
            [&header, &data, &header],
            [&short, &data, &end],
            [&long, &data, &end],
        ] {
            let file = [&SIGNATURE[..], &chunks.map(Vec::as_slice).concat()].concat();
            assert_eq!(Png::parse(&file), Err(PngError::Malformed));
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_malformed() {
        let whole = file((1, 1), 0, 8, &[]);
        let data_length = SIGNATURE.len() + 25;
        assert_eq!(whole[data_length + 4..][..4], *b"IDAT");
        for length in [0, 2, 13, 17, 18, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut file = whole.clone();
            file[data_length..][..4].copy_from_slice(&length.to_be_bytes());
            assert_eq!(Png::parse(&file), Err(PngError::Malformed), "{length}");
        }
    }

    #[test]
    fn a_picture_has_at_most_64_chunks_after_the_header() {
        let with =
            |empty: usize| Png::parse(&file((1, 1), 0, 8, &vec![chunk(b"tEXt", b""); empty]));
        assert!(with(62).is_ok());
        assert_eq!(with(63), Err(PngError::Malformed));
    }

    #[test]
    fn a_picture_has_at_most_64_kib() {
        let overhead = file((1, 1), 0, 8, &[chunk(b"tEXt", b"")]).len();
        let with = |bytes: usize| {
            let file = file((1, 1), 0, 8, &[chunk(b"tEXt", &vec![0; bytes - overhead])]);
            assert_eq!(file.len(), bytes);
            Png::parse(&file)
        };
        assert!(with(MAX_BYTES).is_ok());
        assert_eq!(with(MAX_BYTES + 1), Err(PngError::TooLarge));
    }

    #[test]
    fn other_files_are_not_a_png() {
        for bytes in [
            &b""[..],
            b"GIF89a",
            b"\xff\xd8\xff\xe0",
            b"<html>",
            &SIGNATURE[..7],
        ] {
            assert_eq!(Png::parse(bytes), Err(PngError::NotPng));
        }
    }
}

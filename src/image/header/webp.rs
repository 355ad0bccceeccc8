//! WebP (<https://developers.google.com/speed/webp/docs/riff_container>).

use std::num::{NonZeroU8, NonZeroU32};

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::exif::Exif;
use super::outcome::{Header, Stop};
use crate::image::metadata::{ColorSpace, Dimensions, Format, Traits};

/// Where the first chunk begins.
const FIRST_CHUNK: u64 = 12;

const ANIMATION: u8 = 0x02;
const PROFILE: u8 = 0x20;
const EXIF: u8 = 0x08;
const ALPHA: u8 = 0x10;

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let data = FIRST_CHUNK.saturating_add(8);
    let chunk = file.slice(data, file.u32_le(FIRST_CHUNK.saturating_add(4))?.into())?;
    match &file.array(FIRST_CHUNK)? {
        b"VP8 " => lossy(chunk),
        b"VP8L" => lossless(chunk),
        b"VP8X" => extended(file, chunk),
        _ => Err(ImageError::Malformed.into()),
    }
}

fn lossy(chunk: ByteRange<'_>) -> Result<Header, Stop> {
    let is_key_frame = chunk.u8(0)? & 1 == 0;
    if !is_key_frame || chunk.bytes(3, 3)? != [0x9d, 0x01, 0x2a] {
        return Err(ImageError::Malformed.into());
    }
    // The upper two bits are a scale, which decoders ignore.
    let side = |at| Ok::<_, Stop>(u32::from(chunk.u16_le(at)? & 0x3fff));
    Header::new(Format::Webp, (side(6)?, side(8)?), traits(false, false))
}

fn lossless(chunk: ByteRange<'_>) -> Result<Header, Stop> {
    let packed = chunk.u32_le(1)?;
    if chunk.u8(0)? != 0x2f || packed >> 29 != 0 {
        return Err(ImageError::Malformed.into());
    }
    let side = |bits: u32| (bits & 0x3fff).saturating_add(1);
    let has_alpha = packed >> 28 & 1 == 1;
    let size = (side(packed), side(packed >> 14));
    Header::new(Format::Webp, size, traits(has_alpha, false))
}

fn extended(file: ByteRange<'_>, chunk: ByteRange<'_>) -> Result<Header, Stop> {
    let flags = chunk.u8(0)?;
    let side = |at| Ok::<_, Stop>(chunk.u24_le(at)?.saturating_add(1));
    let size = (side(4)?, side(7)?);
    let (has_exif, animated) = (flags & EXIF != 0, flags & ANIMATION != 0);
    let mut chunks = Chunks::default();
    let outcome = chunks.read(file, animated, Dimensions::new(size.0, size.1));
    // The Exif block follows the pixels. One that the flags do not announce does not count.
    let is_complete = if has_exif {
        file.within_reach(outcome)?.is_some()
    } else {
        outcome.is_ok()
    };
    let traits = Traits {
        orientation: chunks.exif.orientation().filter(|_| has_exif),
        frames: NonZeroU32::new(chunks.frames).filter(|_| animated && is_complete),
        density: chunks.exif.density().filter(|_| has_exif),
        has_profile: Some(flags & PROFILE != 0),
        ..traits(flags & ALPHA != 0, animated)
    };
    Ok(Header {
        is_certain: !chunks.contradicts && (is_complete || !has_exif || chunks.exif.is_seen()),
        ..Header::new(Format::Webp, size, traits)?
    })
}

fn traits(has_alpha: bool, animated: bool) -> Traits {
    Traits {
        has_alpha: Some(has_alpha),
        animated: Some(animated),
        bit_depth: NonZeroU8::new(8),
        color_space: Some(ColorSpace::Rgb),
        // Only an extended header can announce a profile.
        has_profile: Some(false),
        ..Traits::default()
    }
}

/// The chunks after the header.
#[derive(Default)]
struct Chunks {
    frames: u32,
    exif: Exif,
    /// `true` if a still image has another size than the canvas.
    contradicts: bool,
}

impl Chunks {
    /// Reads chunks to the end of the file or, of a still image, to its Exif block: later chunks of a still do not
    /// matter.
    fn read(
        &mut self,
        file: ByteRange<'_>,
        animated: bool,
        canvas: Option<Dimensions>,
    ) -> Result<(), Stop> {
        let end = u64::from(file.u32_le(4)?).saturating_add(8);
        let mut at = FIRST_CHUNK;
        while at.saturating_add(8) <= end {
            let length = u64::from(file.u32_le(at.saturating_add(4))?);
            let data = file.slice(at.saturating_add(8), length)?;
            match &file.array(at)? {
                b"ANMF" => self.frames = self.frames.saturating_add(1),
                b"EXIF" => {
                    self.exif.read(tiff_in(data)?)?;
                    if self.exif.is_seen() && !animated {
                        return Ok(());
                    }
                }
                b"VP8 " => self.compare(canvas, lossy(data)),
                b"VP8L" => self.compare(canvas, lossless(data)),
                _ => {}
            }
            // A chunk of odd length is padded.
            at = at
                .saturating_add(8)
                .saturating_add(length)
                .saturating_add(length & 1);
        }
        // The length in the header counts whole chunks, but some writers leave out the padding of the last one.
        if at > end.saturating_add(1) {
            return Err(ImageError::Malformed.into());
        }
        Ok(())
    }

    fn compare(&mut self, canvas: Option<Dimensions>, still: Result<Header, Stop>) {
        self.contradicts |= still.is_ok_and(|still| Some(still.dimensions) != canvas);
    }
}

/// Returns the Exif block without the marker of a JPEG segment, which some writers put before it.
fn tiff_in(exif: ByteRange<'_>) -> Result<ByteRange<'_>, Stop> {
    exif.rest(if exif.starts_with(b"Exif\0\0")? { 6 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::super::tiff::tests::{density_block, exif_block};
    use super::*;

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let padding = vec![0; data.len() % 2];
        [&name[..], &length, data, &padding].concat()
    }

    fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
        let data = [&b"WEBP"[..], &chunks.concat()].concat();
        chunk(b"RIFF", &data)
    }

    /// Returns an image of 4 by 3 pixels with these flags, and with orientation 6 in its Exif block.
    fn rotated(flags: u8, pixels: usize) -> Vec<u8> {
        riff(&[
            chunk(b"VP8X", &[flags, 0, 0, 0, 3, 0, 0, 2, 0, 0]),
            chunk(b"VP8L", &vec![0; pixels]),
            chunk(b"EXIF", &exif_block(6)),
        ])
    }

    /// Returns the displayed width, and whether it is certain.
    fn width(file: &[u8], most: u64) -> Result<(u32, bool), Stop> {
        let header = read(ByteRange::file(file, most))?;
        Ok((header.dimensions.width(), header.is_certain))
    }

    #[test]
    fn an_exif_block_counts_if_it_is_announced_and_within_reach() {
        assert_eq!(width(&rotated(EXIF, 9), 1_000), Ok((3, true)));
        assert_eq!(width(&rotated(0, 9), 1_000), Ok((4, true)));
        assert_eq!(width(&rotated(EXIF, 5_000)[..100], 1_000), Ok((4, false)));
        let cut = width(&rotated(EXIF, 500)[..100], 1_000);
        assert!(matches!(cut, Err(Stop::NeedMore(missing)) if (500..=600).contains(&missing.to())));
    }

    #[test]
    fn the_first_of_several_exif_blocks_counts() {
        let exif = |orientation| chunk(b"EXIF", &exif_block(orientation));
        for (blocks, expected) in [([6, 1], 3), ([1, 6], 4)] {
            let first = chunk(b"VP8X", &[EXIF, 0, 0, 0, 3, 0, 0, 2, 0, 0]);
            let mut file = riff(&[first, exif(blocks[0]), exif(blocks[1])]);
            assert_eq!(width(&file, 1_000), Ok((expected, true)));
            // An animation is read to its end, to count the frames.
            file[20] |= ANIMATION;
            assert_eq!(width(&file, 1_000), Ok((expected, true)));
        }
    }

    #[test]
    fn a_still_image_is_read_to_its_exif_block_only() {
        let mut file = rotated(EXIF, 9);
        // Some writers include the eight bytes of the RIFF header in its length.
        file[4] += 8;
        assert_eq!(width(&file, 1_000), Ok((3, true)));
    }

    #[test]
    fn the_scale_in_the_upper_bits_of_a_side_is_ignored() {
        let file = riff(&[chunk(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x04\x40\x03\x80")]);
        assert_eq!(width(&file, 1_000), Ok((4, true)));
    }

    #[test]
    fn a_density_and_a_profile_are_those_that_the_header_announces() {
        for (flags, density, has_profile) in [
            (EXIF, Some(240), false),
            (EXIF | PROFILE, Some(240), true),
            (PROFILE, None, true),
            (0, None, false),
        ] {
            let file = riff(&[
                chunk(b"VP8X", &[flags, 0, 0, 0, 3, 0, 0, 2, 0, 0]),
                chunk(b"EXIF", &density_block((240, 1), 2)),
            ]);
            let traits = read(ByteRange::file(&file, 1_000)).unwrap().traits;
            assert_eq!(traits.density.map(|density| density.value()), density);
            assert_eq!(traits.has_profile, Some(has_profile));
        }
        let simple = riff(&[chunk(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x04\0\x03\0")]);
        let traits = read(ByteRange::file(&simple, 1_000)).unwrap().traits;
        assert_eq!(traits.has_profile, Some(false));
    }
}

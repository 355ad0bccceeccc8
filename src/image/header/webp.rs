//! WebP (<https://developers.google.com/speed/webp/docs/riff_container>).

use std::num::{NonZeroU8, NonZeroU32};

use super::byte_range::ByteRange;
use super::exif::Exif;
use super::{Header, ImageError, Stop, header};
use crate::image::metadata::{ColorSpace, Dimensions, Format, Traits};

/// Where the first chunk begins.
const FIRST_CHUNK: u64 = 12;

const ANIMATION: u8 = 0x02;
const EXIF: u8 = 0x08;
const ALPHA: u8 = 0x10;

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let data = FIRST_CHUNK.saturating_add(8);
    let chunk = file.part(data, file.u32_le(FIRST_CHUNK.saturating_add(4))?.into())?;
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
    // The upper two bits are how to scale it, which nobody does.
    let side = |at| Ok::<_, Stop>(u32::from(chunk.u16_le(at)? & 0x3fff));
    header(Format::Webp, (side(6)?, side(8)?), traits(false, false))
}

fn lossless(chunk: ByteRange<'_>) -> Result<Header, Stop> {
    let packed = chunk.u32_le(1)?;
    if chunk.u8(0)? != 0x2f || packed >> 29 != 0 {
        return Err(ImageError::Malformed.into());
    }
    let side = |bits: u32| (bits & 0x3fff).saturating_add(1);
    let has_alpha = packed >> 28 & 1 == 1;
    let size = (side(packed), side(packed >> 14));
    header(Format::Webp, size, traits(has_alpha, false))
}

fn extended(file: ByteRange<'_>, chunk: ByteRange<'_>) -> Result<Header, Stop> {
    let flags = chunk.u8(0)?;
    let side = |at| Ok::<_, Stop>(chunk.u24_le(at)?.saturating_add(1));
    let size = (side(4)?, side(7)?);
    let (has_exif, animated) = (flags & EXIF != 0, flags & ANIMATION != 0);
    let mut behind = Behind::default();
    let walked = behind.read(file, animated, Dimensions::new(size.0, size.1));
    // An Exif block stands behind the pixels. One that was not announced does not count.
    let is_complete = if has_exif {
        file.within_reach(walked)?.is_some()
    } else {
        walked.is_ok()
    };
    let traits = Traits {
        orientation: behind.exif.orientation().filter(|_| has_exif),
        frames: NonZeroU32::new(behind.frames).filter(|_| animated && is_complete),
        ..traits(flags & ALPHA != 0, animated)
    };
    let header = header(Format::Webp, size, traits)?;
    Ok(Header {
        is_certain: !behind.contradicts && (is_complete || !has_exif || behind.exif.is_seen()),
        ..header
    })
}

fn traits(has_alpha: bool, animated: bool) -> Traits {
    Traits {
        has_alpha: Some(has_alpha),
        animated: Some(animated),
        bit_depth: NonZeroU8::new(8),
        color_space: Some(ColorSpace::Rgb),
        ..Traits::default()
    }
}

/// What stands behind the header, and can only be told from the whole file.
#[derive(Default)]
struct Behind {
    frames: u32,
    exif: Exif,
    /// Whether a still has another size than the canvas.
    contradicts: bool,
}

impl Behind {
    /// As far as it takes: there may be more frames behind an Exif block, but no other block that counts.
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
            let data = file.part(at.saturating_add(8), length)?;
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
        // The length of the file counts whole chunks; some writers leave out the last padding.
        if at > end.saturating_add(1) {
            return Err(ImageError::Malformed.into());
        }
        Ok(())
    }

    fn compare(&mut self, canvas: Option<Dimensions>, still: Result<Header, Stop>) {
        self.contradicts |= still.is_ok_and(|still| Some(still.dimensions) != canvas);
    }
}

/// Some writers put the marker of a JPEG segment in front of the Exif block.
fn tiff_in(exif: ByteRange<'_>) -> Result<ByteRange<'_>, Stop> {
    exif.rest(if exif.starts_with(b"Exif\0\0")? { 6 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::super::exif::tests::block;
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

    /// An image of 4 by 3 pixels with these flags, whose Exif block says that it is to be turned.
    fn turned(flags: u8, pixels: usize) -> Vec<u8> {
        riff(&[
            chunk(b"VP8X", &[flags, 0, 0, 0, 3, 0, 0, 2, 0, 0]),
            chunk(b"VP8L", &vec![0; pixels]),
            chunk(b"EXIF", &block(6)),
        ])
    }

    fn told(file: &[u8], most: u64) -> Result<(u32, bool), Stop> {
        let header = read(ByteRange::file(file, most))?;
        Ok((header.dimensions.width(), header.is_certain))
    }

    #[test]
    fn an_exif_block_counts_where_it_is_announced_and_within_reach() {
        assert_eq!(told(&turned(EXIF, 9), 1_000), Ok((3, true)));
        assert_eq!(told(&turned(0, 9), 1_000), Ok((4, true)));
        assert_eq!(told(&turned(EXIF, 5_000)[..100], 1_000), Ok((4, false)));
        let further = told(&turned(EXIF, 500)[..100], 1_000);
        assert!(
            matches!(further, Err(Stop::NeedMore(missing)) if (500..=600).contains(&missing.to()))
        );
    }

    #[test]
    fn the_first_exif_block_counts() {
        let exif = |orientation| chunk(b"EXIF", &block(orientation));
        for (blocks, width) in [([6, 1], 3), ([1, 6], 4)] {
            let first = chunk(b"VP8X", &[EXIF, 0, 0, 0, 3, 0, 0, 2, 0, 0]);
            let mut file = riff(&[first, exif(blocks[0]), exif(blocks[1])]);
            assert_eq!(told(&file, 1_000), Ok((width, true)));
            // All of an animation is read, for its frames.
            file[20] |= ANIMATION;
            assert_eq!(told(&file, 1_000), Ok((width, true)));
        }
    }

    #[test]
    fn nothing_is_awaited_behind_the_exif_block_of_a_still() {
        let mut file = turned(EXIF, 9);
        // Some writers count the eight bytes in front as well.
        file[4] += 8;
        assert_eq!(told(&file, 1_000), Ok((3, true)));
    }

    #[test]
    fn how_to_scale_an_image_is_no_part_of_its_size() {
        let file = riff(&[chunk(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x04\x40\x03\x80")]);
        assert_eq!(told(&file, 1_000), Ok((4, true)));
    }
}

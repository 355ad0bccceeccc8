//! PNG and APNG (<https://www.w3.org/TR/png-3/>).

use std::num::{NonZeroU8, NonZeroU32};

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::exif::Exif;
use super::outcome::{Header, Stop};
use crate::image::crc32::crc32;
use crate::image::density::{Density, Unit};
use crate::image::metadata::{ColorSpace, Format, Traits};

/// Where the first chunk begins, and the second one.
const FIRST_CHUNK: u64 = 8;
const SECOND_CHUNK: u64 = 33;

/// The bytes of a chunk besides its data: length, type and checksum.
const CHUNK_OVERHEAD: u64 = 12;

/// The chunks between the first one and the pixels.
#[derive(Default)]
struct Ancillary {
    transparent: bool,
    frames: Option<NonZeroU32>,
    exif: Exif,
    physical: Option<Density>,
    has_profile: bool,
}

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let first = file.slice(FIRST_CHUNK, CHUNK_OVERHEAD.saturating_add(13))?;
    if first.bytes(0, 8)? != b"\0\0\0\x0dIHDR"
        || first.u32_be(21)? != crc32(first.bytes(4, 17)?)
        || first.bytes(18, 2)? != [0, 0]
        || first.u8(20)? > 1
    {
        return Err(ImageError::Malformed.into());
    }
    let depth = first.u8(16)?;
    let (color_space, transparent, depth) = match (first.u8(17)?, depth) {
        (0, 1 | 2 | 4 | 8 | 16) => (ColorSpace::Gray, false, depth),
        (2, 8 | 16) => (ColorSpace::Rgb, false, depth),
        // The colors of a palette have eight bits, whatever the bits of its indices.
        (3, 1 | 2 | 4 | 8) => (ColorSpace::Rgb, false, 8),
        (4, 8 | 16) => (ColorSpace::Gray, true, depth),
        (6, 8 | 16) => (ColorSpace::Rgb, true, depth),
        _ => return Err(ImageError::Malformed.into()),
    };
    let mut chunks = Ancillary::default();
    let outcome = chunks.read(file);
    let contradicts = matches!(outcome, Err(Stop::Error(_)));
    let is_complete = file.within_reach(outcome)?.is_some();
    let traits = Traits {
        orientation: chunks.exif.orientation(),
        has_alpha: (transparent || chunks.transparent)
            .then_some(true)
            .or(is_complete.then_some(false)),
        animated: (is_complete || chunks.frames.is_some())
            .then_some(chunks.frames.is_some_and(|frames| frames.get() > 1)),
        frames: chunks.frames,
        bit_depth: NonZeroU8::new(depth),
        color_space: Some(color_space),
        density: chunks.exif.density().or(chunks.physical),
        has_profile: (is_complete || chunks.has_profile).then_some(chunks.has_profile),
    };
    let size = (first.u32_be(8)?, first.u32_be(12)?);
    Ok(Header {
        is_certain: !contradicts && (is_complete || chunks.exif.is_seen()),
        ..Header::new(Format::Png, size, traits)?
    })
}

impl Ancillary {
    fn read(&mut self, file: ByteRange<'_>) -> Result<(), Stop> {
        let mut at = SECOND_CHUNK;
        loop {
            let length = u64::from(file.u32_be(at)?);
            let data = file.slice(at.saturating_add(8), length)?;
            match &file.array(at.saturating_add(4))? {
                b"IDAT" => return Ok(()),
                b"IHDR" | b"IEND" => return Err(ImageError::Malformed.into()),
                b"tRNS" => self.transparent = true,
                b"acTL" => self.frames = NonZeroU32::new(data.u32_be(0)?),
                b"iCCP" => self.has_profile = true,
                b"pHYs" if self.physical.is_none() => {
                    self.physical = physical_density(data).unwrap_or_default();
                }
                b"eXIf" => self.exif.read(data)?,
                _ => {}
            }
            at = at.saturating_add(length).saturating_add(CHUNK_OVERHEAD);
        }
    }
}

/// Returns the horizontal density in a `pHYs` chunk. More is never asked for because of it.
fn physical_density(data: ByteRange<'_>) -> Result<Option<Density>, Stop> {
    const METER: u8 = 1;
    if data.u8(8)? != METER {
        return Ok(None);
    }
    Ok(Density::per(Unit::Meter, data.u32_be(0)?, 1))
}

#[cfg(test)]
mod tests {
    use super::super::tiff::tests::{density_block, exif_block};
    use super::*;

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        let body = [&name[..], data].concat();
        let sum = crc32(&body).to_be_bytes();
        [&length[..], &body, &sum].concat()
    }

    fn exif(orientation: u8) -> Vec<u8> {
        chunk(b"eXIf", &exif_block(orientation))
    }

    fn header(chunks: &[Vec<u8>]) -> Header {
        let first = chunk(b"IHDR", b"\0\0\0\x04\0\0\0\x03\x08\x02\0\0\0");
        let file = [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            first,
            chunks.concat(),
            chunk(b"IDAT", b""),
        ];
        let file = file.concat();
        let loaded = file.get(..1_000).unwrap_or(&file);
        read(ByteRange::file(loaded, 1_000)).unwrap()
    }

    /// Returns the displayed width, which is 4 or with swapped sides 3, and whether it is certain.
    fn width(chunks: &[Vec<u8>]) -> (u32, bool) {
        let header = header(chunks);
        (header.dimensions.width(), header.is_certain)
    }

    #[test]
    fn the_first_of_several_exif_blocks_counts() {
        assert_eq!(width(&[]), (4, true));
        assert_eq!(width(&[exif(6), exif(1)]), (3, true));
        assert_eq!(width(&[exif(1), exif(6)]), (4, true));
    }

    #[test]
    fn an_exif_block_counts_if_later_chunks_are_out_of_reach() {
        let text = || chunk(b"tEXt", &[0; 2_000]);
        assert_eq!(width(&[exif(6), text()]), (3, true));
        assert_eq!(width(&[text(), exif(6)]), (4, false));
    }

    #[test]
    fn the_density_is_that_of_the_exif_block_or_else_in_pixels_per_meter() {
        let density = |chunks: &[Vec<u8>]| header(chunks).traits.density.map(Density::value);
        let physical = |x: u32, y: u32, unit: u8| {
            let density = [x, y].map(u32::to_be_bytes).concat();
            chunk(b"pHYs", &[&density[..], &[unit]].concat())
        };
        assert_eq!(density(&[]), None);
        assert_eq!(density(&[physical(11_811, 2_835, 1)]), Some(300));
        assert_eq!(density(&[physical(11_811, 11_811, 0)]), None);
        assert_eq!(density(&[physical(0, 2_835, 1)]), None);
        assert_eq!(density(&[physical(u32::MAX, 1, 1)]), None);
        assert_eq!(density(&[chunk(b"pHYs", &[1; 8])]), None);
        let exif = |unit| chunk(b"eXIf", &density_block((240, 1), unit));
        assert_eq!(density(&[physical(2_835, 2_835, 1), exif(2)]), Some(240));
        assert_eq!(density(&[exif(1), physical(2_835, 2_835, 1)]), Some(72));
    }

    #[test]
    fn a_profile_is_known_once_it_is_found_or_the_pixels_begin() {
        let (profile, far) = (|| chunk(b"iCCP", b"p\0\0"), || chunk(b"tEXt", &[0; 2_000]));
        for (chunks, expected) in [
            (vec![], Some(false)),
            (vec![profile()], Some(true)),
            (vec![profile(), far()], Some(true)),
            (vec![far(), profile()], None),
        ] {
            assert_eq!(header(&chunks).traits.has_profile, expected);
        }
    }
}

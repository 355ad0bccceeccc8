//! WebP (<https://developers.google.com/speed/webp/docs/riff_container>).

use std::num::{NonZeroU8, NonZeroU32};

use super::part::Part;
use super::{Header, NoImage, Stop, exif_orientation, header};
use crate::metadata::{ColorSpace, Format, Orientation, Traits};

/// Where the first chunk begins.
const FIRST_CHUNK: u64 = 12;

const ANIMATION: u8 = 0x02;
const EXIF: u8 = 0x08;
const ALPHA: u8 = 0x10;

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let data = FIRST_CHUNK.saturating_add(8);
    let chunk = file.part(data, file.u32_le(FIRST_CHUNK.saturating_add(4))?.into())?;
    match &file.array(FIRST_CHUNK)? {
        b"VP8 " => lossy(chunk),
        b"VP8L" => lossless(chunk),
        b"VP8X" => extended(file, chunk),
        _ => Err(NoImage::Malformed.into()),
    }
}

fn lossy(chunk: Part<'_>) -> Result<Header, Stop> {
    let is_key_frame = chunk.u8(0)? & 1 == 0;
    if !is_key_frame || chunk.bytes(3, 3)? != [0x9d, 0x01, 0x2a] {
        return Err(NoImage::Malformed.into());
    }
    // The upper two bits are how to scale it, which nobody does.
    let side = |at| Ok::<_, Stop>(u32::from(chunk.u16_le(at)? & 0x3fff));
    header(Format::Webp, (side(6)?, side(8)?), traits(false, false))
}

fn lossless(chunk: Part<'_>) -> Result<Header, Stop> {
    let packed = chunk.u32_le(1)?;
    if chunk.u8(0)? != 0x2f || packed >> 29 != 0 {
        return Err(NoImage::Malformed.into());
    }
    let side = |bits: u32| (bits & 0x3fff).saturating_add(1);
    let has_alpha = packed >> 28 & 1 == 1;
    let size = (side(packed), side(packed >> 14));
    header(Format::Webp, size, traits(has_alpha, false))
}

fn extended(file: Part<'_>, chunk: Part<'_>) -> Result<Header, Stop> {
    let flags = chunk.u8(0)?;
    let side = |at| Ok::<_, Stop>(chunk.u24_le(at)?.saturating_add(1));
    let size = (side(4)?, side(7)?);
    // An Exif block stands behind the pixels. One that was not announced does not count.
    let has_exif = flags & EXIF != 0;
    let behind = if has_exif {
        file.within_reach(Behind::read(file))?
    } else {
        Behind::read(file).ok()
    };
    let is_certain = behind.is_some() || !has_exif;
    let behind = behind.unwrap_or_default();
    let animated = flags & ANIMATION != 0;
    let traits = Traits {
        orientation: behind.orientation.filter(|_| has_exif),
        frames: NonZeroU32::new(behind.frames).filter(|_| animated),
        ..traits(flags & ALPHA != 0, animated)
    };
    let header = header(Format::Webp, size, traits)?;
    Ok(Header {
        is_certain,
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
    orientation: Option<Orientation>,
}

impl Behind {
    fn read(file: Part<'_>) -> Result<Self, Stop> {
        let mut behind = Self::default();
        let end = u64::from(file.u32_le(4)?).saturating_add(8);
        let mut at = FIRST_CHUNK;
        while at.saturating_add(8) <= end {
            let length = u64::from(file.u32_le(at.saturating_add(4))?);
            let data = file.part(at.saturating_add(8), length)?;
            match &file.array(at)? {
                b"ANMF" => behind.frames = behind.frames.saturating_add(1),
                b"EXIF" => behind.orientation = exif_orientation(tiff_in(data)?)?,
                _ => {}
            }
            // A chunk of odd length is padded.
            at = at
                .saturating_add(8)
                .saturating_add(length)
                .saturating_add(length & 1);
        }
        Ok(behind)
    }
}

/// Some writers put the marker of a JPEG segment in front of the Exif block.
fn tiff_in(exif: Part<'_>) -> Result<Part<'_>, Stop> {
    exif.rest(if exif.starts_with(b"Exif\0\0")? { 6 } else { 0 })
}

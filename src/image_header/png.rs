//! PNG and APNG (<https://www.w3.org/TR/png-3/>).

use std::num::{NonZeroU8, NonZeroU32};

use super::part::Part;
use super::{Header, NoImage, Stop, exif_orientation, header};
use crate::metadata::{ColorSpace, Format, Orientation, Traits};

/// Where the first chunk begins.
const FIRST_CHUNK: u64 = 8;

/// What a chunk has beside its data: length, type and checksum.
const AROUND_DATA: u64 = 12;

/// What the chunks between the first one and the pixels tell.
#[derive(Default)]
struct Ancillary {
    transparent: bool,
    frames: Option<NonZeroU32>,
    orientation: Option<Orientation>,
}

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let first = file.part(FIRST_CHUNK, AROUND_DATA.saturating_add(13))?;
    if first.bytes(0, 8)? != b"\0\0\0\x0dIHDR"
        || first.u32_be(21)? != crc32(first.bytes(4, 17)?)
        || first.bytes(18, 2)? != [0, 0]
        || first.u8(20)? > 1
    {
        return Err(NoImage::Malformed.into());
    }
    let depth = first.u8(16)?;
    let (color_space, transparent, depth) = match (first.u8(17)?, depth) {
        (0, 1 | 2 | 4 | 8 | 16) => (ColorSpace::Gray, false, depth),
        (2, 8 | 16) => (ColorSpace::Rgb, false, depth),
        // The colours of a palette have eight bits, whatever its indices have.
        (3, 1 | 2 | 4 | 8) => (ColorSpace::Rgb, false, 8),
        (4, 8 | 16) => (ColorSpace::Gray, true, depth),
        (6, 8 | 16) => (ColorSpace::Rgb, true, depth),
        _ => return Err(NoImage::Malformed.into()),
    };
    let ancillary = file.within_reach(ancillary(file))?;
    let is_certain = ancillary.is_some();
    let told = ancillary.unwrap_or_default();
    let traits = Traits {
        orientation: told.orientation,
        has_alpha: (transparent || told.transparent)
            .then_some(true)
            .or(is_certain.then_some(false)),
        animated: is_certain.then_some(told.frames.is_some_and(|frames| frames.get() > 1)),
        frames: told.frames,
        bit_depth: NonZeroU8::new(depth),
        color_space: Some(color_space),
    };
    let size = (first.u32_be(8)?, first.u32_be(12)?);
    let header = header(Format::Png, size, traits)?;
    Ok(Header {
        is_certain,
        ..header
    })
}

fn ancillary(file: Part<'_>) -> Result<Ancillary, Stop> {
    let mut told = Ancillary::default();
    let mut at = FIRST_CHUNK;
    loop {
        let length = u64::from(file.u32_be(at)?);
        let data = file.part(at.saturating_add(8), length)?;
        match &file.array(at.saturating_add(4))? {
            b"IDAT" => return Ok(told),
            b"IEND" => return Err(NoImage::Malformed.into()),
            b"tRNS" => told.transparent = true,
            b"acTL" => told.frames = NonZeroU32::new(data.u32_be(0)?),
            b"eXIf" => told.orientation = exif_orientation(data)?,
            _ => {}
        }
        at = at.saturating_add(length).saturating_add(AROUND_DATA);
    }
}

/// The checksum of a chunk's type and data. A handful of bytes are summed, once: no table pays for itself.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            crc = (crc >> 1) ^ carry;
        }
    }
    !crc
}

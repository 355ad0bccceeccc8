//! The brands of a HEIF file, in its `ftyp` box (ISO/IEC 14496-12, 4.3).

use super::super::byte_range::ByteRange;
use super::super::error::ImageError;
use super::super::isobmff::find;
use super::super::outcome::Stop;
use crate::image::metadata::Format;

pub(super) struct Brands {
    /// `None` for a generic HEIF file, whose format is that of its items.
    pub(super) format: Option<Format>,
    /// `true` if the file is a sequence of pictures.
    pub(super) is_sequence: bool,
}

impl Brands {
    pub(super) fn read(file: ByteRange<'_>) -> Result<Self, Stop> {
        let list = find(file, 0, b"ftyp")?.ok_or(ImageError::Malformed)?;
        let mut brands = Self {
            format: None,
            is_sequence: false,
        };
        let mut is_heif = false;
        let mut at = 0;
        while !list.ends_by(at) {
            let format = match &list.array(at)? {
                b"avif" | b"avis" => Some(Format::Avif),
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
                    Some(Format::Heic)
                }
                b"mif1" | b"mif2" | b"miaf" | b"msf1" => {
                    is_heif = true;
                    None
                }
                _ => None,
            };
            // The first one is the major brand.
            if at == 0 {
                brands.is_sequence =
                    matches!(&list.array(0)?, b"avis" | b"hevc" | b"hevx" | b"msf1");
            }
            brands.format = brands.format.or(format);
            // A version follows the major brand.
            at = at.saturating_add(if at == 0 { 8 } else { 4 });
        }
        if brands.format.is_none() && !is_heif {
            // A video, or another kind of file that consists of boxes.
            return Err(ImageError::Unknown.into());
        }
        Ok(brands)
    }
}

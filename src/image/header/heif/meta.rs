//! The `meta` box of a HEIF file, which describes its pictures (ISO/IEC 14496-12, 8.11).

use super::super::byte_range::ByteRange;
use super::super::error::ImageError;
use super::super::isobmff::{Box, VERSIONED, boxes, item_id};
use super::super::outcome::Stop;
use crate::image::metadata::Format;

/// Maximum number of auxiliary pictures of a picture; a file with more is malformed. One or two are usual.
const MAX_AUXILIARIES: usize = 16;

pub(super) struct Meta<'a> {
    primary_item: Option<ByteRange<'a>>,
    items: Option<ByteRange<'a>>,
    pub(super) properties: ByteRange<'a>,
    references: Option<ByteRange<'a>>,
}

impl<'a> Meta<'a> {
    /// Finds the boxes in `meta`. The first box of a kind counts. The headers of all boxes must be loaded, since a
    /// missing box changes the meaning of the others.
    pub(super) fn read(meta: ByteRange<'a>) -> Result<Self, Stop> {
        let (mut primary_item, mut items, mut properties, mut references) =
            (None, None, None, None);
        for found in boxes(meta, VERSIONED) {
            let Box { kind, body } = found?;
            let place = match &kind {
                b"pitm" => &mut primary_item,
                b"iinf" => &mut items,
                b"iprp" => &mut properties,
                b"iref" => &mut references,
                _ => continue,
            };
            place.get_or_insert(body);
        }
        Ok(Self {
            primary_item,
            items,
            properties: properties.ok_or(ImageError::Malformed)?,
            references,
        })
    }

    /// Returns the ID of the primary picture.
    pub(super) fn primary(&self) -> Result<u32, Stop> {
        let item = self.primary_item.ok_or(ImageError::Malformed)?;
        item_id(item, VERSIONED, item.u8(0)? == 0)
    }

    /// Returns the format of the pictures, by the type of the first item that is coded in AV1 or HEVC.
    pub(super) fn format(&self) -> Result<Option<Format>, Stop> {
        let items = self.items.ok_or(ImageError::Malformed)?;
        let first = if items.u8(0)? == 0 { 6 } else { 8 };
        for item in boxes(items, first) {
            let Box { body, .. } = item?;
            let kind = if body.u8(0)? == 2 { 8 } else { 10 };
            match &body.array(kind)? {
                b"av01" => return Ok(Some(Format::Avif)),
                b"hvc1" => return Ok(Some(Format::Heic)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Adds the IDs of a picture's auxiliary pictures to `auxiliaries`. After an error, those before it have been
    /// added.
    pub(super) fn auxiliaries(&self, picture: u32, auxiliaries: &mut Vec<u32>) -> Result<(), Stop> {
        let Some(references) = self.references else {
            return Ok(());
        };
        let short_ids = references.u8(0)? == 0;
        let length = if short_ids { 2 } else { 4 };
        for reference in boxes(references, VERSIONED) {
            let Box { kind, body } = reference?;
            if kind != *b"auxl" {
                continue;
            }
            let auxiliary = item_id(body, 0, short_ids)?;
            for n in 0..u64::from(body.u16_be(length)?) {
                let at = length.saturating_mul(n.saturating_add(1)).saturating_add(2);
                if item_id(body, at, short_ids)? == picture && !auxiliaries.contains(&auxiliary) {
                    if auxiliaries.len() == MAX_AUXILIARIES {
                        return Err(ImageError::Malformed.into());
                    }
                    auxiliaries.push(auxiliary);
                }
            }
        }
        Ok(())
    }
}

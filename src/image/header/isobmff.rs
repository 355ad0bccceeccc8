//! Boxes of the ISO base media file format (ISO/IEC 14496-12).

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::Stop;

#[derive(Clone, Copy)]
pub(super) struct Box<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: ByteRange<'a>,
}

/// Where the boxes begin in a box that has a version and flags first.
pub(super) const VERSIONED: u64 = 4;

/// An iterator over consecutive boxes.
pub(super) struct Boxes<'a> {
    range: ByteRange<'a>,
    at: u64,
}

/// Returns the boxes in `range` from `at` to its end.
pub(super) fn boxes(range: ByteRange<'_>, at: u64) -> Boxes<'_> {
    Boxes { range, at }
}

/// Returns the body of the first box of a kind in `range`, searching from `at`.
pub(super) fn find<'a>(
    range: ByteRange<'a>,
    at: u64,
    kind: &[u8; 4],
) -> Result<Option<ByteRange<'a>>, Stop> {
    for found in boxes(range, at) {
        let found = found?;
        if found.kind == *kind {
            return Ok(Some(found.body));
        }
    }
    Ok(None)
}

/// Reads the ID of an item, of 16 bits if `is_short` or else of 32.
pub(super) fn item_id(range: ByteRange<'_>, at: u64, is_short: bool) -> Result<u32, Stop> {
    if is_short {
        range.u16_be(at).map(u32::from)
    } else {
        range.u32_be(at)
    }
}

impl<'a> Boxes<'a> {
    fn read(&mut self) -> Result<Box<'a>, Stop> {
        let (range, at) = (self.range, self.at);
        let kind = range.array(at.saturating_add(4))?;
        let (header, length) = match range.u32_be(at)? {
            // The box extends to the end of the range.
            0 => (8, None),
            1 => (16, Some(range.u64_be(at.saturating_add(8))?)),
            length => (8, Some(u64::from(length))),
        };
        let body = at.saturating_add(header);
        let body = match length {
            None => range.rest(body)?,
            Some(length) => {
                self.at = at.saturating_add(length);
                let length = length.checked_sub(header).ok_or(ImageError::Malformed)?;
                return Ok(Box {
                    kind,
                    body: range.slice(body, length)?,
                });
            }
        };
        self.at = u64::MAX;
        Ok(Box { kind, body })
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Box<'a>, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.range.ends_by(self.at) {
            return None;
        }
        let found = self.read();
        if found.is_err() {
            // Where the next box begins is unknown.
            self.at = u64::MAX;
        }
        Some(found)
    }
}

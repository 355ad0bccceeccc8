//! Boxes, of which an ISO base media file is made (ISO/IEC 14496-12).

use super::byte_range::ByteRange;
use super::{ImageError, Stop};

/// One box: what it is, and what it holds.
#[derive(Clone, Copy)]
pub(super) struct Box<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: ByteRange<'a>,
}

/// The boxes that a part consists of, one after the other.
pub(super) struct Boxes<'a> {
    part: ByteRange<'a>,
    at: u64,
}

/// The boxes that stand in `part` from `at` on.
pub(super) fn boxes(part: ByteRange<'_>, at: u64) -> Boxes<'_> {
    Boxes { part, at }
}

/// The body of the first box of a kind.
pub(super) fn find<'a>(
    part: ByteRange<'a>,
    at: u64,
    kind: &[u8; 4],
) -> Result<Option<ByteRange<'a>>, Stop> {
    for found in boxes(part, at) {
        let found = found?;
        if found.kind == *kind {
            return Ok(Some(found.body));
        }
    }
    Ok(None)
}

impl<'a> Boxes<'a> {
    fn read(&mut self) -> Result<Box<'a>, Stop> {
        let (part, at) = (self.part, self.at);
        let kind = part.array(at.saturating_add(4))?;
        let (header, length) = match part.u32_be(at)? {
            // It goes on to the end.
            0 => (8, None),
            1 => (16, Some(part.u64_be(at.saturating_add(8))?)),
            length => (8, Some(u64::from(length))),
        };
        let body = at.saturating_add(header);
        let body = match length {
            None => part.rest(body)?,
            Some(length) => {
                self.at = at.saturating_add(length);
                let length = length.checked_sub(header).ok_or(ImageError::Malformed)?;
                return Ok(Box {
                    kind,
                    body: part.part(body, length)?,
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
        if self.part.ends_by(self.at) {
            return None;
        }
        let found = self.read();
        if found.is_err() {
            // What follows a box that cannot be read is unknown.
            self.at = u64::MAX;
        }
        Some(found)
    }
}

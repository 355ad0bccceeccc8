//! Bits, the lowest of each byte first.

use super::byte_range::ByteRange;
use super::{ImageError, Stop};

/// A place among the bits of some bytes.
pub(super) struct Bits<'a> {
    part: ByteRange<'a>,
    /// How many bits have been read, and the byte that the last one is in: each byte is looked at once.
    read: u64,
    byte: u32,
}

/// A number in one of four ways, each of so many bits and an offset.
pub(super) type Choices = [(u32, u32); 4];

impl<'a> Bits<'a> {
    pub(super) fn new(part: ByteRange<'a>) -> Self {
        Self {
            part,
            read: 0,
            byte: 0,
        }
    }

    /// The next bits as a number, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Stop> {
        let mut number = 0;
        for n in 0..count {
            if self.read.is_multiple_of(8) {
                self.byte = self.part.u8(self.read / 8)?.into();
            }
            let bit = self.byte >> (self.read % 8) & 1;
            number |= bit.checked_shl(n).unwrap_or_default();
            self.read = self.read.saturating_add(1);
        }
        Ok(number)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Stop> {
        Ok(self.take(1)? == 1)
    }

    /// Two bits say which of four ways a number is written in.
    pub(super) fn choice(&mut self, choices: Choices) -> Result<u32, Stop> {
        let way = usize::try_from(self.take(2)?).unwrap_or_default();
        let (bits, offset) = choices.get(way).copied().ok_or(ImageError::Malformed)?;
        Ok(self.take(bits)?.saturating_add(offset))
    }
}

//! Reads bits, starting with the lowest of each byte.

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::Stop;

pub(super) struct Bits<'a> {
    range: ByteRange<'a>,
    /// How many bits have been read.
    read: u64,
    /// The byte of the last bit: each byte is loaded once.
    byte: u32,
}

/// The four encodings of a number: how many bits to read, and what to add (`U32` of ISO/IEC 18181-1).
pub(super) type Choices = [(u32, u32); 4];

impl<'a> Bits<'a> {
    pub(super) fn new(range: ByteRange<'a>) -> Self {
        Self {
            range,
            read: 0,
            byte: 0,
        }
    }

    /// Reads up to 32 bits as a number.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Stop> {
        let mut number = 0;
        for n in 0..count {
            if self.read.is_multiple_of(8) {
                self.byte = self.range.u8(self.read / 8)?.into();
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

    /// Reads a number in one of four encodings, which the first two bits select.
    pub(super) fn choice(&mut self, choices: Choices) -> Result<u32, Stop> {
        let index = usize::try_from(self.take(2)?).unwrap_or_default();
        let (bits, offset) = choices.get(index).copied().ok_or(ImageError::Malformed)?;
        Ok(self.take(bits)?.saturating_add(offset))
    }
}

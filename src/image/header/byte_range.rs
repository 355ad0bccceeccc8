//! Byte ranges of a file of which only some parts are loaded.

use super::error::ImageError;
use super::outcome::{Missing, Stop};
use super::steps;

/// Bytes of a file that were loaded apart from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// Offset of the first byte.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The loaded bytes of a file.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// The beginning.
    pub(super) bytes: &'a [u8],
    pub(super) windows: &'a [Window],
    /// How much of the file may be asked for, in bytes from its beginning.
    pub(super) reach: u64,
}

/// A range of a file, such as a chunk, a segment or a box. Offsets are relative to its first byte.
///
/// Methods that read return [`Stop::NeedMore`] if the bytes are not loaded, and [`ImageError::Malformed`] if they are
/// beyond the end of the range.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteRange<'a> {
    file: &'a File<'a>,
    from: u64,
    to: u64,
}

impl<'a> ByteRange<'a> {
    /// A whole file of unknown length.
    pub(super) fn whole(file: &'a File<'a>) -> Self {
        Self {
            file,
            from: 0,
            to: u64::MAX,
        }
    }

    /// A whole file that begins with `bytes`.
    #[cfg(test)]
    pub(super) fn file(bytes: &'a [u8], reach: u64) -> Self {
        Self::with_windows(bytes, &[], reach)
    }

    #[cfg(test)]
    pub(super) fn with_windows(bytes: &'a [u8], windows: &'a [Window], reach: u64) -> Self {
        Self::whole(Box::leak(Box::new(File {
            bytes,
            windows,
            reach,
        })))
    }

    /// Returns the value that was read, or `None` if it is malformed or out of reach. Use it for everything that a
    /// known size does not depend on.
    ///
    /// # Errors
    /// Only if more of the file is needed, and within reach.
    pub(super) fn within_reach<T>(self, found: Result<T, Stop>) -> Result<Option<T>, Stop> {
        match found {
            Err(Stop::NeedMore(missing)) if missing.to() <= self.file.reach => {
                Err(Stop::NeedMore(missing))
            }
            found => Ok(found.ok()),
        }
    }

    /// Returns a part of the range. Its bytes need not be loaded.
    pub(super) fn slice(self, at: u64, length: u64) -> Result<Self, Stop> {
        steps::add(1);
        let from = self.from.saturating_add(at);
        let to = from.saturating_add(length);
        if to > self.to {
            return Err(ImageError::Malformed.into());
        }
        Ok(Self { from, to, ..self })
    }

    /// Returns the part from `at` to the end. Its bytes need not be loaded.
    pub(super) fn rest(self, at: u64) -> Result<Self, Stop> {
        self.slice(at, self.to.saturating_sub(self.from).saturating_sub(at))
    }

    /// Returns the first `most` bytes, or the whole range if it is shorter. They need not be loaded.
    pub(super) fn first(self, most: u64) -> Self {
        let to = self.to.min(self.from.saturating_add(most));
        Self { to, ..self }
    }

    /// Returns `true` if the range ends at `at` or before.
    pub(super) fn ends_by(self, at: u64) -> bool {
        self.from.saturating_add(at) >= self.to
    }

    pub(super) fn bytes(self, at: u64, length: u64) -> Result<&'a [u8], Stop> {
        let slice = self.slice(at, length)?;
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| slice.contiguous().get(..length));
        steps::add(bytes.map_or(0, <[u8]>::len));
        bytes.ok_or(Stop::NeedMore(Missing::new(slice.from, slice.to)))
    }

    /// Returns the longest run of loaded bytes from the first byte of the range. It may extend beyond the range.
    fn contiguous(self) -> &'a [u8] {
        let after = |bytes: &'a [u8], at: u64| {
            let skipped = usize::try_from(at).unwrap_or(usize::MAX);
            bytes.get(skipped..).unwrap_or_default()
        };
        let mut longest = after(self.file.bytes, self.from);
        for window in self.file.windows {
            let bytes = match self.from.checked_sub(window.at) {
                Some(at) => after(&window.bytes, at),
                None => continue,
            };
            if bytes.len() > longest.len() {
                longest = bytes;
            }
        }
        longest
    }

    pub(super) fn all(self) -> Result<&'a [u8], Stop> {
        self.bytes(0, self.to.saturating_sub(self.from))
    }

    /// Returns the bytes that are loaded, without a gap, from the first one on.
    pub(super) fn available(self) -> &'a [u8] {
        let loaded = self.contiguous();
        let length = usize::try_from(self.to.saturating_sub(self.from));
        let bytes = loaded.get(..length.unwrap_or(usize::MAX)).unwrap_or(loaded);
        steps::add(bytes.len());
        bytes
    }

    pub(super) fn starts_with(self, bytes: &[u8]) -> Result<bool, Stop> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.ends_by(length.saturating_sub(1)) {
            return Ok(false);
        }
        Ok(self.bytes(0, length)? == bytes)
    }

    pub(super) fn array<const N: usize>(self, at: u64) -> Result<[u8; N], Stop> {
        let length = u64::try_from(N).unwrap_or(u64::MAX);
        let bytes = self.bytes(at, length)?;
        bytes.try_into().map_err(|_| ImageError::Malformed.into())
    }

    pub(super) fn u8(self, at: u64) -> Result<u8, Stop> {
        self.array(at).map(|[byte]| byte)
    }

    pub(super) fn u16_be(self, at: u64) -> Result<u16, Stop> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u16_le(self, at: u64) -> Result<u16, Stop> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u24_le(self, at: u64) -> Result<u32, Stop> {
        let [low, middle, high] = self.array(at)?;
        Ok(u32::from_le_bytes([low, middle, high, 0]))
    }

    pub(super) fn u32_be(self, at: u64) -> Result<u32, Stop> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn u32_le(self, at: u64) -> Result<u32, Stop> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64_be(self, at: u64) -> Result<u64, Stop> {
        self.array(at).map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need_more<T>(from: u64, to: u64) -> Result<T, Stop> {
        Err(Stop::NeedMore(Missing::new(from, to)))
    }

    #[test]
    fn bytes_that_are_not_loaded_are_asked_for_and_bytes_beyond_the_range_are_malformed() {
        let file = ByteRange::file(b"0123456789", 100);
        let slice = file.slice(2, 10).unwrap();
        assert_eq!(slice.bytes(0, 8), Ok(&b"23456789"[..]));
        assert_eq!(slice.bytes(0, 9), need_more(2, 11));
        assert_eq!(slice.bytes(9, 1), need_more(11, 12));
        assert_eq!(slice.bytes(0, 11), Err(ImageError::Malformed.into()));
        assert_eq!(slice.u16_be(9), Err(ImageError::Malformed.into()));
        assert_eq!(slice.rest(8).unwrap().all(), need_more(10, 12));
        assert!(slice.rest(11).is_err() && slice.slice(4, 7).is_err());
        assert_eq!(file.bytes(u64::MAX, 2), need_more(u64::MAX, u64::MAX));
        assert_eq!(slice.available(), b"23456789");
        assert_eq!(slice.slice(1, 3).unwrap().available(), b"345");
    }

    #[test]
    fn a_slice_ends_after_its_last_byte() {
        let slice = ByteRange::file(b"0123456789", 100).slice(2, 3).unwrap();
        assert_eq!([2, 3, 4].map(|at| slice.ends_by(at)), [false, true, true]);
        assert_eq!(slice.first(2).all(), Ok(&b"23"[..]));
        assert_eq!(slice.first(9).all(), Ok(&b"234"[..]));
        assert_eq!(slice.starts_with(b"234"), Ok(true));
        assert_eq!(slice.starts_with(b"2345"), Ok(false));
    }

    #[test]
    fn bytes_are_read_from_any_window_that_contains_all_of_them() {
        let window = |at, bytes: &[u8]| Window {
            at,
            bytes: bytes.to_vec(),
        };
        let windows = [
            window(100, b"abcdef"),
            window(104, b"efgh"),
            window(2, b"2"),
        ];
        let file = ByteRange::with_windows(b"0123", &windows, 1_000);
        assert_eq!(file.bytes(1, 3), Ok(&b"123"[..]));
        assert_eq!(file.bytes(102, 4), Ok(&b"cdef"[..]));
        assert_eq!(file.bytes(104, 4), Ok(&b"efgh"[..]));
        assert_eq!(file.bytes(102, 6), need_more(102, 108));
        assert_eq!(file.bytes(2, 3), need_more(2, 5));
        assert_eq!(file.slice(103, 9).unwrap().available(), b"def");
        assert_eq!(file.slice(108, 9).unwrap().available(), b"");
        assert_eq!(file.available(), b"0123");
    }

    #[test]
    fn a_value_that_is_malformed_or_out_of_reach_is_none() {
        let file = ByteRange::file(b"", 100);
        assert_eq!(file.within_reach(Ok(7)), Ok(Some(7)));
        let missing = |to| file.within_reach::<u8>(need_more(0, to));
        assert_eq!(missing(100), need_more(0, 100));
        assert_eq!(missing(101), Ok(None));
        let malformed = Err::<u8, _>(ImageError::Malformed.into());
        assert_eq!(file.within_reach(malformed), Ok(None));
    }
}

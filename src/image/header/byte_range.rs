//! Byte ranges of a file of which only some stretches may be loaded.

use super::{ImageError, Missing, Stop, Window, steps};

/// What is there of a file.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// Its beginning.
    pub(super) bytes: &'a [u8],
    /// Other stretches of it.
    pub(super) windows: &'a [Window],
    /// How much of it may be asked for, in bytes from its beginning.
    pub(super) reach: u64,
}

/// A range of a file, such as a chunk, a segment or a box. Offsets are relative to its first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteRange<'a> {
    file: &'a File<'a>,
    from: u64,
    to: u64,
}

impl<'a> ByteRange<'a> {
    /// A whole file, whose length is not known.
    pub(super) fn of(file: &'a File<'a>) -> Self {
        Self {
            file,
            from: 0,
            to: u64::MAX,
        }
    }

    /// The same, of a file that begins with `bytes`.
    #[cfg(test)]
    pub(super) fn file(bytes: &'a [u8], reach: u64) -> Self {
        Self::with_windows(bytes, &[], reach)
    }

    #[cfg(test)]
    pub(super) fn with_windows(bytes: &'a [u8], windows: &'a [Window], reach: u64) -> Self {
        Self::of(Box::leak(Box::new(File {
            bytes,
            windows,
            reach,
        })))
    }

    /// Returns what was found, or `None` if it is malformed or beyond what can be read: for what a known size does not
    /// depend on.
    ///
    /// # Errors
    /// Only if more of the file is needed.
    pub(super) fn within_reach<T>(self, found: Result<T, Stop>) -> Result<Option<T>, Stop> {
        match found {
            Err(Stop::NeedMore(missing)) if missing.to() <= self.file.reach => {
                Err(Stop::NeedMore(missing))
            }
            found => Ok(found.ok()),
        }
    }

    /// A stretch of it, of which nothing has to be there yet.
    pub(super) fn part(self, at: u64, length: u64) -> Result<Self, Stop> {
        steps::add(1);
        let from = self.from.saturating_add(at);
        let to = from.saturating_add(length);
        if to > self.to {
            return Err(ImageError::Malformed.into());
        }
        Ok(Self { from, to, ..self })
    }

    /// All of it from `at`.
    pub(super) fn rest(self, at: u64) -> Result<Self, Stop> {
        self.part(at, self.to.saturating_sub(self.from).saturating_sub(at))
    }

    /// Whether it ends at `at` or before.
    pub(super) fn ends_by(self, at: u64) -> bool {
        self.from.saturating_add(at) >= self.to
    }

    pub(super) fn bytes(self, at: u64, length: u64) -> Result<&'a [u8], Stop> {
        let part = self.part(at, length)?;
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| part.longest().get(..length));
        steps::add(bytes.map_or(0, <[u8]>::len));
        bytes.ok_or(Stop::NeedMore(Missing::new(part.from, part.to)))
    }

    /// Returns all that is there without a gap from its first byte on, beyond its end as well.
    fn longest(self) -> &'a [u8] {
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

    /// The beginning of it, or all where it is not longer.
    pub(super) fn first(self, most: u64) -> Self {
        let to = self.to.min(self.from.saturating_add(most));
        Self { to, ..self }
    }

    pub(super) fn all(self) -> Result<&'a [u8], Stop> {
        self.bytes(0, self.to.saturating_sub(self.from))
    }

    /// What is there of it.
    pub(super) fn available(self) -> &'a [u8] {
        let there = self.longest();
        let length = usize::try_from(self.to.saturating_sub(self.from));
        let bytes = there.get(..length.unwrap_or(usize::MAX)).unwrap_or(there);
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

    fn further<T>(from: u64, to: u64) -> Result<T, Stop> {
        Err(Stop::NeedMore(Missing::new(from, to)))
    }

    #[test]
    fn what_is_not_there_yet_is_further_and_what_never_can_be_is_malformed() {
        let file = ByteRange::file(b"0123456789", 100);
        let part = file.part(2, 10).unwrap();
        assert_eq!(part.bytes(0, 8), Ok(&b"23456789"[..]));
        assert_eq!(part.bytes(0, 9), further(2, 11));
        assert_eq!(part.bytes(9, 1), further(11, 12));
        assert_eq!(part.bytes(0, 11), Err(ImageError::Malformed.into()));
        assert_eq!(part.u16_be(9), Err(ImageError::Malformed.into()));
        assert_eq!(part.rest(8).unwrap().all(), further(10, 12));
        assert!(part.rest(11).is_err() && part.part(4, 7).is_err());
        assert_eq!(file.bytes(u64::MAX, 2), further(u64::MAX, u64::MAX));
        assert_eq!(part.available(), b"23456789");
        assert_eq!(part.part(1, 3).unwrap().available(), b"345");
    }

    #[test]
    fn a_part_ends_where_its_last_byte_was() {
        let part = ByteRange::file(b"0123456789", 100).part(2, 3).unwrap();
        assert_eq!([2, 3, 4].map(|at| part.ends_by(at)), [false, true, true]);
        assert_eq!(part.first(2).all(), Ok(&b"23"[..]));
        assert_eq!(part.first(9).all(), Ok(&b"234"[..]));
        assert_eq!(part.starts_with(b"234"), Ok(true));
        assert_eq!(part.starts_with(b"2345"), Ok(false));
    }

    #[test]
    fn bytes_are_read_from_any_window_that_has_all_of_them() {
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
        assert_eq!(file.bytes(102, 6), further(102, 108));
        assert_eq!(file.bytes(2, 3), further(2, 5));
        assert_eq!(file.part(103, 9).unwrap().available(), b"def");
        assert_eq!(file.part(108, 9).unwrap().available(), b"");
        assert_eq!(file.available(), b"0123");
    }

    #[test]
    fn what_is_too_far_is_given_up() {
        let file = ByteRange::file(b"", 100);
        assert_eq!(file.within_reach(Ok(7)), Ok(Some(7)));
        let missing = |to| file.within_reach::<u8>(further(0, to));
        assert_eq!(missing(100), further(0, 100));
        assert_eq!(missing(101), Ok(None));
        let malformed = Err::<u8, _>(ImageError::Malformed.into());
        assert_eq!(file.within_reach(malformed), Ok(None));
    }
}

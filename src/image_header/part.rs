//! A part of a file, of which only the beginning may be there.

use super::{NoImage, Stop, steps};

/// A stretch of a file, such as a chunk, a segment or a box. Offsets are from its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// What is there of the file.
    there: &'a [u8],
    /// How much of the file may be asked for.
    most: u64,
    from: u64,
    to: u64,
}

impl<'a> Part<'a> {
    /// A whole file, whose length is not known, that begins with `bytes`.
    pub(super) fn file(bytes: &'a [u8], most: u64) -> Self {
        Self {
            there: bytes,
            most,
            from: 0,
            to: u64::MAX,
        }
    }

    /// Returns what was found, or `None` if it is malformed or beyond what can be read: for what a known size does not
    /// depend on.
    ///
    /// # Errors
    /// Only if more of the file is needed.
    pub(super) fn within_reach<T>(self, found: Result<T, Stop>) -> Result<Option<T>, Stop> {
        match found {
            Err(Stop::Further(to)) if to <= self.most => Err(Stop::Further(to)),
            found => Ok(found.ok()),
        }
    }

    /// A stretch of it, of which nothing has to be there yet.
    pub(super) fn part(self, at: u64, length: u64) -> Result<Self, Stop> {
        steps::add(1);
        let from = self.from.saturating_add(at);
        let to = from.saturating_add(length);
        if to > self.to {
            return Err(NoImage::Malformed.into());
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
        let bytes = match (usize::try_from(part.from), usize::try_from(part.to)) {
            (Ok(from), Ok(to)) => self.there.get(from..to),
            _ => None,
        };
        steps::add(bytes.map_or(0, <[u8]>::len));
        bytes.ok_or(Stop::Further(part.to))
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
        let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        let from = self.there.get(place(self.from)..).unwrap_or_default();
        let bytes = from
            .get(..place(self.to.saturating_sub(self.from)))
            .unwrap_or(from);
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
        bytes.try_into().map_err(|_| NoImage::Malformed.into())
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

    #[test]
    fn what_is_not_there_yet_is_further_and_what_never_can_be_is_malformed() {
        let file = Part::file(b"0123456789", 100);
        let part = file.part(2, 10).unwrap();
        assert_eq!(part.bytes(0, 8), Ok(&b"23456789"[..]));
        assert_eq!(part.bytes(0, 9), Err(Stop::Further(11)));
        assert_eq!(part.bytes(9, 1), Err(Stop::Further(12)));
        assert_eq!(part.bytes(0, 11), Err(NoImage::Malformed.into()));
        assert_eq!(part.u16_be(9), Err(NoImage::Malformed.into()));
        assert_eq!(part.rest(8).unwrap().all(), Err(Stop::Further(12)));
        assert!(part.rest(11).is_err() && part.part(4, 7).is_err());
        assert_eq!(file.bytes(u64::MAX, 2), Err(Stop::Further(u64::MAX)));
        assert_eq!(part.available(), b"23456789");
        assert_eq!(part.part(1, 3).unwrap().available(), b"345");
    }

    #[test]
    fn a_part_ends_where_its_last_byte_was() {
        let part = Part::file(b"0123456789", 100).part(2, 3).unwrap();
        assert_eq!([2, 3, 4].map(|at| part.ends_by(at)), [false, true, true]);
        assert_eq!(part.first(2).all(), Ok(&b"23"[..]));
        assert_eq!(part.first(9).all(), Ok(&b"234"[..]));
        assert_eq!(part.starts_with(b"234"), Ok(true));
        assert_eq!(part.starts_with(b"2345"), Ok(false));
    }

    #[test]
    fn what_is_too_far_is_given_up() {
        let file = Part::file(b"", 100);
        assert_eq!(file.within_reach(Ok(7)), Ok(Some(7)));
        let missing = |to| file.within_reach::<u8>(Err(Stop::Further(to)));
        assert_eq!(missing(100), Err(Stop::Further(100)));
        assert_eq!(missing(101), Ok(None));
        let malformed = Err::<u8, _>(NoImage::Malformed.into());
        assert_eq!(file.within_reach(malformed), Ok(None));
    }
}

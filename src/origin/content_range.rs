//! Reads the `Content-Range` of a part of a file (RFC 9110, section 14.4).

/// The range of a part, and the length of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange<'a> {
    /// The position of the first byte.
    pub(super) first: u64,
    /// The position of the last byte.
    pub(super) last: u64,
    /// The length of the file: a number, or `*` if it is unknown.
    pub(super) length: &'a str,
}

impl<'a> ContentRange<'a> {
    /// Reads the value of the header. Returns `None` if it is malformed, or in another unit than bytes.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let (unit, range) = value.trim().split_once(' ')?;
        let (range, length) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let range = Self {
            first: number(first)?,
            last: number(last)?,
            length: length.trim(),
        };
        unit.eq_ignore_ascii_case("bytes").then_some(range)
    }
}

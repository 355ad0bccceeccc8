//! The loaded ranges of a body or object, and the range to load next.

use crate::image::header::{Limits, Missing, Window};

/// Maximum number of ranges besides the beginning: a directory after the pixels, and the values that it refers to.
const MAX_WINDOWS: usize = 2;

/// The loaded ranges of a body or object: its beginning and, of an object, up to two windows.
///
/// One range at a time is the target, which the next bytes are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoadedRanges {
    beginning: Vec<u8>,
    /// In the order in which they were begun.
    windows: Vec<Window>,
    /// The length of all ranges.
    total: usize,
    /// 0 for the beginning, or the number of a window.
    target: usize,
    /// The length that the target needs before the header is read again.
    wanted: usize,
}

impl LoadedRanges {
    /// Creates an empty beginning that is to be loaded up to `wanted` bytes.
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            beginning: Vec::new(),
            windows: Vec::new(),
            total: 0,
            target: 0,
            wanted,
        }
    }

    pub(super) fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn set_wanted(&mut self, wanted: usize) {
        self.wanted = wanted;
    }

    /// Returns how many bytes the target lacks.
    pub(super) fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.target_bytes().len())
    }

    /// Returns the offset and length of the bytes that the target lacks.
    pub(super) fn next_range(&self) -> (u64, u64) {
        let at = self.target_window().map_or(0, |window| window.at);
        let loaded = offset(self.target_bytes().len());
        (at.saturating_add(loaded), offset(self.missing()))
    }

    /// Returns `true` if the first `first` bytes are loaded and more are wanted, at the beginning or in a window.
    pub(super) fn is_beyond(&self, first: usize) -> bool {
        self.target > 0 || self.wanted > first && self.beginning.len() >= first
    }

    fn target_window(&self) -> Option<&Window> {
        self.windows.get(self.target.checked_sub(1)?)
    }

    fn target_bytes(&self) -> &[u8] {
        self.target_window()
            .map_or(&self.beginning, |window| &window.bytes)
    }

    /// Appends a piece to the target. Bytes beyond `most` in all ranges together are dropped.
    pub(super) fn push(&mut self, piece: &[u8], most: usize) {
        let room = most.saturating_sub(self.total);
        let piece = piece.get(..room).unwrap_or(piece);
        self.total = self.total.saturating_add(piece.len());
        let missing = self.missing();
        let number = self.target.checked_sub(1);
        let window = number.and_then(|number| self.windows.get_mut(number));
        let bytes = window.map_or(&mut self.beginning, |window| &mut window.bytes);
        // The capacity doubles, but not beyond the wanted length: `reserve` could allocate twice what many prefixes
        // need.
        let free = bytes.capacity().saturating_sub(bytes.len());
        if piece.len() > free {
            let doubled = bytes.len().min(missing);
            bytes.reserve_exact(doubled.max(piece.len()));
        }
        bytes.extend_from_slice(piece);
    }

    /// Makes the range with the missing bytes the target, as far as an object of `size` bytes has them. Near bytes
    /// extend a range; bytes that are more than `limits.first` away begin a window. Returns `false` if the bytes cannot
    /// be loaded within the limits.
    pub(super) fn aim(&mut self, missing: Missing, size: u64, limits: Limits) -> bool {
        let Limits { first, most } = limits;
        if missing.from >= size {
            return false;
        }
        // Of the ranges that begin before the missing bytes, the one that extends furthest.
        let (mut target, mut at, mut end) = (0, 0, offset(self.beginning.len()));
        let mut number = 0_usize;
        for window in &self.windows {
            number = number.saturating_add(1);
            let window_end = window.at.saturating_add(offset(window.bytes.len()));
            if window.at <= missing.from && window_end > end {
                (target, at, end) = (number, window.at, window_end);
            }
        }
        let mut loaded = end.saturating_sub(at);
        let total = offset(self.total);
        let left = most.saturating_sub(total);
        // Each read doubles the total if it can, so that a long header takes few reads.
        let mut more = total;
        let gap = missing.from.saturating_sub(end);
        let is_far = gap > first && number < MAX_WINDOWS;
        if is_far {
            more = first.min(left);
            // Related bytes often precede the missing ones: other fields, or values of a directory.
            at = missing.from.saturating_sub(more / 4);
            at = at.min(size.saturating_sub(more));
            (target, loaded) = (number.saturating_add(1), 0);
        }
        let longest = loaded.saturating_add(left);
        let wanted = loaded
            .saturating_add(more)
            .min(longest)
            .max(missing.to().min(size).saturating_sub(at))
            .min(size.saturating_sub(at));
        if wanted <= loaded || wanted > longest {
            return false;
        }
        if is_far {
            let bytes = Vec::new();
            self.windows.push(Window { at, bytes });
        }
        (self.target, self.wanted) = (target, length(wanted));
        true
    }
}

pub(super) fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn offset(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

//! A tiny picture.

use std::iter;

/// The maximum of each side, in pixels: the limit of a ThumbHash.
pub const MAX_SIDE: usize = 100;

/// A picture of 1 to [`MAX_SIDE`] pixels each way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    width: usize,
    height: usize,
    rgba: Vec<[u8; 4]>,
}

impl Pixels {
    /// Creates a picture from its pixels, row by row: red, green, blue and opacity, not premultiplied, in sRGB. Returns `None` if a
    /// side is out of range, or the number of pixels is another.
    #[must_use]
    pub fn new(width: usize, height: usize, rgba: Vec<[u8; 4]>) -> Option<Self> {
        let sides = 1..=MAX_SIDE;
        let is_valid = sides.contains(&width)
            && sides.contains(&height)
            && width.checked_mul(height) == Some(rgba.len());
        is_valid.then_some(Self {
            width,
            height,
            rgba,
        })
    }

    /// Returns the width, in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the height, in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Returns the pixels, row by row.
    #[must_use]
    pub fn rgba(&self) -> &[[u8; 4]] {
        &self.rgba
    }

    /// Repeats pixels, so that the shorter side has at least `least`. The aspect ratio stays the same, unless the longer side would
    /// exceed [`MAX_SIDE`]. Returns `None` if the picture is large enough.
    #[must_use]
    pub(super) fn enlarged(&self, least: usize) -> Option<Self> {
        let shorter = self.width.min(self.height);
        if shorter >= least {
            return None;
        }
        let times = least.div_ceil(shorter.max(1));
        let times = |side: usize| times.min(MAX_SIDE.checked_div(side).unwrap_or(1));
        let (across, down) = (times(self.width), times(self.height));
        let mut rgba = Vec::new();
        for row in self.rgba.chunks(self.width.max(1)) {
            let row = row.iter().flat_map(|pixel| iter::repeat_n(*pixel, across));
            let row: Vec<_> = row.collect();
            rgba.extend(iter::repeat_n(row, down).flatten());
        }
        Some(Self {
            width: self.width.saturating_mul(across),
            height: self.height.saturating_mul(down),
            rgba,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_1_to_100_pixels_each_way_and_as_many_as_its_sides_say() {
        let is_valid =
            |width, height, count| Pixels::new(width, height, vec![[0; 4]; count]).is_some();
        assert!(is_valid(1, 1, 1) && is_valid(100, 100, 10_000) && is_valid(3, 2, 6));
        for (width, height, count) in [
            (0, 0, 0),
            (0, 1, 0),
            (1, 0, 0),
            (101, 1, 101),
            (1, 101, 101),
            (3, 2, 5),
            (3, 2, 7),
            (usize::MAX, usize::MAX, 1),
        ] {
            assert!(!is_valid(width, height, count), "{width}x{height}, {count}");
        }
    }

    #[test]
    fn a_small_picture_is_enlarged_by_repeating_its_pixels() {
        let [a, b, c, d] = [[1; 4], [2; 4], [3; 4], [4; 4]];
        let small = Pixels::new(2, 2, vec![a, b, c, d]).unwrap();
        let rows = [[a, a, b, b], [a, a, b, b], [c, c, d, d], [c, c, d, d]];
        let large = Pixels::new(4, 4, rows.concat()).unwrap();
        assert_eq!(large.enlarged(3), None);
        assert_eq!(small.enlarged(3), Some(large));
    }

    #[test]
    fn an_enlarged_picture_has_its_aspect_ratio_as_far_as_there_is_room() {
        for (width, height, expected) in [
            (1, 1, (7, 7)),
            (2, 3, (8, 12)),
            (6, 50, (12, 100)),
            (6, 51, (12, 51)),
            (15, 1, (90, 7)),
            (100, 1, (100, 7)),
            (1, 100, (7, 100)),
        ] {
            let picture = Pixels::new(width, height, vec![[9; 4]; width * height]).unwrap();
            let large = picture.enlarged(7).unwrap();
            assert_eq!((large.width, large.height), expected);
            let again = Pixels::new(large.width, large.height, large.rgba.clone());
            assert_eq!(again, Some(large));
        }
    }
}

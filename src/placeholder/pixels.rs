//! A tiny picture.

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
}

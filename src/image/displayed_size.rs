//! The size at which an image is displayed, from the two sizes in a `format=json` response.
//!
//! `original` has the dimensions as stored in the file. The top level has those of the resizer's output: Exif
//! orientation applied, and possibly scaled down. A photo whose sides must be swapped is recognized by comparing the
//! two aspect ratios.

use crate::image::metadata::Dimensions;

/// A displayed size, and whether it is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisplayedSize {
    /// The displayed width and height, in pixels.
    pub dimensions: Dimensions,
    /// `false` if the response does not show whether the sides are swapped. They are as stored then.
    pub is_certain: bool,
}

impl DisplayedSize {
    /// Decides whether the sides of the `stored` size are swapped for display, given the size of the `output`.
    ///
    /// They are swapped if the output is a scaled-down version of the swapped size and not of the stored one.
    #[must_use]
    pub fn of(stored: Dimensions, output: Option<Dimensions>) -> Self {
        let swapped = stored.swapped();
        if swapped == stored {
            return Self {
                dimensions: stored,
                is_certain: true,
            };
        }
        let fits = |size| output.is_some_and(|output| is_scaled_down(output, size));
        let (as_stored, as_swapped) = (fits(stored), fits(swapped));
        Self {
            dimensions: if as_swapped && !as_stored {
                swapped
            } else {
                stored
            },
            is_certain: as_stored != as_swapped,
        }
    }
}

/// Returns `true` if scaling `original` by one factor of at most 1 brings both sides within a pixel of `output`.
///
/// Resizers round each side up, down or to the nearest pixel, always by less than one. A side of n pixels allows the
/// scales between (n - 1) / original and (n + 1) / original. The sides agree if their two intervals overlap below 1.
fn is_scaled_down(output: Dimensions, original: Dimensions) -> bool {
    let [width, height, full_width, full_height] = [
        output.width(),
        output.height(),
        original.width(),
        original.height(),
    ]
    .map(u64::from);
    let below = |side: u64| side.saturating_sub(1);
    let above = |side: u64| side.saturating_add(1);
    // Sides have 31 bits, and their products 62.
    let less = |a: u64, full_a: u64, b: u64, full_b: u64| {
        a.saturating_mul(full_b) < b.saturating_mul(full_a)
    };
    width <= full_width
        && height <= full_height
        && less(below(width), full_width, above(height), full_height)
        && less(below(height), full_height, above(width), full_width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::metadata::MAX_DIMENSION;

    type Size = (u32, u32);

    fn size((width, height): Size) -> Dimensions {
        Dimensions::new(width, height).unwrap()
    }

    #[track_caller]
    fn assert_displayed(stored: Size, output: Size, displayed: Size, is_certain: bool) {
        assert_eq!(
            DisplayedSize::of(size(stored), Some(size(output))),
            DisplayedSize {
                dimensions: size(displayed),
                is_certain
            },
            "{stored:?} with an output of {output:?}"
        );
    }

    #[test]
    fn a_photo_that_is_displayed_as_stored_keeps_its_sides() {
        assert_displayed((400, 200), (400, 200), (400, 200), true);
        assert_displayed((4000, 3000), (4000, 3000), (4000, 3000), true);
        assert_displayed((4001, 4000), (4001, 4000), (4001, 4000), true);
    }

    #[test]
    fn a_rotated_photo_has_its_sides_swapped() {
        assert_displayed((400, 200), (200, 400), (200, 400), true);
        assert_displayed((4000, 3000), (3000, 4000), (3000, 4000), true);
        assert_displayed((4001, 4000), (4000, 4001), (4000, 4001), true);
    }

    #[test]
    fn the_output_may_be_scaled_down_and_rounded_in_any_direction() {
        for output in [(640, 480), (640, 479), (640, 481), (4, 3), (133, 100)] {
            assert_displayed((4000, 3000), output, (4000, 3000), true);
            let (width, height) = output;
            assert_displayed((4000, 3000), (height, width), (3000, 4000), true);
        }
        // 4032 x 3024 at 1000: 750 exactly. 1919 x 1081 at 100: 56.33.
        for (stored, output) in [
            ((4032, 3024), (750, 1000)),
            ((1919, 1081), (56, 100)),
            ((1919, 1081), (57, 100)),
        ] {
            let (width, height) = stored;
            assert_displayed(stored, output, (height, width), true);
        }
    }

    #[test]
    fn the_size_of_a_square_image_is_certain() {
        for output in [(300, 300), (1, 1), (640, 360)] {
            assert_displayed((300, 300), output, (300, 300), true);
        }
        let displayed = DisplayedSize::of(size((7, 7)), None);
        assert_eq!(
            (displayed.dimensions, displayed.is_certain),
            (size((7, 7)), true)
        );
    }

    #[test]
    fn without_an_output_size_the_stored_size_is_uncertain() {
        let displayed = DisplayedSize::of(size((400, 200)), None);
        assert_eq!(
            (displayed.dimensions, displayed.is_certain),
            (size((400, 200)), false)
        );
    }

    #[test]
    fn an_output_that_fits_both_ways_leaves_the_size_as_stored_and_uncertain() {
        for (stored, output) in [
            ((4001, 4000), (640, 640)),
            ((4000, 3999), (100, 100)),
            ((2, 1), (1, 1)),
            ((3, 2), (1, 1)),
        ] {
            assert_displayed(stored, output, stored, false);
        }
    }

    #[test]
    fn an_output_that_fits_neither_way_leaves_the_size_as_stored_and_uncertain() {
        for output in [
            (640, 360),
            (4000, 4000),
            (1, 1000),
            (8000, 6000),
            (6000, 8000),
        ] {
            assert_displayed((4000, 3000), output, (4000, 3000), false);
        }
    }

    #[test]
    fn an_image_with_a_side_of_one_pixel_may_be_swapped() {
        assert_displayed((400, 1), (400, 1), (400, 1), true);
        assert_displayed((400, 1), (1, 400), (1, 400), true);
        assert_displayed((1, 400), (1, 400), (1, 400), true);
        assert_displayed((1, 400), (400, 1), (400, 1), true);
        // A side is never scaled down below 1 pixel.
        assert_displayed((40_000, 2), (100, 1), (40_000, 2), true);
        assert_displayed((40_000, 2), (1, 100), (2, 40_000), true);
        assert_displayed((40_000, 2), (1, 1), (40_000, 2), false);
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        let most = MAX_DIMENSION;
        assert_displayed((most, 1), (1, most), (1, most), true);
        assert_displayed((most, most - 1), (most - 1, most), (most - 1, most), true);
        assert_displayed((most, most - 1), (most, most - 1), (most, most - 1), true);
        assert_displayed((most, most), (1, most), (most, most), true);
        assert_displayed((most, 1), (most, most), (most, 1), false);
    }
}

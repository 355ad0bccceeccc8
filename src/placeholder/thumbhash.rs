//! ThumbHash: a blurred picture in about 25 bytes (<https://evanw.github.io/thumbhash/>).
//!
//! The picture is split into brightness, two differences of colors and opacity. The hash has the first frequencies of each, 4 bits
//! a frequency. It equals that of the reference byte for byte if both have the same cosine: all numbers are `f64`, calculated in the
//! same order. The last bit of a cosine differs between platforms. It changes how a frequency without strength is rounded, which is
//! hardly visible.

use std::f64::consts::PI;

pub use self::decode::decode;
pub use self::encode::encode;

mod decode;
mod encode;

/// The number of frequencies each way of brightness, along the longer side, without and with transparency.
pub(super) const OPAQUE_FREQUENCIES: usize = 7;
const ALPHA_FREQUENCIES: usize = 5;

/// The number of frequencies each way of colors, and the least of brightness.
const COLOR_FREQUENCIES: usize = 3;

/// Returns the frequencies across and down that a hash has, in its order. Only those above the diagonal count.
fn triangle(across: usize, down: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..down).flat_map(move |y| {
        let is_in =
            move |x: &usize| x.saturating_mul(down) < across.saturating_mul(down.saturating_sub(y));
        (0..across).take_while(is_in).map(move |x| (x, y))
    })
}

/// Returns the values of a cosine of this frequency at the center of each pixel.
fn waves(side: usize, frequency: usize) -> Vec<f64> {
    let step = PI / float(side) * float(frequency);
    let center = |pixel| float(pixel) + 0.5;
    (0..side)
        .map(|pixel| (step * center(pixel)).cos())
        .collect()
}

#[allow(clippy::cast_precision_loss)] // at most 10,000
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placeholder::pixels::{MAX_SIDE, Pixels};

    fn picture(width: usize, height: usize, color: impl Fn(usize, usize) -> [u8; 4]) -> Pixels {
        let positions = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgba = positions.map(|(x, y)| color(x, y)).collect();
        Pixels::new(width, height, rgba).unwrap()
    }

    /// Returns the number of bytes of a hash with so many frequencies of brightness each way.
    fn bytes(across: usize, down: usize, has_alpha: bool) -> usize {
        // Each channel has one position that is the average.
        let brightness = triangle(across, down).count() - 1;
        let (header, rest) = if has_alpha {
            (6, 5 + 5 + 14)
        } else {
            (5, 5 + 5)
        };
        header + (brightness + rest).div_ceil(2)
    }

    #[test]
    fn the_frequencies_are_those_above_the_diagonal() {
        let found: Vec<_> = triangle(3, 3).collect();
        assert_eq!(found, [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2)]);
        assert_eq!(triangle(5, 5).count(), 15);
        assert_eq!(triangle(7, 7).count(), 28);
        let found: Vec<_> = triangle(3, 7).map(|(x, y)| y * 10 + x).collect();
        assert_eq!(
            found,
            [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 40, 41, 50, 60]
        );
    }

    #[test]
    fn the_length_of_a_hash_depends_on_the_aspect_ratio_and_transparency() {
        for (width, height, opaque, transparent) in [
            (100, 100, (7, 7), (5, 5)),
            (1, 1, (7, 7), (5, 5)),
            (100, 1, (7, 3), (5, 3)),
            (1, 100, (3, 7), (3, 5)),
            (100, 75, (7, 5), (5, 4)),
            (75, 100, (5, 7), (4, 5)),
        ] {
            for (alpha, (across, down)) in [(255, opaque), (254, transparent)] {
                let hash = encode(&picture(width, height, |_, _| [9, 99, 200, alpha]));
                let expected = bytes(across, down, alpha < 255);
                assert_eq!(hash.len(), expected, "{width}x{height}, {alpha}");
                assert!(hash.len() <= 25, "{}", hash.len());
            }
        }
    }

    #[test]
    fn one_transparent_pixel_makes_a_hash_transparent() {
        let hash = |alpha| {
            encode(&picture(10, 10, |x, y| {
                [90, 90, 90, if x + y == 0 { alpha } else { 255 }]
            }))
        };
        assert_eq!(hash(255)[2] >> 7, 0);
        assert_eq!(hash(254)[2] >> 7, 1);
    }

    #[test]
    fn a_transparent_picture_has_a_hash_that_is_drawn_transparent() {
        let hash = encode(&picture(20, 10, |_, _| [200, 100, 0, 0]));
        let drawn = decode(&hash, 24, 12).unwrap();
        assert!(drawn.rgba().iter().all(|[.., alpha]| *alpha == 0));
    }

    #[test]
    fn a_picture_of_one_color_is_drawn_in_about_that_color() {
        for color in [
            [0, 0, 0],
            [255, 255, 255],
            [255, 0, 0],
            [30, 144, 255],
            [128, 128, 128],
        ] {
            let [red, green, blue] = color;
            let hash = encode(&picture(8, 8, |_, _| [red, green, blue, 255]));
            for drawn in decode(&hash, 24, 24).unwrap().rgba() {
                assert_near(*drawn, [red, green, blue, 255], 8);
            }
        }
    }

    #[test]
    fn a_smooth_picture_is_drawn_in_about_its_colors() {
        let ramp = |part: usize, side: usize| u8::try_from(part * 255 / (side - 1)).unwrap();
        for (width, height) in [(60, 40), (40, 60), (50, 50)] {
            let original = picture(width, height, |x, y| {
                [ramp(x, width), 100, ramp(y, height), 255]
            });
            let drawn = decode(&encode(&original), width, height).unwrap();
            for (drawn, original) in drawn.rgba().iter().zip(original.rgba()) {
                assert_near(*drawn, *original, 48);
            }
        }
    }

    fn assert_near(drawn: [u8; 4], original: [u8; 4], distance: u8) {
        for (value, expected) in drawn.iter().zip(original) {
            assert!(
                value.abs_diff(expected) <= distance,
                "{drawn:?} {original:?}"
            );
        }
    }

    #[test]
    fn a_short_hash_is_not_drawn() {
        for alpha in [255, 100] {
            for (width, height) in [(100, 100), (100, 30), (30, 100)] {
                let hash = encode(&picture(width, height, |x, y| {
                    [
                        u8::try_from(x * 2).unwrap(),
                        9,
                        u8::try_from(y).unwrap(),
                        alpha,
                    ]
                }));
                assert!(decode(&hash, 24, 24).is_some());
                for length in 0..hash.len() {
                    assert_eq!(
                        decode(&hash[..length], 24, 24),
                        None,
                        "{length} of {}",
                        hash.len()
                    );
                }
                // Bytes after the hash do not count.
                let longer = [&hash[..], &[7; 9]].concat();
                assert_eq!(decode(&longer, 24, 24), decode(&hash, 24, 24));
            }
        }
    }

    #[test]
    fn a_picture_is_drawn_in_any_valid_size() {
        let hash = [0x33; 32];
        for (width, height) in [(1, 1), (MAX_SIDE, 1), (1, MAX_SIDE), (MAX_SIDE, MAX_SIDE)] {
            let drawn = decode(&hash, width, height).unwrap();
            assert_eq!((drawn.width(), drawn.height()), (width, height));
        }
        let (over, most) = (MAX_SIDE + 1, usize::MAX);
        for (width, height) in [
            (0, 1),
            (1, 0),
            (0, 0),
            (over, 1),
            (1, over),
            (0, most),
            (most, most),
        ] {
            assert_eq!(decode(&hash, width, height), None, "{width}x{height}");
        }
    }
}

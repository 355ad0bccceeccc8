//! Placeholders: what a page shows before the image.
//!
//! All of them are made from a tiny picture of at most 100 by 100 pixels, which the resizer makes. The original is never decoded.

use self::pixels::Pixels;
use crate::image::placeholder::{Placeholder, PlaceholderKinds, Placeholders};
use crate::image::thumb_hash::ThumbHash;

pub mod average;
pub mod data_url;
pub mod pixels;
pub mod png;
pub mod thumbhash;

/// Makes the placeholders of these kinds.
#[must_use]
pub fn of(pixels: &Pixels, kinds: PlaceholderKinds) -> Placeholders {
    let mut placeholders = Placeholders::impossible(kinds);
    // A picture of fewer pixels does not have all the frequencies of a hash. The reference takes them for others, and one pixel of
    // orange would be drawn as black and white squares.
    let enlarged = pixels.enlarged(thumbhash::OPAQUE_FREQUENCIES);
    if kinds.thumbhash
        && let hash = thumbhash::encode(enlarged.as_ref().unwrap_or(pixels))
        && let Some(hash) = ThumbHash::new(hash)
    {
        placeholders.thumbhash = Placeholder::Made(hash);
    }
    if kinds.color
        && let Some(color) = average::color(pixels)
    {
        placeholders.color = Placeholder::Made(color);
    }
    placeholders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_one_color_is_drawn_in_it_however_small_it_is() {
        let kinds = PlaceholderKinds {
            thumbhash: true,
            color: true,
        };
        for alpha in [255, 128] {
            for (width, height) in [(1, 1), (2, 2), (3, 2), (1, 9), (1, 60), (100, 1), (2, 100)] {
                let rgba = vec![[255, 128, 0, alpha]; width * height];
                let placeholders = of(&Pixels::new(width, height, rgba).unwrap(), kinds);
                let hash = placeholders.thumbhash.made().unwrap();
                for (across, down) in [(24, 24), (24, 1), (1, 24), (32, 5)] {
                    let drawn = thumbhash::decode(hash.bytes(), across, down).unwrap();
                    for pixel in drawn.rgba() {
                        let near = [255, 128, 0, alpha].into_iter().zip(pixel);
                        let is_near = { near }.all(|(value, drawn)| drawn.abs_diff(value) <= 10);
                        assert!(is_near, "{width}x{height}: {pixel:?}");
                    }
                }
            }
        }
    }
}

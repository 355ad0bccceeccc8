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
    if kinds.thumbhash
        && let Some(hash) = ThumbHash::new(thumbhash::encode(pixels))
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

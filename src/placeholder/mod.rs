//! Placeholders: what a page shows before the image.
//!
//! All of them are made from a tiny picture of at most 100 by 100 pixels, which the resizer makes. The original is never decoded.

pub mod average;
pub mod data_url;
pub mod pixels;
pub mod png;
pub mod thumbhash;

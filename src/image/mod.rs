//! The metadata of an image, and how to read it from the first bytes of a file.
//!
//! - [`metadata`]: the types, [`ImageMetadata`](metadata::ImageMetadata) above all.
//! - [`prefix`]: the first bytes of a body or object, and the range to load next. [`prefix_budget`] bounds their
//!   memory.
//! - [`header`]: the readers, one file per format, and how to add one.
//! - [`density`]: pixels per inch.
//! - [`placeholder`]: the placeholders in the metadata: a [`thumb_hash`] and a [`color`].
//! - [`displayed_size`]: the size in a `format=json` response. [`content_encoding`]: which encodings are decoded.

pub mod color;
pub mod content_encoding;
pub(crate) mod crc32;
pub mod density;
pub mod displayed_size;
pub mod header;
pub mod metadata;
pub mod placeholder;
pub mod prefix;
pub mod prefix_budget;
pub mod thumb_hash;

//! An image: its metadata, and how it is read from the image's first bytes.

pub mod content_encoding;
pub mod displayed_size;
pub mod header;
pub mod metadata;
pub mod prefix;
pub mod prefix_budget;

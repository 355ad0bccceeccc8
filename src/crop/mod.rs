//! Crops: the parameters a client sends, and the rectangle they select.

pub mod aspect_ratio;
pub mod decimal;
pub mod focal_point;
pub mod geometry;
pub mod params;

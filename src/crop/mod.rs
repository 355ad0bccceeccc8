//! Crops: the parameters that a client sends, and the rectangle that they select.

pub mod aspect_ratio;
pub mod decimal;
pub mod focal_point;
pub mod geometry;
mod parameter;
mod parameter_error;
pub mod params;

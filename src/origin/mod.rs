//! L3, the origin: its responses, errors and identity.

pub mod error;
pub mod id;
pub mod response;
pub mod s3_error;
pub mod sigv4;

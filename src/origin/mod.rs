//! L3: an origin's response, its errors, and its identity.

pub mod error;
pub mod id;
pub mod response;

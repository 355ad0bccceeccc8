//! Text from and for clients: query strings, JSON, and values for logs and responses.

pub(crate) mod base64;
pub(crate) mod hex;
pub(crate) mod json;
pub mod query;
pub(crate) mod sanitize;

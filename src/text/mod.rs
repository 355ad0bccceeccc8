//! Text that comes from or goes to clients: query strings, JSON, and values for logs and headers.

pub(crate) mod json;
pub mod query;
pub mod sanitize;

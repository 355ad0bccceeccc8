//! L3, the origins: which one has a path, how it is asked, its responses, errors and identity.

mod content_range;
pub mod endpoint;
pub mod error;
pub mod id;
pub mod range_response;
pub mod request;
mod resizer_code;
pub mod response;
pub mod routing;
pub mod s3_error;
pub mod secret_headers;
pub mod sigv4;

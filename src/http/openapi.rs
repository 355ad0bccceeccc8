//! `GET /openapi.json`: what this service takes and answers, for tools.
//!
//! `build.rs` makes it of docs/openapi.yaml, which has the prose as well.

use super::conditional;
use super::request::Request;
use super::response::{Body, Response};
use crate::cache::entry::etag_of;

static DESCRIPTION: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// `GET /openapi.json`
pub(super) fn get(request: &Request<'_>) -> Response {
    let body = Body::Text(DESCRIPTION.to_owned());
    conditional::response(request, &etag_of(DESCRIPTION), "application/json", body)
        .with("Cache-Control", "no-cache")
}

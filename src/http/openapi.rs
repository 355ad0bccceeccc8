//! `GET /openapi.json`: the OpenAPI description of this service.
//!
//! `build.rs` generates it from docs/openapi.yaml, without the prose.

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

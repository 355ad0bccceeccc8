//! `GET /openapi.json`: what this service takes and answers, for tools.
//!
//! `build.rs` makes it of docs/openapi.yaml, which has the prose as well.

use super::answer::{Answer, Body};
use super::conditional;
use super::request::Request;
use crate::entry::etag_of;

static DESCRIPTION: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// `GET /openapi.json`
pub(super) fn get(request: &Request<'_>) -> Answer {
    let etag = etag_of(DESCRIPTION);
    let unchanged = request
        .if_none_match
        .is_some_and(|field| conditional::matches(field, &etag));
    let answer = if unchanged {
        Answer::new(304, Body::Empty)
    } else {
        Answer::new(200, Body::Text(DESCRIPTION.to_owned()))
            .with("Content-Type", "application/json")
    };
    answer.with("ETag", etag).with("Cache-Control", "no-cache")
}

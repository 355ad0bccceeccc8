//! `If-None-Match` (RFC 9110, section 13.1.2).

use super::request::Request;
use super::response::{Body, Response};

/// Returns a 304 if the client's `If-None-Match` matches `etag`, otherwise a 200 with the body.
pub(super) fn response(
    request: &Request<'_>,
    etag: &str,
    content_type: &'static str,
    body: Body,
) -> Response {
    let unchanged = request
        .if_none_match
        .is_some_and(|field| matches(field, etag));
    let response = if unchanged {
        Response::new(304, Body::Empty)
    } else {
        Response::new(200, body).with("Content-Type", content_type)
    };
    response.with("ETag", etag.to_owned())
}

/// Returns `true` if the field value is `*` or lists `etag`. The comparison is weak, as the RFC requires: a proxy that
/// compressed the response may have put a `W/` before the tag.
fn matches(if_none_match: &str, etag: &str) -> bool {
    if_none_match.trim() == "*"
        || if_none_match
            .split(',')
            .map(str::trim)
            .any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_matches_alone_in_a_list_or_as_a_weak_tag() {
        for field in [
            "\"a\"",
            "*",
            " * ",
            "\"b\", \"a\"",
            "W/\"a\"",
            "\"b\",W/\"a\"",
        ] {
            assert!(matches(field, "\"a\""), "{field}");
        }
        for field in ["", "a", "\"b\"", "\"a", "w/\"a\"", "**", "\"*\""] {
            assert!(!matches(field, "\"a\""), "{field}");
        }
    }
}

//! Who may read an answer in a browser: CORS, and the same for Server-Timing.

use std::borrow::Cow;

use super::response::Response;
use crate::config::CorsOrigins;

/// For how long a browser may remember a preflight, in seconds. Chromium's own limit is two hours.
const PREFLIGHT_MAX_AGE_S: &str = "7200";

/// Headers of an answer that a script may read beside the safelisted ones.
const EXPOSED: &str = "Cache-Status, ETag, Metadata-Age, Retry-After, Server-Timing";

/// Adds the headers that let `origin`'s scripts read the answer, where the settings do.
pub(super) fn allow(response: Response, allowed: &CorsOrigins, origin: Option<&str>) -> Response {
    let (response, allowed) = match allowed {
        CorsOrigins::Any => (response, Some(Cow::Borrowed("*"))),
        // The answer depends on who asks, for caches between here and there as well.
        CorsOrigins::These(origins) => (
            response.with("Vary", "Origin"),
            origin
                .filter(|origin| origins.iter().any(|allowed| allowed == origin))
                .map(|origin| origin.to_owned().into()),
        ),
    };
    match allowed {
        None => response,
        Some(allowed) => response
            .with("Access-Control-Allow-Origin", allowed.clone())
            .with("Access-Control-Expose-Headers", EXPOSED)
            .with("Timing-Allow-Origin", allowed),
    }
}

/// Adds what the answer to a preflight needs beside that.
pub(super) fn preflight(response: Response, methods: &'static str) -> Response {
    response
        .with("Access-Control-Allow-Methods", methods)
        .with(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, If-None-Match",
        )
        .with("Access-Control-Max-Age", PREFLIGHT_MAX_AGE_S)
        // Browsers have the preflight cache for it; no other cache may guess how long it is good for.
        .with("Cache-Control", "no-store")
}

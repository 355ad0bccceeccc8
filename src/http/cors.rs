//! CORS: the sites whose scripts may read a response, including its `Server-Timing`.

use std::borrow::Cow;

use super::response::Response;
use crate::config::CorsOrigins;

/// How long browsers may cache a preflight response, in seconds. Chromium limits this to two hours.
const PREFLIGHT_MAX_AGE_S: &str = "7200";

/// Response headers that scripts may read besides the CORS-safelisted ones.
const EXPOSED: &str = "Age, Cache-Status, ETag, Metadata-Age, Retry-After, Server-Timing";

/// Adds the headers that allow scripts of `origin` to read the response, if the settings allow it.
pub(super) fn allow(response: Response, allowed: &CorsOrigins, origin: Option<&str>) -> Response {
    let (response, allowed) = match allowed {
        CorsOrigins::Any => (response, Some(Cow::Borrowed("*"))),
        // The response depends on the request's `Origin`, also for shared caches.
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

/// Adds the headers that only preflight responses have.
pub(super) fn preflight(response: Response, methods: &'static str) -> Response {
    response
        .with("Access-Control-Allow-Methods", methods)
        .with(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, If-None-Match",
        )
        .with("Access-Control-Max-Age", PREFLIGHT_MAX_AGE_S)
        // Browsers use their preflight cache. Other caches must not apply a heuristic lifetime.
        .with("Cache-Control", "no-store")
}

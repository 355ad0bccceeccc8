//! `GET /health`: the version, and the optional bindings that exist.

use serde::Serialize;

use super::request::Request;
use super::response::Response;
use super::site::Site;

#[derive(Serialize)]
struct Health {
    bindings: Bindings,
    status: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bindings {
    admin_token: bool,
    analytics: bool,
    bucket: bool,
    kv: bool,
    rate_limit: bool,
}

/// `GET /health`. Uses none of the bindings.
pub(super) fn get<S: Clone + 'static>(site: &Site<S>, request: &Request<'_>) -> Response {
    let health = Health {
        bindings: Bindings {
            admin_token: request.bindings.admin_token.is_some(),
            analytics: site.has_dataset(),
            // A configured bucket that is not bound is a configuration error.
            bucket: site.service().config().origin_bucket.is_some(),
            kv: request.bindings.kv,
            rate_limit: request.bindings.rate_limit,
        },
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    };
    // A struct of booleans and strings always serializes.
    let body = serde_json::to_string(&health).unwrap_or_default();
    Response::uncached("application/json", body)
}

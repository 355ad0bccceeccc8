//! `GET /health`: the version, the optional bindings that exist, and the kinds of the origins.

use serde::Serialize;

use super::request::Request;
use super::response::Response;
use super::site::Site;

#[derive(Serialize)]
struct Health<'a> {
    bindings: Bindings,
    origins: Vec<Origin<'a>>,
    status: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bindings {
    admin_token: bool,
    analytics: bool,
    bucket: bool,
    images: bool,
    kv: bool,
    queue: bool,
    rate_limit: bool,
}

/// An origin, without its URL or the name of its binding.
#[derive(Serialize)]
struct Origin<'a> {
    kind: &'static str,
    prefix: &'a str,
}

/// `GET /health`. Uses none of the bindings.
pub(super) fn get<S: Clone + 'static>(site: &Site<S>, request: &Request<'_>) -> Response {
    let routes = site.service().config().origins.routes();
    let origins = routes.iter().flat_map(|route| {
        let endpoints = route.endpoints.iter();
        endpoints.map(|endpoint| Origin {
            kind: endpoint.place.kind(),
            prefix: &route.prefix,
        })
    });
    let origins: Vec<_> = origins.collect();
    let health = Health {
        bindings: Bindings {
            admin_token: request.bindings.admin_token.is_some(),
            analytics: site.has_dataset(),
            // A configured bucket that is not bound is a configuration error.
            bucket: origins.iter().any(|origin| origin.kind == "bucket"),
            images: site.service().config().images_binding.is_some(),
            kv: request.bindings.kv,
            queue: request.bindings.queue,
            rate_limit: request.bindings.rate_limit,
        },
        origins,
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    };
    // A struct of booleans and strings always serializes.
    let body = serde_json::to_string(&health).unwrap_or_default();
    Response::uncached("application/json", body)
}

//! The routes, and the answer that each gives.

use std::rc::Rc;

use serde_json::json;

use super::answer::{Answer, Body};
use super::problem::{Problem, refuse};
use super::request::{Method, Request};
use super::{admin, cache_status, conditional, cors};
use crate::config::{ConfigError, CorsOrigins};
use crate::path::ImagePath;
use crate::ports::Ports;
use crate::service::{Lookup, OptimizedMetadataService};

/// What a route takes that only tells.
const READ_METHODS: &str = "GET, HEAD, OPTIONS";

/// What an image's route takes where there are admins.
const ADMIN_METHODS: &str = "GET, HEAD, DELETE, OPTIONS";

/// When to try a purge again that KV refused: it takes one write a second for a key.
const PURGE_RETRY_AFTER_S: &str = "1";

/// The routes around one service.
#[derive(Debug)]
pub struct Site<S> {
    service: Rc<OptimizedMetadataService<S>>,
}

/// A path of the service.
enum Route<'a> {
    /// `/metadata/<path>`, still raw.
    Metadata(&'a str),
    /// `/health`
    Health,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/metadata" => Some(Self::Metadata("")),
            _ => path.strip_prefix("/metadata/").map(Self::Metadata),
        }
    }
}

impl<S: Clone + 'static> Site<S> {
    /// The site of `service`.
    #[must_use]
    pub fn new(service: Rc<OptimizedMetadataService<S>>) -> Self {
        Self { service }
    }

    /// Answers a request. Whatever goes wrong is an answer, too.
    pub async fn answer<P: Ports<Signal = S>>(&self, request: &Request, ports: &P) -> Answer {
        let answer = self.route(request, ports).await;
        let allowed = &self.service.config().cors_origins;
        finish(cors::allow(answer, allowed, request.origin.as_deref()))
    }

    async fn route<P: Ports<Signal = S>>(&self, request: &Request, ports: &P) -> Answer {
        let Some(route) = Route::of(&request.path) else {
            return Problem::no_route().answer(&request.path);
        };
        let methods = match (&route, &request.bindings.admin_token) {
            (Route::Metadata(_), Some(_)) => ADMIN_METHODS,
            _ => READ_METHODS,
        };
        match (route, request.method) {
            (_, Method::Options) => {
                let answer = Answer::new(204, Body::Empty).with("Allow", methods);
                cors::preflight(answer, methods)
            }
            (Route::Metadata(raw), Method::Get | Method::Head) => {
                self.metadata(raw, request, ports).await
            }
            (Route::Metadata(raw), Method::Delete) => self.purge(raw, request, ports).await,
            (Route::Health, Method::Get | Method::Head) => health(request),
            (Route::Health, Method::Delete) | (_, Method::Other) => {
                Problem::method_not_allowed(methods)
                    .answer(&request.path)
                    .with("Allow", methods)
            }
        }
    }

    async fn metadata<P: Ports<Signal = S>>(
        &self,
        raw: &str,
        request: &Request,
        ports: &P,
    ) -> Answer {
        let path = match ImagePath::from_raw(raw) {
            Ok(path) => path,
            Err(error) => return Problem::from(error).answer(&request.path),
        };
        match self.service.fetch_metadata(&path, ports).await {
            Ok(lookup) => self.found(lookup, request),
            Err(refusal) => refuse(&refusal, &request.path),
        }
    }

    async fn purge<P: Ports<Signal = S>>(&self, raw: &str, request: &Request, ports: &P) -> Answer {
        let Some(token) = &request.bindings.admin_token else {
            return Problem::no_route().answer(&request.path);
        };
        let path = match admin::authorize(request.authorization.as_deref(), token)
            .and_then(|()| Ok(ImagePath::from_raw(raw)?))
        {
            Ok(path) => path,
            Err(problem) => {
                let answer = problem.answer(&request.path);
                return if problem.status == 401 {
                    answer.with("WWW-Authenticate", "Bearer")
                } else {
                    answer
                };
            }
        };
        match self.service.purge(&path, ports).await {
            Ok(()) => Answer::new(200, Body::Text(json!({ "purged": 1 }).to_string()))
                .with("Content-Type", "application/json")
                .with("Cache-Control", "no-store"),
            Err(_) => Problem::purge_failed()
                .answer(&request.path)
                .with("Retry-After", PURGE_RETRY_AFTER_S),
        }
    }

    fn found(&self, lookup: Lookup, request: &Request) -> Answer {
        let config = self.service.config();
        let unchanged = request
            .if_none_match
            .as_deref()
            .is_some_and(|field| conditional::matches(field, &lookup.entry.etag));
        let left_s = u64::try_from(lookup.entry.ttl_s(lookup.now_ms)).unwrap_or_default();
        let cache_control = format!(
            "public, max-age={}, stale-while-revalidate={}",
            left_s.min(config.client_max_age_s),
            config.stale_while_revalidate_s
        );
        let answer = if unchanged {
            Answer::new(304, Body::Empty)
        } else {
            Answer::new(200, Body::Entry(Rc::clone(&lookup.entry)))
                .with("Content-Type", "application/json")
        };
        answer
            .with("ETag", lookup.entry.etag.clone())
            .with("Age", lookup.entry.age_s(lookup.now_ms).to_string())
            .with("Cache-Control", cache_control)
            .with(
                "Cache-Status",
                cache_status::of_lookup(&lookup, config.cache_enabled),
            )
            .with("Server-Timing", server_timing(&lookup))
    }
}

/// The answer to every request of a Worker whose settings cannot be used.
#[must_use]
pub fn misconfigured(error: &ConfigError, path: &str) -> Answer {
    // Nothing but the name of a setting is in it, and `corsOrigins` may be the one that is wrong.
    let answer = Problem::from(error).answer(path);
    finish(cors::allow(answer, &CorsOrigins::Any, None))
}

/// Adds what every answer has.
fn finish(mut answer: Answer) -> Answer {
    if answer.status >= 400 && answer.header("Cache-Control").is_none() {
        answer = answer.with("Cache-Control", "no-store");
    }
    answer.with("X-Content-Type-Options", "nosniff")
}

fn health(request: &Request) -> Answer {
    let health = json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "bindings": { "kv": request.bindings.kv, "adminToken": request.bindings.admin_token.is_some() },
    });
    Answer::new(200, Body::Text(health.to_string()))
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store")
}

/// The phases that ran, in milliseconds (W3C Server Timing).
fn server_timing(lookup: &Lookup) -> String {
    let timing = &lookup.timing;
    // Time stands still between I/O, and looking in memory is none.
    let mut phases = vec!["memory;dur=0".to_owned()];
    phases.extend(timing.kv_ms.map(|ms| format!("kv;dur={ms}")));
    phases.extend(timing.origin_ms.map(|ms| format!("origin;dur={ms}")));
    phases.push(format!("total;dur={}", timing.total_ms));
    phases.join(", ")
}

//! The routes, and the answer that each gives.

use std::rc::Rc;

use serde_json::json;

use super::answer::{Answer, Body};
use super::problem::{Problem, refuse};
use super::request::{Method, Request};
use super::{cache_status, conditional, cors};
use crate::config::{ConfigError, CorsOrigins};
use crate::path::ImagePath;
use crate::ports::Ports;
use crate::service::{Lookup, OptimizedMetadataService};

/// What a read-only route takes.
const READ_METHODS: &str = "GET, HEAD, OPTIONS";

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
        match request.method {
            Method::Options => {
                let answer = Answer::new(204, Body::Empty).with("Allow", READ_METHODS);
                return cors::preflight(answer, READ_METHODS);
            }
            Method::Other => {
                return Problem::method_not_allowed(READ_METHODS)
                    .answer(&request.path)
                    .with("Allow", READ_METHODS);
            }
            Method::Get | Method::Head => {}
        }
        match route {
            Route::Metadata(raw) => self.metadata(raw, request, ports).await,
            Route::Health => health(request),
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
        "bindings": { "kv": request.bindings.kv, "adminToken": request.bindings.admin_token },
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

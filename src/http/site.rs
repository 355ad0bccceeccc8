//! The routes, and the answer that each gives.

use std::rc::Rc;

use futures::FutureExt;
use serde::Serialize;

use super::answer::{Answer, Body};
use super::inspector::{self, File};
use super::problem::Problem;
use super::request::{Method, Request};
use super::{batch, cors, image, purge};
use crate::config::{ConfigError, CorsOrigins};
use crate::ports::Ports;
use crate::service::OptimizedMetadataService;

/// The routes around one service.
#[derive(Debug)]
pub struct Site<S> {
    service: Rc<OptimizedMetadataService<S>>,
}

/// A path of the service.
enum Route<'a> {
    /// `/metadata/<path>`, still raw.
    Image(&'a str),
    /// `/metadata`
    Batch,
    /// `/health`
    Health,
    /// `/`, and what that page loads from here.
    Inspector(&'static File),
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/metadata" => Some(Self::Batch),
            _ => match path.strip_prefix("/metadata/") {
                Some(raw) => Some(Self::Image(raw)),
                None => File::at(path).map(Self::Inspector),
            },
        }
    }

    /// What the route takes, with or without admins.
    fn methods(&self, admins: bool) -> &'static str {
        match self {
            Self::Image(_) if admins => "GET, HEAD, DELETE, OPTIONS",
            Self::Image(_) | Self::Health | Self::Inspector(_) => "GET, HEAD, OPTIONS",
            Self::Batch => "GET, HEAD, POST, OPTIONS",
        }
    }
}

impl<S: Clone + 'static> Site<S> {
    /// The site of `service`.
    #[must_use]
    pub fn new(service: Rc<OptimizedMetadataService<S>>) -> Self {
        Self { service }
    }

    /// The service that the site is around.
    #[must_use]
    pub fn service(&self) -> &Rc<OptimizedMetadataService<S>> {
        &self.service
    }

    /// Answers a request. Whatever goes wrong is an answer, too.
    pub async fn answer<P: Ports<Signal = S>>(&self, request: &Request<'_>, ports: &P) -> Answer {
        self.finish(self.route(request, ports).await, request)
    }

    /// Answers a request for an image where memory has the last word, without waiting for
    /// anything. What [`answer`](Self::answer) would say is the same.
    #[must_use]
    pub fn recall(&self, request: &Request<'_>, now_ms: u64) -> Option<Answer> {
        match (Route::of(request.path())?, request.method) {
            (Route::Image(raw), Method::Get | Method::Head) => {
                let result = image::recall(&self.service, raw, request, now_ms)?;
                Some(self.finish(result, request))
            }
            _ => None,
        }
    }

    fn finish(&self, result: Result<Answer, Problem>, request: &Request<'_>) -> Answer {
        let answer = result.unwrap_or_else(|problem| problem.answer(request.path()));
        let allowed = &self.service.config().cors_origins;
        finish(cors::allow(answer, allowed, request.origin))
    }

    async fn route<P: Ports<Signal = S>>(
        &self,
        request: &Request<'_>,
        ports: &P,
    ) -> Result<Answer, Problem> {
        let service = &self.service;
        let route = Route::of(request.path())
            .filter(|route| !matches!(route, Route::Inspector(_)) || service.config().inspector)
            .ok_or_else(Problem::no_route)?;
        let methods = route.methods(request.bindings.admin_token.is_some());
        // Boxed, so that each is code of its own: a new isolate compiles what it comes across.
        let answer = match (route, request.method) {
            (_, Method::Options) => {
                let answer = Answer::new(204, Body::Empty).with("Allow", methods);
                return Ok(cors::preflight(answer, methods));
            }
            (Route::Health, Method::Get | Method::Head) => return Ok(health(request)),
            (Route::Inspector(file), Method::Get | Method::Head) => {
                return Ok(inspector::get(file, request, &service.config().origin_url));
            }
            (Route::Image(raw), Method::Get | Method::Head) => {
                image::get(service, raw, request, ports).boxed_local()
            }
            // There is no image whose path is empty: this says so.
            (Route::Batch, Method::Get | Method::Head) => {
                image::get(service, "", request, ports).boxed_local()
            }
            (Route::Batch, Method::Post) => batch::post(service, request, ports).boxed_local(),
            (Route::Image(raw), Method::Delete) => {
                purge::delete(service, raw, request, ports).boxed_local()
            }
            _ => return Err(Problem::method_not_allowed(methods)),
        };
        answer.await
    }
}

/// The answer to every request of a Worker whose settings cannot be used.
#[must_use]
pub fn misconfigured(error: &ConfigError, request: &Request<'_>) -> Answer {
    // Nothing but the name of a setting is in it, and `corsOrigins` may be the one that is wrong.
    let answer = Problem::from(error).answer(request.path());
    finish(cors::allow(answer, &CorsOrigins::Any, None))
}

/// Adds what every answer has.
fn finish(answer: Answer) -> Answer {
    answer.with("X-Content-Type-Options", "nosniff")
}

fn health(request: &Request<'_>) -> Answer {
    #[derive(Serialize)]
    struct Health {
        bindings: Bound,
        status: &'static str,
        version: &'static str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Bound {
        admin_token: bool,
        kv: bool,
    }
    let health = Health {
        bindings: Bound {
            admin_token: request.bindings.admin_token.is_some(),
            kv: request.bindings.kv,
        },
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    };
    // A struct of booleans and strings always has a JSON form.
    let body = serde_json::to_string(&health).unwrap_or_default();
    Answer::new(200, Body::Text(body))
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store")
}

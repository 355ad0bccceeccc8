//! The routes, and the answer that each gives.

use std::rc::Rc;

use futures::FutureExt;
use serde::Serialize;

use super::data_point::Dataset;
use super::image::ImageResponse;
use super::inspector::{self, File};
use super::problem::Problem;
use super::request::{Method, Request};
use super::response::{Body, Response};
use super::site::Site;
use super::{admin, batch, cors, image, openapi, prometheus, purge, stats};
use crate::config::{ConfigError, CorsOrigins};
use crate::crop::geometry::CropRequest;
use crate::service::OptimizedMetadataService;
use crate::service::ports::Ports;
use crate::telemetry::event::{self, Event};
use crate::telemetry::isolate::Isolate;
use crate::telemetry::log::Log;

/// The routes around one service. Each request has a line of the log and, if there is a dataset, a data point.
pub struct Routes<S>(Site<S>);

/// A path of the service.
enum Route<'a> {
    /// `/metadata/<path>`, still raw.
    Image(&'a str),
    /// `/metadata`
    Batch,
    /// `/health`
    Health,
    /// `/metrics`
    Metrics,
    /// `/stats`
    Stats,
    /// `/openapi.json`
    Description,
    /// `/`, and what that page loads from here.
    Inspector(&'static File),
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/metrics" => Some(Self::Metrics),
            "/stats" => Some(Self::Stats),
            "/openapi.json" => Some(Self::Description),
            "/metadata" => Some(Self::Batch),
            _ => match path.strip_prefix("/metadata/") {
                Some(raw) => Some(Self::Image(raw)),
                None => File::at(path).map(Self::Inspector),
            },
        }
    }

    /// Returns `true` if only admins may use the route with this method.
    fn is_admins(&self, method: Method) -> bool {
        match self {
            Self::Metrics | Self::Stats => true,
            Self::Image(_) => method == Method::Delete,
            _ => false,
        }
    }

    /// What the route takes, with or without admins.
    fn methods(&self, admins: bool) -> &'static str {
        match self {
            Self::Image(_) if admins => "GET, HEAD, DELETE, OPTIONS",
            Self::Batch => "GET, HEAD, POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

impl<S: Clone + 'static> Routes<S> {
    /// The routes around `service`.
    #[must_use]
    pub fn new(
        service: Rc<OptimizedMetadataService<S>>,
        isolate: Isolate,
        dataset: Option<Box<dyn Dataset>>,
    ) -> Self {
        Self(Site::new(service, isolate, dataset))
    }

    /// Answers a request. Whatever goes wrong is an answer, too.
    pub async fn response<P: Ports<Signal = S>>(
        &self,
        request: &Request<'_>,
        ports: &P,
    ) -> Response {
        let result = self.route(request, ports).await;
        self.finish(result, request, ports.now_ms(), ports)
    }

    /// Answers a call from another Worker, which is as good as a request: with the JSON of the
    /// answer for the image at the raw path.
    ///
    /// # Errors
    /// That of the crop, or why there is no answer.
    pub async fn call<P: Ports<Signal = S>>(
        &self,
        raw: &str,
        crop: Result<Option<CropRequest>, Problem>,
        ports: &P,
    ) -> Result<String, Problem> {
        let told = match crop {
            Ok(crop) => ImageResponse::find(&self.0, raw, crop.as_ref(), ports).await,
            Err(problem) => Err(problem),
        };
        let now_ms = ports.now_ms();
        let (status, code) = told.as_ref().map_or_else(
            |problem| {
                self.0.record(raw, Err(problem), now_ms, ports);
                (problem.code.status(), Some(problem.code.name()))
            },
            |_| (200, None),
        );
        let event = Event::Request {
            method: "RPC",
            path: raw,
            status,
            code,
            cache_status: None,
            server_timing: None,
        };
        self.0.service().log_at(&event, now_ms, ports);
        told.map(|told| told.body().to_owned())
    }

    /// Answers a request for an image where memory has the last word, without waiting for
    /// anything. What [`answer`](Self::answer) would say is the same.
    #[must_use]
    pub fn recall(&self, request: &Request<'_>, now_ms: u64, log: &dyn Log) -> Option<Response> {
        match (Route::of(request.path())?, request.method) {
            (Route::Image(raw), Method::Get | Method::Head) => {
                let result = image::recall(&self.0, raw, request, now_ms, log)?;
                Some(self.finish(result, request, now_ms, log))
            }
            _ => None,
        }
    }

    fn finish(
        &self,
        result: Result<Response, Problem>,
        request: &Request<'_>,
        now_ms: u64,
        log: &dyn Log,
    ) -> Response {
        let path = request.path();
        let code = result.as_ref().err().map(|problem| problem.code.name());
        let response = result.unwrap_or_else(|problem| {
            let raw = path.strip_prefix("/metadata/").unwrap_or(path);
            self.0.record(raw, Err(&problem), now_ms, log);
            problem.response(path)
        });
        let method = request.method.name();
        // Most answers are not logged, and their headers need not be searched.
        if self
            .0
            .service()
            .is_logged(event::level_of_request(method, code))
        {
            let event = Event::Request {
                method,
                path,
                status: response.status,
                code,
                cache_status: response.headers.get("Cache-Status"),
                server_timing: response.headers.get("Server-Timing"),
            };
            self.0.service().log_at(&event, now_ms, log);
        }
        let allowed = &self.0.service().config().cors_origins;
        finish(cors::allow(response, allowed, request.origin))
    }

    async fn route<P: Ports<Signal = S>>(
        &self,
        request: &Request<'_>,
        ports: &P,
    ) -> Result<Response, Problem> {
        let service = self.0.service();
        let admins = request.bindings.admin_token.is_some();
        let route = Route::of(request.path());
        if !admins
            && route
                .as_ref()
                .is_some_and(|route| route.is_admins(request.method))
        {
            let event = Event::AdminTokenMissing;
            service.log_at(&event, ports.now_ms(), ports);
        }
        let route = route
            .filter(|route| match route {
                Route::Inspector(_) => service.config().inspector,
                Route::Metrics | Route::Stats => admins,
                _ => true,
            })
            .ok_or_else(Problem::no_route)?;
        let methods = route.methods(admins);
        // Boxed, so that each is code of its own: a new isolate compiles what it comes across.
        let response = match (route, request.method) {
            (_, Method::Options) => {
                let response = Response::new(204, Body::Empty).with("Allow", methods);
                return Ok(cors::preflight(response, methods));
            }
            (Route::Health, Method::Get | Method::Head) => return Ok(self.health(request)),
            (Route::Description, Method::Get | Method::Head) => return Ok(openapi::get(request)),
            (Route::Inspector(file), Method::Get | Method::Head) => {
                let origin_url = service.config().origin_url.as_deref();
                return Ok(inspector::get(
                    file,
                    request,
                    origin_url.unwrap_or_default(),
                ));
            }
            (Route::Metrics, Method::Get | Method::Head) => {
                admin::require(request)?;
                let text = prometheus::text(&service.snapshot(), self.0.isolate());
                return Ok(Response::uncached(prometheus::CONTENT_TYPE, text));
            }
            (Route::Stats, Method::Get | Method::Head) => {
                admin::require(request)?;
                let json = stats::json(&service.snapshot(), self.0.isolate(), ports.now_ms());
                return Ok(Response::uncached("application/json", json));
            }
            (Route::Image(raw), Method::Get | Method::Head) => {
                image::get(&self.0, raw, request, ports).boxed_local()
            }
            // There is no image whose path is empty: this says so.
            (Route::Batch, Method::Get | Method::Head) => {
                image::get(&self.0, "", request, ports).boxed_local()
            }
            (Route::Batch, Method::Post) => batch::post(&self.0, request, ports).boxed_local(),
            (Route::Image(raw), Method::Delete) => {
                purge::delete(service, raw, request, ports).boxed_local()
            }
            _ => return Err(Problem::method_not_allowed(methods)),
        };
        response.await
    }

    /// Which optional parts there are, without asking any of them.
    fn health(&self, request: &Request<'_>) -> Response {
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
            analytics: bool,
            bucket: bool,
            kv: bool,
        }
        let health = Health {
            bindings: Bound {
                admin_token: request.bindings.admin_token.is_some(),
                analytics: self.0.has_dataset(),
                // One that is named and not bound is a configuration error.
                bucket: self.0.service().config().origin_bucket.is_some(),
                kv: request.bindings.kv,
            },
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
        };
        // A struct of booleans and strings always has a JSON form.
        let body = serde_json::to_string(&health).unwrap_or_default();
        Response::uncached("application/json", body)
    }
}

/// The answer to every request of a Worker whose settings cannot be used.
#[must_use]
pub fn misconfigured(error: &ConfigError, request: &Request<'_>) -> Response {
    // Nothing but the name of a setting is in it, and `corsOrigins` may be the one that is wrong.
    let response = Problem::from(error).response(request.path());
    finish(cors::allow(response, &CorsOrigins::Any, None))
}

/// Adds what every answer has.
fn finish(response: Response) -> Response {
    response.with("X-Content-Type-Options", "nosniff")
}

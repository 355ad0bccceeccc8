//! The routes of the service, and the dispatch of requests to them.

use std::rc::Rc;

use futures::FutureExt;

use super::cache_headers::EDGE_HEADER;
use super::data_point::Dataset;
use super::extras::Extras;
use super::image::ImageResponse;
use super::inspector::{self, File};
use super::problem::Problem;
use super::request::{Method, Request};
use super::response::{Body, Response};
use super::site::Site;
use super::{admin, batch, cors, health, image, openapi, prometheus, purge, stats};
use crate::config::{ConfigError, CorsOrigins};
use crate::path::query::split;
use crate::queue::{self, Delivery, Handled};
use crate::service::OptimizedMetadataService;
use crate::service::ports::Ports;
use crate::telemetry::event::{self, Event};
use crate::telemetry::isolate::Isolate;
use crate::telemetry::log::Log;

/// The routes of one service. Responses are logged and, if a dataset is bound, written as data points.
pub struct Routes<S>(Site<S>);

/// A route. Its methods are checked later.
enum Route<'a> {
    /// `/metadata/<path>`, with the raw path.
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
    /// `/` and the files that the page loads.
    Inspector(&'static File),
}

impl<'a> Route<'a> {
    fn parse(path: &'a str) -> Option<Self> {
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
    fn is_admin_only(&self, method: Method) -> bool {
        match self {
            Self::Metrics | Self::Stats => true,
            Self::Image(_) => method == Method::Delete,
            _ => false,
        }
    }

    /// Returns the methods that the route supports. `has_admin_token` is `true` if the secret is set.
    fn methods(&self, has_admin_token: bool) -> &'static str {
        match self {
            Self::Image(_) if has_admin_token => "GET, HEAD, DELETE, OPTIONS",
            Self::Batch => "GET, HEAD, POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

impl<S: Clone + 'static> Routes<S> {
    /// Returns the routes of `service`. Without a `dataset`, no data points are written. `has_edge_cache` is `true` if the platform's
    /// cache is in front.
    #[must_use]
    pub fn new(
        service: Rc<OptimizedMetadataService<S>>,
        isolate: Isolate,
        dataset: Option<Box<dyn Dataset>>,
        has_edge_cache: bool,
    ) -> Self {
        Self(Site::new(service, isolate, dataset, has_edge_cache))
    }

    /// Handles a request. Errors are responses, too.
    pub async fn response<P: Ports<Signal = S>>(
        &self,
        request: &Request<'_>,
        ports: &P,
    ) -> Response {
        let result = self.route(request, ports).await;
        self.finish(result, request, ports.now_ms(), ports)
    }

    /// Handles a call from another Worker like a request. Returns the JSON of the response for the image at the raw
    /// path, which may have a query.
    ///
    /// # Errors
    /// If `extras` is an error or asks for what the service does not have, the path is invalid, or the look-up fails.
    pub async fn call<P: Ports<Signal = S>>(
        &self,
        raw: &str,
        extras: Result<Extras, Problem>,
        ports: &P,
    ) -> Result<String, Problem> {
        let result = match extras {
            Ok(extras) => {
                let (raw, query) = split(raw);
                ImageResponse::look_up(&self.0, raw, query, &extras, ports).await
            }
            Err(problem) => Err(problem),
        };
        let now_ms = ports.now_ms();
        let (status, code) = result.as_ref().map_or_else(
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
        result.map(|image| image.body().to_owned())
    }

    /// Handles a batch of messages of the queue. Returns what was done with each, in their order.
    pub async fn consume<P: Ports<Signal = S>>(
        &self,
        deliveries: &[Delivery],
        ports: &P,
    ) -> Vec<Handled> {
        let handled = queue::consume(self.0.service(), deliveries, ports).await;
        for message in &handled {
            self.0.record_message(message, ports.now_ms(), ports);
        }
        handled
    }

    /// Returns the [response](Self::response) to a request for an image, without I/O, or `None` if memory alone does
    /// not decide it.
    #[must_use]
    pub fn response_from_memory(
        &self,
        request: &Request<'_>,
        now_ms: u64,
        log: &dyn Log,
    ) -> Option<Response> {
        match (Route::parse(request.path())?, request.method) {
            (Route::Image(raw), Method::Get | Method::Head) => {
                let result = image::get_from_memory(&self.0, raw, request, now_ms, log)?;
                Some(self.finish(result, request, now_ms, log))
            }
            _ => None,
        }
    }

    /// Logs and records the result, and adds the headers of all responses.
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
        // Do not search the headers of a response that is not logged, as most are not.
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
        let response = finish(cors::allow(response, allowed, request.origin));
        if self.0.bypasses_edge_cache() {
            return response.with(EDGE_HEADER, "no-store");
        }
        response
    }

    async fn route<P: Ports<Signal = S>>(
        &self,
        request: &Request<'_>,
        ports: &P,
    ) -> Result<Response, Problem> {
        let service = self.0.service();
        let has_admin_token = request.bindings.admin_token.is_some();
        let route = Route::parse(request.path());
        if !has_admin_token
            && route
                .as_ref()
                .is_some_and(|route| route.is_admin_only(request.method))
        {
            let event = Event::AdminTokenMissing;
            service.log_at(&event, ports.now_ms(), ports);
        }
        let route = route
            .filter(|route| match route {
                Route::Inspector(_) => service.config().inspector,
                Route::Metrics | Route::Stats => has_admin_token,
                _ => true,
            })
            .ok_or_else(Problem::no_route)?;
        let methods = route.methods(has_admin_token);
        // Each future is boxed and thus a function of its own: a new isolate compiles only those that it calls.
        let response = match (route, request.method) {
            (_, Method::Options) => {
                let response = Response::new(204, Body::Empty).with("Allow", methods);
                return Ok(cors::preflight(response, methods));
            }
            (Route::Health, Method::Get | Method::Head) => {
                return Ok(health::get(&self.0, request));
            }
            (Route::Description, Method::Get | Method::Head) => return Ok(openapi::get(request)),
            (Route::Inspector(file), Method::Get | Method::Head) => {
                return Ok(inspector::get(file, request, service.config()));
            }
            (Route::Metrics, Method::Get | Method::Head) => {
                admin::require_charged(request, service, ports)
                    .boxed_local()
                    .await?;
                let text = prometheus::text(&service.snapshot(), self.0.isolate());
                return Ok(Response::uncached(prometheus::CONTENT_TYPE, text));
            }
            (Route::Stats, Method::Get | Method::Head) => {
                admin::require_charged(request, service, ports)
                    .boxed_local()
                    .await?;
                let json = stats::json(&service.snapshot(), self.0.isolate(), ports.now_ms());
                return Ok(Response::uncached("application/json", json));
            }
            (Route::Image(raw), Method::Get | Method::Head) => {
                image::get(&self.0, raw, request, ports).boxed_local()
            }
            // An empty path is invalid, which this reports.
            (Route::Batch, Method::Get | Method::Head) => {
                image::get(&self.0, "", request, ports).boxed_local()
            }
            (Route::Batch, Method::Post) => batch::post(&self.0, request, ports).boxed_local(),
            (Route::Image(raw), Method::Delete) => {
                purge::delete(&self.0, raw, request, ports).boxed_local()
            }
            _ => return Err(Problem::method_not_allowed(methods)),
        };
        response.await
    }
}

/// Returns the response of a Worker with invalid settings, to any request.
#[must_use]
pub fn misconfigured(error: &ConfigError, request: &Request<'_>) -> Response {
    // Any site may read it: it has only the name of a setting and its accepted values, and `corsOrigins` may be
    // invalid.
    let response = Problem::from(error).response(request.path());
    finish(cors::allow(response, &CorsOrigins::Any, None))
}

/// Adds the headers of all responses.
fn finish(response: Response) -> Response {
    response.with("X-Content-Type-Options", "nosniff")
}

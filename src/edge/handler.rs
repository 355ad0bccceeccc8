//! Handles requests that memory alone does not answer.

use std::rc::Rc;

use worker::Context;

use super::app::App;
use super::incoming::{self, Incoming};
use super::ports::RequestPorts;
use super::{cancellation, tasks, wire};
use crate::config::ConfigError;
use crate::http::{Method, Response, client_to_charge, misconfigured};

/// Returns the [text](wire) of the response, or `None` if the request was cancelled.
pub(super) async fn respond(
    app: Rc<Result<App, ConfigError>>,
    request: Incoming,
    context: Context,
) -> Option<String> {
    let response = response(app.as_ref().as_ref(), &request, context);
    let response = cancellation::run(request.number(), response).await?;
    Some(wire::text(&response))
}

async fn response(
    app: Result<&App, &ConfigError>,
    incoming: &Incoming,
    context: Context,
) -> Response {
    let head = incoming.head();
    let mut request = incoming::request(&head);
    match app {
        Ok(app) => {
            let context = tasks::Context::Fetch(Rc::new(context));
            let ports = RequestPorts::new(context, &app.bound);
            // A request for one image is watched only if it follows a flight. A batch may both lead and follow.
            let ports = match request.method {
                Method::Get | Method::Head => ports.watching(incoming),
                _ => {
                    incoming.watch();
                    ports
                }
            };
            request.bindings = app.bound.bindings();
            let ports = ports.charging(client_to_charge(&request));
            if request.method == Method::Post {
                request.body = incoming.body();
            }
            app.routes.response(&request, &ports).await
        }
        Err(error) => misconfigured(error, &request),
    }
}

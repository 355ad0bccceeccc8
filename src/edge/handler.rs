//! Answers a request that takes more than memory.

use std::rc::Rc;

use worker::Context;

use super::app::App;
use super::incoming::{self, Incoming};
use super::ports::RequestPorts;
use super::{cancellation, tasks, wire};
use crate::config::ConfigError;
use crate::http::{Method, Response, misconfigured};

/// Returns the [text](wire) of the answer; `None` if the request was cancelled.
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
    request: &Incoming,
    context: Context,
) -> Response {
    let head = request.head();
    let mut asked = incoming::request(&head);
    match app {
        Ok(app) => {
            let context = tasks::Context::Fetch(Rc::new(context));
            let ports = RequestPorts::new(context, &app.bound);
            // A request for one image has this done when it follows a flight. A batch may both lead and follow.
            let ports = match asked.method {
                Method::Get | Method::Head => ports.watching(request),
                _ => {
                    request.watch();
                    ports
                }
            };
            asked.bindings = app.bound.bindings();
            if asked.method == Method::Post {
                asked.body = request.body();
            }
            app.routes.response(&asked, &ports).await
        }
        Err(error) => misconfigured(error, &asked),
    }
}

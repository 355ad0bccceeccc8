//! The Worker: all that knows the runtime.
//!
//! One instance serves many requests of an isolate at once, each in an I/O context of its own.
//! What they share is plain memory ([`App`]) and JS promises without data ([`tasks`]).

mod app;
mod body;
mod bucket;
mod cancellation;
mod console;
mod dataset;
mod incoming;
mod kv;
mod memory;
mod object;
mod origin;
mod ports;
mod prefix_share;
// The module that it imports is the runtime's own: tests run without it.
#[cfg(not(test))]
mod rpc;
mod tasks;
mod thrown;
mod timer;
mod wire;

use std::convert::Infallible;
use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use worker::{Context, Env, event};

use crate::config::ConfigError;
use crate::http::{Answer, Method, misconfigured};
use app::App;
use incoming::Incoming;
use ports::RequestPorts;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    context: Context,
) -> Result<web_sys::Response, Infallible> {
    let text = respond(App::of(&env), request.unchecked_into(), context).await;
    // It is no response of the runtime, and nobody but `src/index.js`, which makes one of it, is handed it.
    Ok(JsValue::from(text).unchecked_into())
}

/// The [text](wire) of the answer. Nobody reads that to a cancelled request, which has none.
async fn respond(
    app: Rc<Result<App, ConfigError>>,
    request: Incoming,
    context: Context,
) -> Option<String> {
    let answer = answer(app.as_ref().as_ref(), &request, context);
    let answer = cancellation::run(request.number(), answer).await?;
    Some(wire::text(&answer))
}

async fn answer(app: Result<&App, &ConfigError>, request: &Incoming, context: Context) -> Answer {
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
            app.routes.answer(&asked, &ports).await
        }
        Err(error) => misconfigured(error, &asked),
    }
}

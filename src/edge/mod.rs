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
mod response;
// The module that it imports is the runtime's own: tests run without it.
#[cfg(not(test))]
mod rpc;
mod tasks;
mod thrown;
mod timer;

use std::convert::Infallible;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use worker::{Context, Env, event};

use crate::http::{Answer, Method, Request, misconfigured};
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
    let request: Incoming = request.unchecked_into();
    let answer = cancellation::run(request.number(), answer(&request, &env, context)).await;
    // Nobody reads the response to a cancelled request. There is no way known in which one cannot be made; the runtime would
    // answer 500 then. An error type of the crate would bring its responses along, a twentieth of the Worker.
    Ok(answer
        .and_then(|answer| response::from(&answer).ok())
        .unwrap_or_else(web_sys::Response::error))
}

async fn answer(request: &Incoming, env: &Env, context: Context) -> Answer {
    let (url, headers) = (request.url(), request.headers());
    let header = |name| headers.get(name).unwrap_or_default();
    let (if_none_match, origin) = (header("if-none-match"), header("origin"));
    let authorization = header("authorization");
    let mut asked = Request {
        method: request.method().as_str().into(),
        url: &url,
        if_none_match: if_none_match.as_deref(),
        origin: origin.as_deref(),
        authorization: authorization.as_deref(),
        ..Request::default()
    };
    match App::of(env).as_ref() {
        Ok(app) => {
            let context = tasks::Context::Fetch(Rc::new(context));
            let ports = RequestPorts::new(context, env, app.site.service().config());
            // A request for one image has this done when it follows a flight. A batch may both lead and follow.
            let ports = match asked.method {
                Method::Get | Method::Head => ports.watching(request),
                _ => {
                    request.watch();
                    ports
                }
            };
            asked.bindings = app::bindings(env, ports.has_kv());
            asked.body = request.body();
            app.site.answer(&asked, &ports).await
        }
        Err(error) => misconfigured(error, &asked),
    }
}

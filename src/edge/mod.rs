//! The Worker: all that knows the runtime.
//!
//! One instance serves many requests of an isolate at once, each in an I/O context of its own.
//! What they share is plain memory ([`App`]) and JS promises without data ([`tasks`]).

mod app;
mod body;
mod bucket;
mod console;
mod dataset;
mod kv;
mod memory;
mod object;
mod origin;
mod ports;
mod prefix_share;
mod received;
mod response;
// The module that it imports is the runtime's own: tests run without it.
#[cfg(not(test))]
mod rpc;
mod tasks;
mod thrown;
mod timer;

use std::convert::Infallible;
use std::rc::Rc;

use worker::{Context, Env, event};

use crate::http::{Method, Request, misconfigured};
use app::App;
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
    let answer = match App::of(&env).as_ref() {
        Ok(app) => {
            let context = tasks::Context::Fetch(Rc::new(context));
            let ports = RequestPorts::new(context, &env, app.site.service().config());
            asked.bindings = app::bindings(&env, ports.has_kv());
            if asked.method == Method::Post {
                asked.body = received::of(&request);
            }
            app.site.answer(&asked, &ports).await
        }
        Err(error) => misconfigured(error, &asked),
    };
    // There is no way known in which it cannot be made; the runtime would answer 500 then. An error
    // type of the crate would bring its responses along, a twentieth of the Worker.
    Ok(response::from(&answer).unwrap_or_else(|_| web_sys::Response::error()))
}

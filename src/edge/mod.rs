//! The Worker: all that knows the runtime.
//!
//! One instance serves many requests of an isolate at once, each in an I/O context of its own.
//! What they share is plain memory ([`App`]) and JS promises without data ([`tasks`]).

mod app;
mod console;
mod kv;
mod origin;
mod ports;
mod response;
mod tasks;
mod timer;

use std::rc::Rc;

use worker::{Context, Env, Result, event};

use crate::http::{Request, misconfigured};
use app::App;
use ports::RequestPorts;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> Result<web_sys::Response> {
    let head = |bindings| {
        let headers = request.headers();
        let header = |name| headers.get(name).unwrap_or_default();
        Request {
            method: request.method().as_str().into(),
            path: Request::path_of(&request.url()).to_owned(),
            if_none_match: header("if-none-match"),
            origin: header("origin"),
            authorization: header("authorization"),
            bindings,
        }
    };
    let answer = match App::of(&env).as_ref() {
        Ok(app) => {
            let kv = kv::Namespace::bound(&env, &app.kv_namespace);
            let head = head(app::bindings(&env, kv.is_some()));
            let ports = RequestPorts::new(Rc::new(context), kv);
            app.site.answer(&head, &ports).await
        }
        Err(error) => misconfigured(error, Request::path_of(&request.url())),
    };
    Ok(response::from(&answer)?)
}

//! The Worker: all code that depends on the runtime.
//!
//! One instance serves many concurrent requests of an isolate, each in its own I/O context. They share only plain
//! memory ([`App`]) and JavaScript promises without data ([`tasks`]).

mod app;
mod bindings;
mod body;
mod bound;
mod bucket;
mod cancellation;
mod clock;
mod connection_fault;
mod console;
// It uses the current context, which imports a module of the runtime.
#[cfg(not(test))]
mod consumer;
mod dataset;
mod decompress;
mod edge_cache;
mod fast_path;
mod handler;
mod header_probe;
mod images;
mod incoming;
mod js_value;
mod kv;
mod origin;
mod picture;
mod ports;
mod prefix_share;
mod queue;
mod rate_limit;
mod redirect;
// It imports a module of the runtime, which does not exist in tests.
#[cfg(not(test))]
mod rpc;
mod service;
mod tasks;
mod timer;
mod wanted;
mod wire;

use std::convert::Infallible;

use wasm_bindgen::{JsCast, JsValue};
use worker::{Context, Env, event};

use app::App;

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
    let text = handler::respond(App::get_or_create(&env), request.unchecked_into(), context).await;
    // This is text, not a `Response`. Only `src/index.js` receives it, and creates the `Response` from it.
    Ok(JsValue::from(text).unchecked_into())
}

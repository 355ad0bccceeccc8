//! The Worker: all that knows the runtime.
//!
//! One instance serves many requests of an isolate at once, each in an I/O context of its own.
//! What they share is plain memory ([`App`]) and JS promises without data ([`tasks`]).

mod app;
mod bindings;
mod body;
mod bucket;
mod cancellation;
mod clock;
mod console;
mod dataset;
mod fast_path;
mod handler;
mod incoming;
mod js_value;
mod kv;
mod origin;
mod ports;
mod prefix_share;
// The module that it imports is the runtime's own: tests run without it.
#[cfg(not(test))]
mod rpc;
mod tasks;
mod timer;
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
    let text = handler::respond(App::of(&env), request.unchecked_into(), context).await;
    // It is no response of the runtime, and nobody but `src/index.js`, which makes one of it, is handed it.
    Ok(JsValue::from(text).unchecked_into())
}

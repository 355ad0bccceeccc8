//! The fast path: what memory alone can answer, in one synchronous call from `src/index.js`.
//!
//! A call from JavaScript into WebAssembly costs little; a promise, a `Headers` object and a
//! crossing for each header cost more than all that the service does for a hit. So the request
//! comes as text and the answer goes as text, and `src/index.js` makes the response.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::{Context, Env};

use super::app::App;
use super::clock::now_ms;
use super::console::Console;
use super::handler::respond;
use super::incoming::Incoming;
use super::{incoming, tasks, wire};
use crate::http::{Method, Request};
use crate::telemetry::isolate::Isolate;

/// What the isolate remembers. A class, because worker-build turns exported functions into
/// methods that other Workers can call.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Memory;

#[wasm_bindgen]
impl Memory {
    /// The [text](super::wire) of the answer to a `GET` or `HEAD`, or nothing where it takes more than memory.
    #[wasm_bindgen]
    #[must_use]
    pub fn answer(
        is_head: bool,
        url: &str,
        if_none_match: Option<String>,
        origin: Option<String>,
    ) -> Option<String> {
        let app = App::running()?;
        let request = Request {
            method: if is_head { Method::Head } else { Method::Get },
            url,
            if_none_match: if_none_match.as_deref(),
            origin: origin.as_deref(),
            ..Request::default()
        };
        recall(app.as_ref().as_ref().ok()?, &request)
    }

    /// Drops the work of a request whose client has left.
    #[wasm_bindgen]
    pub fn cancel(number: u32) {
        super::cancellation::cancel(number);
    }

    /// Looks an image up twice, on an instance that is dropped: see `src/edge/warm.js`. The second answer is from memory.
    pub fn warm(request: JsValue, env: Env, context: JsValue) -> Promise {
        let request: Incoming = request.unchecked_into();
        let context = Context::new(context.unchecked_into());
        tasks::promise(Box::pin(async move {
            let app = Rc::new(App::new(&env, Isolate::new([0.0, 0.0], 0)));
            let head = request.head();
            respond(Rc::clone(&app), request, context).await;
            let app = app.as_ref().as_ref().ok();
            Ok(app
                .and_then(|app| recall(app, &incoming::request(&head)))
                .into())
        }))
    }
}

fn recall(app: &App, request: &Request<'_>) -> Option<String> {
    let response = app
        .routes
        .response_from_memory(request, now_ms(), &Console)?;
    Some(wire::text(&response))
}

//! The fast path: memory hits, in one synchronous call from `src/index.js`.
//!
//! A call from JavaScript into WebAssembly is cheap. A promise, a `Headers` object and a call per header cost more than
//! the whole look-up of a hit. The request and the response are therefore passed as text, and `src/index.js` creates
//! the `Response`.

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

/// Entry points for `src/index.js`. They are methods of a class because worker-build turns exported functions into
/// methods that other Workers can call.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Memory;

#[wasm_bindgen]
impl Memory {
    /// Returns the [text](super::wire) of the response to a `GET` or `HEAD`, or `None` if memory alone does not decide
    /// it.
    #[wasm_bindgen]
    #[must_use]
    pub fn answer(
        is_head: bool,
        url: &str,
        if_none_match: Option<String>,
        origin: Option<String>,
    ) -> Option<String> {
        let app = App::get()?;
        let request = Request {
            method: if is_head { Method::Head } else { Method::Get },
            url,
            if_none_match: if_none_match.as_deref(),
            origin: origin.as_deref(),
            ..Request::default()
        };
        response_text(app.as_ref().as_ref().ok()?, &request)
    }

    /// Cancels the work of a request whose client has disconnected.
    #[wasm_bindgen]
    pub fn cancel(number: u32) {
        super::cancellation::cancel(number);
    }

    /// Looks up an image twice, on a temporary instance of the service: see `src/edge/warm.js`. Resolves with the
    /// second response, which is from memory.
    pub fn warm(request: JsValue, env: Env, context: JsValue) -> Promise {
        let request: Incoming = request.unchecked_into();
        let context = Context::new(context.unchecked_into());
        tasks::promise(Box::pin(async move {
            let app = Rc::new(App::new(&env, Isolate::new([0.0, 0.0], 0)));
            let head = request.head();
            respond(Rc::clone(&app), request, context).await;
            let app = app.as_ref().as_ref().ok();
            Ok(app
                .and_then(|app| response_text(app, &incoming::request(&head)))
                .into())
        }))
    }
}

fn response_text(app: &App, request: &Request<'_>) -> Option<String> {
    let response = app
        .routes
        .response_from_memory(request, now_ms(), &Console)?;
    Some(wire::text(&response))
}

//! The body of a request, which `src/body.js` has read.
//!
//! A body that arrives slowly or never completes stays in JavaScript, where it is freed with its request. WebAssembly memory
//! holds complete bodies only.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::http::Received;

#[wasm_bindgen]
extern "C" {
    type Incoming;

    /// The bytes, or the status of the response when there are none.
    #[wasm_bindgen(method, getter)]
    fn received(this: &Incoming) -> JsValue;
}

/// Returns the body that comes with `request`.
pub(super) fn of(request: &web_sys::Request) -> Received {
    let received = request.unchecked_ref::<Incoming>().received();
    if let Some(bytes) = received.dyn_ref::<Uint8Array>() {
        return Received::Bytes(bytes.to_vec());
    }
    match received.as_f64() {
        Some(408.0) => Received::TooSlow,
        Some(413.0) => Received::TooLong,
        Some(503.0) => Received::TooMany,
        _ => Received::Nothing,
    }
}

//! Requests in the form in which `src/index.js` passes them.
//!
//! A body that arrives slowly or never completes stays in JavaScript, where it is freed with its request. WebAssembly
//! memory holds complete bodies only.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::http::{Request, RequestBody};

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub(super) type Incoming;

    /// The method, the URL, and the values of `If-None-Match`, `Origin`, `Authorization` and, if a rate limit is bound,
    /// `CF-Connecting-IP`, each on a line. A missing header is an empty line.
    #[wasm_bindgen(method, getter)]
    pub(super) fn head(this: &Incoming) -> String;

    /// The number that identifies the request when it is cancelled.
    #[wasm_bindgen(method, getter)]
    pub(super) fn number(this: &Incoming) -> u32;

    /// Subscribes to disconnection of the client, which cancels the request. This costs more than a look-up in memory.
    #[wasm_bindgen(method)]
    pub(super) fn watch(this: &Incoming);

    /// The bytes of the body, or an error status if it could not be read.
    #[wasm_bindgen(method, getter)]
    fn received(this: &Incoming) -> JsValue;
}

impl Incoming {
    pub(super) fn body(&self) -> RequestBody {
        let received = self.received();
        if let Some(bytes) = received.dyn_ref::<Uint8Array>() {
            return RequestBody::Bytes(bytes.to_vec());
        }
        match received.as_f64() {
            Some(408.0) => RequestBody::TooSlow,
            Some(413.0) => RequestBody::TooLong,
            Some(503.0) => RequestBody::TooMany,
            _ => RequestBody::Nothing,
        }
    }
}

/// Parses the [head](Incoming::head) of a request.
pub(super) fn request(head: &str) -> Request<'_> {
    let mut lines = head.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, url) = (next(), next());
    let mut header = || Some(next()).filter(|value| !value.is_empty());
    Request {
        method: method.into(),
        url,
        if_none_match: header(),
        origin: header(),
        authorization: header(),
        client_address: header(),
        ..Request::default()
    }
}

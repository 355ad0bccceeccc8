//! Helpers for values of JavaScript: objects, numbers and errors.

use js_sys::{Error, Object, Reflect};
use wasm_bindgen::prelude::*;

/// Returns an object with these fields.
pub(super) fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a new object cannot fail.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}

/// Converts a number of bytes, seconds or milliseconds to a JavaScript number.
#[allow(clippy::cast_precision_loss)] // all are far below 2^53
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// Returns the message of an error, or `unknown` for any other value. For the log only: it may contain a stack.
pub(super) fn message(thrown: &JsValue) -> String {
    thrown
        .dyn_ref::<Error>()
        .map_or_else(|| "unknown".to_owned(), |error| error.message().into())
}

/// Returns `true` if the message means that the request has reached its subrequest limit. The message is the only sign
/// of it: <https://developers.cloudflare.com/workers/platform/limits/#subrequests>.
pub(super) fn is_subrequest_limit(message: &str) -> bool {
    message.contains("Too many subrequests")
}

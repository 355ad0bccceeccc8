//! What JavaScript threw, in words. They are for the log only: they may hold a stack.

use js_sys::Error;
use wasm_bindgen::prelude::*;

/// The message of an error; other things that can be thrown have none.
pub(super) fn message(thrown: &JsValue) -> String {
    thrown
        .dyn_ref::<Error>()
        .map_or_else(|| "unknown".to_owned(), |error| error.message().into())
}

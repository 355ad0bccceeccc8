//! What JavaScript threw, in words. They are for the log only: they may hold a stack.

use js_sys::Error;
use wasm_bindgen::prelude::*;

/// Returns `true` if the runtime says that the request has used up its subrequests. The message is all that tells:
/// <https://developers.cloudflare.com/workers/platform/limits/#subrequests>.
pub(super) fn is_subrequest_limit(message: &str) -> bool {
    message.contains("Too many subrequests")
}

/// The message of an error; other things that can be thrown have none.
pub(super) fn message(thrown: &JsValue) -> String {
    thrown
        .dyn_ref::<Error>()
        .map_or_else(|| "unknown".to_owned(), |error| error.message().into())
}

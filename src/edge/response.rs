//! An answer as the runtime's response.

use wasm_bindgen::JsValue;
use web_sys::{Headers, Response, ResponseInit};

use crate::http::Answer;

/// Makes the response. Header values are ASCII and without line breaks by construction.
pub(super) fn from(answer: &Answer) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(answer.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(answer.text(), &init)
}

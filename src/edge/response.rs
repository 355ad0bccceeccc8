//! An answer as the runtime's response.

use wasm_bindgen::JsValue;
use web_sys::{Headers, Response, ResponseInit};

use crate::http::Answer;

/// Makes the response. Header values are ASCII and without line breaks by construction.
pub(super) fn from(answer: &Answer) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in answer.headers.iter() {
        headers.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(answer.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(answer.text(), &init)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Body;
    use wasm_bindgen_futures::JsFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn status_headers_and_body_are_those_of_the_answer() {
        let answer = Answer::new(404, Body::Text("{}".into())).with("Cache-Control", "no-store");
        let response = from(&answer).unwrap();
        assert_eq!(response.status(), 404);
        let cache_control = response.headers().get("cache-control").unwrap();
        assert_eq!(cache_control.as_deref(), Some("no-store"));
        let text = JsFuture::from(response.text().unwrap()).await.unwrap();
        assert_eq!(text.as_string().as_deref(), Some("{}"));
        let empty = from(&Answer::new(304, Body::Empty)).unwrap();
        assert_eq!((empty.status(), empty.body().is_none()), (304, true));
    }
}

//! The text form of a response, from which `src/index.js` creates the `Response`. A call per header would cost more.

use crate::http::Response;

/// Size that the status and headers of most responses fit in, in bytes.
const HEAD_BYTES: usize = 640;

/// Returns the text of a response:
///
/// 1. the status, after a `+` if the response is repeated;
/// 2. the name and the value of each header, each on a line of its own. No value is empty or has a line break;
/// 3. an empty line;
/// 4. the body, which may be empty.
pub(super) fn text(response: &Response) -> String {
    let body = response.text().unwrap_or_default();
    let mut text = String::with_capacity(HEAD_BYTES.saturating_add(body.len()));
    if response.is_repeated {
        text.push('+');
    }
    text.push_str(&response.status.to_string());
    for (name, value) in response.headers.iter() {
        for part in ["\n", name, "\n", value] {
            text.push_str(part);
        }
    }
    text.push_str("\n\n");
    text.push_str(body);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Body;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn the_text_has_the_status_the_headers_and_the_body() {
        let response = Response::new(200, Body::Text("{\n}".into()))
            .with("Vary", "Origin")
            .with("Metadata-Age", 7.to_string());
        assert_eq!(
            text(&response),
            "200\nVary\nOrigin\nMetadata-Age\n7\n\n{\n}"
        );
        let mut unchanged = Response::new(304, Body::Empty);
        assert_eq!(text(&unchanged), "304\n\n");
        unchanged.is_repeated = true;
        assert_eq!(text(&unchanged), "+304\n\n");
    }
}

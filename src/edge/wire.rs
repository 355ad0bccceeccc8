//! An answer as text, of which `src/index.js` makes the runtime's response: a call for each header would cost more than the text.

use crate::http::Response;

/// What the names and values of most answers fit in, in bytes.
const HEAD_BYTES: usize = 640;

/// The status, with a plus sign if the answer is repeated; the name and the value of each header, each on a line; an empty line; and the body,
/// which is empty where there is none. No header value is empty or has a line break.
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
    fn it_has_the_status_the_headers_and_the_body() {
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

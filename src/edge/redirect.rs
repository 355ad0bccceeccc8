//! Redirects, which may not leave the origin.

use web_sys::Url;

/// Returns the target of a redirect if its scheme, host and port are those of `from`.
pub(super) fn within_origin(from: &str, location: &str) -> Option<String> {
    let to = Url::new_with_base(location, from).ok()?;
    let same = to.origin() == Url::new(from).ok()?.origin()
        && to.username().is_empty()
        && to.password().is_empty();
    same.then(|| to.href())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn a_redirect_may_not_leave_the_origin() {
        let from = "https://images.test/a/b";
        for (location, to) in [
            ("c", Some("https://images.test/a/c")),
            ("/c", Some("https://images.test/c")),
            ("https://images.test:443/c", Some("https://images.test/c")),
            ("http://images.test/c", None),
            ("https://images.test:8443/c", None),
            ("https://evil.test/c", None),
            ("//evil.test/c", None),
            ("\\\\evil.test/c", None),
            ("https://images.test@evil.test/c", None),
            ("https://user:word@images.test/c", None),
            ("javascript:alert(1)", None),
            ("https://", None),
        ] {
            assert_eq!(within_origin(from, location).as_deref(), to, "{location}");
        }
    }
}

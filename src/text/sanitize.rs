//! Makes text from clients safe for logs and responses: percent-encodes it, and truncates it if requested.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The maximum length of an excerpt in characters, after percent-encoding.
const MAX_CHARS: usize = 256;

/// The characters that are not allowed in a URI. `%` is not among them, so text that is already encoded is unchanged.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns the whole text in ASCII, without quotes, backslashes, white space or control characters.
#[must_use]
pub(crate) fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_IN_URI).into()
}

/// Returns the first 256 characters of the [`encoded`] text.
#[must_use]
pub(crate) fn excerpt(text: &str) -> String {
    let mut excerpt = encoded(text).into_owned();
    // The text is ASCII, so every index is a character boundary.
    excerpt.truncate(MAX_CHARS);
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_cannot_break_out_of_a_line_or_a_json_string() {
        let excerpt = excerpt("a\nb\"c\\d\u{1b}[31mé%2e\u{2028}");
        assert_eq!(excerpt, "a%0Ab%22c%5Cd%1B[31m%C3%A9%2e%E2%80%A8");
        assert_eq!(encoded(&excerpt), excerpt);
    }

    #[test]
    fn an_excerpt_is_truncated_after_encoding() {
        assert_eq!(excerpt(&"é".repeat(1_000)).len(), 256);
        assert_eq!(excerpt(&"e".repeat(255)).len(), 255);
    }
}

//! What a client wrote, made fit for logs and documents: percent-encoded, and cut where that is
//! asked for.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Longest text of a user that is logged or counted by, in characters, after percent-encoding.
const MAX_CHARS: usize = 256;

/// All that may not stand in a URI. A `%` stays: what is encoded already is left as it is.
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

/// The whole text in ASCII, without quotes, backslashes, white space and control characters.
#[must_use]
pub fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_IN_URI).into()
}

/// The same, of at most 256 characters.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut excerpt = encoded(text).into_owned();
    // There is nothing but ASCII in it.
    excerpt.truncate(MAX_CHARS);
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_line_or_of_json() {
        let excerpt = excerpt("a\nb\"c\\d\u{1b}[31mé%2e\u{2028}");
        assert_eq!(excerpt, "a%0Ab%22c%5Cd%1B[31m%C3%A9%2e%E2%80%A8");
        assert_eq!(encoded(&excerpt), excerpt);
    }

    #[test]
    fn it_is_cut_after_it_is_encoded() {
        assert_eq!(excerpt(&"é".repeat(1_000)).len(), 256);
        assert_eq!(excerpt(&"e".repeat(255)).len(), 255);
    }
}

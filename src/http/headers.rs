//! The headers of an answer.

use std::borrow::Cow;

/// How many headers most answers have.
const CAPACITY: usize = 12;

/// Names in the usual case, and values of visible ASCII, spaces and tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(Vec<(&'static str, Cow<'static, str>)>);

impl Headers {
    /// Adds a header. A value that is made at run time is left out if it is empty or has any other character: it could end the
    /// header, and begin another.
    pub fn add(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        let value = value.into();
        if matches!(value, Cow::Borrowed(_)) || is_field_value(&value) {
            self.0.push((name, value));
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }
}

/// The part of the field values of RFC 9110, section 5.5, that is in use.
fn is_field_value(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_its_name_in_any_case() {
        let mut headers = Headers::default();
        headers.add("Vary", "Origin");
        headers.add("Metadata-Age", 7.to_string());
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("Vary", "Origin"), ("Metadata-Age", "7")]);
        assert_eq!(headers.get("vary"), Some("Origin"));
        assert_eq!(headers.get("Origin"), None);
    }

    #[test]
    fn a_value_cannot_end_its_header() {
        for value in ["", "a\nSet-Cookie: b", "a\r", "\0", "\u{7f}", "é"] {
            let mut headers = Headers::default();
            headers.add("Vary", value.to_owned());
            assert_eq!(headers.iter().count(), 0, "{value:?}");
        }
    }
}

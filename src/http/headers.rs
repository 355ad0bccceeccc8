//! Response headers.

use std::borrow::Cow;

/// Number of headers that most responses fit in.
const CAPACITY: usize = 12;

/// Names in their usual case, and values of visible ASCII, spaces and tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(Vec<(&'static str, Cow<'static, str>)>);

impl Headers {
    /// Adds a header. A value from run time is dropped if it is empty or has any other character: a line break would
    /// start another header.
    pub fn add(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        let value = value.into();
        if matches!(value, Cow::Borrowed(_)) || is_field_value(&value) {
            self.0.push((name, value));
        }
    }

    /// Returns the value of the first header of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Iterates over names and values, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }
}

/// Returns `true` for a non-empty field value of RFC 9110, section 5.5, without `obs-text`.
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
    fn empty_values_and_values_with_control_or_non_ascii_characters_are_dropped() {
        for value in ["", "a\nSet-Cookie: b", "a\r", "\0", "\u{7f}", "é"] {
            let mut headers = Headers::default();
            headers.add("Vary", value.to_owned());
            assert_eq!(headers.iter().count(), 0, "{value:?}");
        }
    }
}

//! The query parameters that distinguish versions of an image, such as the `v` of `cat.jpg?v=3`.

use std::fmt;

use crate::text::query::pairs;

/// Splits a path that may have a query, such as `photos/cat.jpg?v=3`, at the first `?`.
#[must_use]
pub fn split(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// The maximum length of a value, in bytes.
const MAX_VALUE_BYTES: usize = 64;

/// The names of the parameters that an origin distinguishes versions by, in the order of the settings.
///
/// All other parameters of a request are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryNames(Vec<String>);

impl QueryNames {
    /// Creates the list from names of RFC 3986's unreserved characters, each once.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Returns `true` if there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Selects the parameters with these names from a raw query, which has no leading `?`. Returns them in the order of
    /// the names: `v=3`, or an empty string if there are none.
    ///
    /// ```
    /// use optimized_metadata::path::query::QueryNames;
    ///
    /// let names = QueryNames::new(vec!["v".into(), "size".into()]);
    /// assert_eq!(names.select("utm_source=mail&size=xl&v=%33").as_deref(), Ok("v=3&size=xl"));
    /// assert!(names.select("v=3&v=4").is_err());
    /// ```
    ///
    /// # Errors
    /// If a parameter is given more than once, or its value is not 1 to 64 unreserved characters.
    pub fn select(&self, raw: &str) -> Result<String, QueryError> {
        if self.0.is_empty() || raw.is_empty() {
            return Ok(String::new());
        }
        let mut values: Vec<Option<String>> = vec![None; self.0.len()];
        for pair in pairs(raw) {
            let (name, value) = match pair {
                Ok((name, value)) => (name, Some(value)),
                Err(error) => (error.parameter, None),
            };
            let named = self.0.iter().zip(&mut values);
            let Some((name, slot)) = named.into_iter().find(|(known, _)| **known == name) else {
                continue;
            };
            if slot.is_some() {
                return Err(QueryError::Repeated(name.clone()));
            }
            let value = value.filter(|value| {
                (1..=MAX_VALUE_BYTES).contains(&value.len()) && value.bytes().all(is_unreserved)
            });
            *slot = Some(value.ok_or_else(|| QueryError::Malformed(name.clone()))?);
        }
        let given = self.0.iter().zip(values).filter_map(|(name, value)| {
            let value = value?;
            Some([name, "=", value.as_str()].concat())
        });
        Ok(given.collect::<Vec<_>>().join("&"))
    }
}

/// Returns `true` for RFC 3986's unreserved characters, which need no encoding in a URL.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// A rule that a versioned URL breaks, with the name of the parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryError {
    /// The value is not 1 to 64 unreserved characters.
    Malformed(String),
    /// The parameter is given more than once.
    Repeated(String),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(name) => write!(
                f,
                "The parameter '{name}' takes 1 to {MAX_VALUE_BYTES} letters, digits or characters of '-._~'."
            ),
            Self::Repeated(name) => write!(
                f,
                "The parameter '{name}' is given more than once; give it once."
            ),
        }
    }
}

impl std::error::Error for QueryError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> QueryNames {
        QueryNames::new(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn selected_parameters_are_in_the_order_of_the_names_and_the_others_are_ignored() {
        let names = names(&["v", "size"]);
        for (raw, selected) in [
            ("", ""),
            ("utm=1", ""),
            ("v=3", "v=3"),
            ("size=a&v=b", "v=b&size=a"),
            ("%76=%33", "v=3"),
            ("V=3&vv=4", ""),
            ("utm=%ff&v=1.2_3~4-5", "v=1.2_3~4-5"),
        ] {
            assert_eq!(names.select(raw).as_deref(), Ok(selected), "{raw}");
        }
    }

    #[test]
    fn a_value_out_of_form_is_an_error_that_names_the_parameter() {
        let long = format!("v={}", "1".repeat(65));
        for raw in [
            "v",
            "v=",
            "v=a+b",
            "v=%2F",
            "v=%",
            "v=%ff",
            "v=é",
            "x=1&v=a%26b",
            &long,
        ] {
            let error = names(&["v"]).select(raw).unwrap_err();
            assert_eq!(error, QueryError::Malformed("v".into()), "{raw}");
        }
        let longest = format!("v={}", "1".repeat(64));
        assert_eq!(names(&["v"]).select(&longest), Ok(longest.clone()));
    }

    #[test]
    fn a_repeated_parameter_is_an_error_even_with_equal_values() {
        let error = names(&["v"]).select("v=1&%76=1").unwrap_err();
        assert_eq!(error, QueryError::Repeated("v".into()));
        assert!(error.to_string().contains("'v' is given more than once"));
    }
}

//! The error of an invalid setting.

use std::fmt;

/// An invalid setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, or `metadata` if the settings as a whole are invalid.
    pub field: String,
    /// The rest of the sentence that begins with the key: what is accepted, such as `must be true or false`.
    pub expected: String,
}

impl ConfigError {
    pub(super) fn new(field: &str, expected: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The setting '{}' {}.", self.field, self.expected)
    }
}

impl std::error::Error for ConfigError {}

//! Errors of the parameter `placeholder`, and their texts.

use std::fmt;

/// Why a placeholder is not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceholderError {
    /// The value is another one.
    Malformed,
    /// The parameter is given more than once.
    Repeated,
    /// The setting `placeholders` does not have `thumbhash`.
    Off,
}

impl fmt::Display for PlaceholderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "The parameter 'placeholder' takes data-url.",
            Self::Repeated => "The parameter 'placeholder' is given more than once; give it once.",
            Self::Off => {
                "This service makes no placeholders: add \"thumbhash\" to the setting 'placeholders', or omit the parameter 'placeholder'."
            }
        })
    }
}

//! Errors of the crop parameters, and their texts.

use std::fmt;

use crate::crop::parameter::Parameter;

/// A rule that the crop parameters break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterError {
    /// The parameter does not accept the value.
    Malformed(Parameter),
    /// The value is not percent-encoded UTF-8.
    Undecodable(Parameter),
    /// The parameter is given more than once, or under both its name and its alias.
    Repeated(Parameter),
    /// `width` and `device` are both given, and both set the width.
    WidthAndDevice,
    /// `content` is given without `platform=instagram`.
    ContentWithoutInstagram,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(parameter) => {
                let (name, accepted) = (parameter.quoted(), parameter.accepted());
                write!(f, "The parameter {name} takes {accepted}.")
            }
            Self::Undecodable(parameter) => {
                let (name, accepted) = (parameter.quoted(), parameter.accepted());
                write!(
                    f,
                    "The parameter {name} is not percent-encoded UTF-8; it takes {accepted}."
                )
            }
            Self::Repeated(parameter) => {
                let name = parameter.quoted();
                write!(
                    f,
                    "The parameter {name} is given more than once; give it once."
                )
            }
            Self::WidthAndDevice => f.write_str(
                "The parameters 'width' and 'device' both limit the width; give one of them.",
            ),
            Self::ContentWithoutInstagram => f.write_str(
                "The parameter 'content' takes portrait only with 'platform' instagram; add that, or give an 'aspect' instead.",
            ),
        }
    }
}

impl std::error::Error for ParameterError {}

/// A rule that the fields of a JSON object break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// Names of no parameter, separated by `','`, percent-encoded and truncated to be safe in a response.
    Unknown(String),
    /// A parameter breaks a rule.
    Parameter(ParameterError),
}

impl From<ParameterError> for FieldError {
    fn from(error: ParameterError) -> Self {
        Self::Parameter(error)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(names) => write!(
                f,
                "Unknown parameters: '{names}'; use aspect (or r), focal (or p, focalPoint), width, device, platform, content, allowExpansion and placeholder."
            ),
            Self::Parameter(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FieldError {}

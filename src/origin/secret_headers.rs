//! Request headers for a private origin, as one secret in JSON.

use std::fmt;

use serde_json::Value;

use crate::text::json;

/// The maximum number of headers.
const MAX_HEADERS: usize = 16;

/// The maximum length of a name, and of a value, in bytes.
const MAX_NAME_BYTES: usize = 64;
const MAX_VALUE_BYTES: usize = 8_192;

/// Headers that the service sets itself, or that concern only one connection (RFC 9110, section 7.6.1).
const RESERVED: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of conditional and ranged requests, whose responses have no image.
const CONDITIONAL: [&str; 6] = [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// The prefix of headers that Cloudflare sets. A service token of Cloudflare Access is the exception.
const CLOUDFLARE: &str = "cf-";
const ACCESS_TOKEN: [&str; 2] = ["cf-access-client-id", "cf-access-client-secret"];

/// The headers that Cloudflare's resizer forwards to the origin
/// (<https://developers.cloudflare.com/images/transform-images/control-origin-access/>).
const RESIZER_FORWARDS: [&str; 9] = [
    "authorization",
    "cf-access-client-id",
    "cf-access-client-secret",
    "cookie",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-ms-date",
    "x-ms-version",
    "x-sa-date",
];

/// Request headers, with names in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHeaders(Vec<(String, String)>);

impl SecretHeaders {
    /// Reads a JSON object of header names and values: `{"Authorization": "Basic …"}`.
    ///
    /// # Errors
    /// The first problem. It names the header, and never contains a part of its value.
    pub fn from_json(secret: &str) -> Result<Self, SecretHeadersError> {
        let Some(Value::Object(fields)) = json::parse(secret.as_bytes()) else {
            return Err(SecretHeadersError::NotAnObject);
        };
        if fields.is_empty() || fields.len() > MAX_HEADERS {
            return Err(SecretHeadersError::Number);
        }
        let mut headers: Vec<(String, String)> = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            // The name is not repeated in the error: it may be a value in the wrong place.
            if name.len() > MAX_NAME_BYTES || name.is_empty() || !name.bytes().all(is_token) {
                return Err(SecretHeadersError::MalformedName);
            }
            let name = name.to_ascii_lowercase();
            if is_reserved(&name) {
                return Err(SecretHeadersError::Reserved(name));
            }
            if headers.iter().any(|(other, _)| *other == name) {
                return Err(SecretHeadersError::Repeated(name));
            }
            match value {
                Value::String(value) if is_value(&value) => headers.push((name, value)),
                _ => return Err(SecretHeadersError::MalformedValue(name)),
            }
        }
        Ok(Self(headers))
    }

    /// Returns the names, in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.0.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the first name that Cloudflare's resizer does not forward to the origin.
    #[must_use]
    pub fn not_forwarded(&self) -> Option<&str> {
        let mut names = self.iter().map(|(name, _)| name);
        names.find(|name| !RESIZER_FORWARDS.contains(name))
    }
}

fn is_reserved(name: &str) -> bool {
    let is_cloudflare = name.starts_with(CLOUDFLARE) && !ACCESS_TOKEN.contains(&name);
    is_cloudflare || RESERVED.contains(&name) || CONDITIONAL.contains(&name)
}

/// Returns `true` for the characters of a header name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns `true` for visible ASCII with single spaces inside: a line break would begin another header, and other white
/// space is a mistake in copying.
fn is_value(value: &str) -> bool {
    (1..=MAX_VALUE_BYTES).contains(&value.len())
        && value.trim() == value
        && value
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

impl fmt::Debug for SecretHeaders {
    /// Shows the names only, so that no value can get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// A problem in the JSON of the headers, with the name of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretHeadersError {
    /// It is not JSON, or not an object.
    NotAnObject,
    /// There are none, or more than 16.
    Number,
    /// A name is not 1 to 64 characters that a header name may have.
    MalformedName,
    /// The service or the connection sets the header.
    Reserved(String),
    /// The name occurs twice, in upper and lower case.
    Repeated(String),
    /// The value is not 1 to 8,192 characters of visible ASCII and spaces inside.
    MalformedValue(String),
}

impl fmt::Display for SecretHeadersError {
    /// The end of a sentence that begins with the name of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str(
                "must hold a JSON object of request headers, such as {\"Authorization\": \"Basic …\"}",
            ),
            Self::Number => write!(f, "must hold 1 to {MAX_HEADERS} request headers"),
            Self::MalformedName => f.write_str("has a header whose name is malformed"),
            Self::Reserved(name) => write!(
                f,
                "has the header '{name}', which the service, Cloudflare or the connection sets"
            ),
            Self::Repeated(name) => write!(f, "has the header '{name}' twice"),
            Self::MalformedValue(name) => write!(
                f,
                "has a malformed value for the header '{name}': it must be a string of visible ASCII characters"
            ),
        }
    }
}

impl std::error::Error for SecretHeadersError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(secret: &str) -> SecretHeadersError {
        SecretHeaders::from_json(secret).unwrap_err()
    }

    #[test]
    fn names_are_in_lower_case_and_values_as_they_are() {
        let secret = r#"{"Authorization":"Basic dTpw","CF-Access-Client-Id":"a.access","Cookie":"a=1; b=2"}"#;
        let headers = SecretHeaders::from_json(secret).unwrap();
        let headers: Vec<_> = headers.iter().collect();
        let expected = [
            ("authorization", "Basic dTpw"),
            ("cf-access-client-id", "a.access"),
            ("cookie", "a=1; b=2"),
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_malformed_secret_is_an_error_that_names_the_header_and_not_the_value() {
        use SecretHeadersError as Error;
        let named = |error: fn(String) -> Error, name: &str| error(name.to_owned());
        let reserved = |name| named(Error::Reserved, name);
        let malformed = |name| named(Error::MalformedValue, name);
        for (secret, expected) in [
            ("", Error::NotAnObject),
            ("Basic hunter2", Error::NotAnObject),
            (r#"["hunter2"]"#, Error::NotAnObject),
            ("{}", Error::Number),
            (r#"{"":"hunter2"}"#, Error::MalformedName),
            (r#"{"Authorization: hunter2":""}"#, Error::MalformedName),
            (r#"{"Host":"hunter2"}"#, reserved("host")),
            (r#"{"rAnge":"hunter2"}"#, reserved("range")),
            (r#"{"If-None-Match":"hunter2"}"#, reserved("if-none-match")),
            (r#"{"Connection":"hunter2"}"#, reserved("connection")),
            (
                r#"{"Transfer-Encoding":"hunter2"}"#,
                reserved("transfer-encoding"),
            ),
            (
                r#"{"CF-Connecting-IP":"hunter2"}"#,
                reserved("cf-connecting-ip"),
            ),
            (
                r#"{"X":"hunter2","x":"hunter2"}"#,
                named(Error::Repeated, "x"),
            ),
            (r#"{"X":""}"#, malformed("x")),
            (r#"{"X":7}"#, malformed("x")),
            (r#"{"X":["hunter2"]}"#, malformed("x")),
            (r#"{"X":" hunter2"}"#, malformed("x")),
            ("{\"X\":\"hunter2\\r\\nHost: evil\"}", malformed("x")),
            (r#"{"X":"hünter2"}"#, malformed("x")),
        ] {
            let error = error_of(secret);
            assert_eq!(error, expected, "{secret}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let many: Vec<_> = (0..17).map(|n| format!("\"x{n}\":\"1\"")).collect();
        assert_eq!(error_of(&format!("{{{}}}", many.join(","))), Error::Number);
    }

    #[test]
    fn debug_output_has_no_values() {
        let headers = SecretHeaders::from_json(r#"{"Authorization":"hunter2"}"#).unwrap();
        assert_eq!(format!("{headers:?}"), r#"["authorization"]"#);
    }

    #[test]
    fn the_resizer_forwards_only_some_headers() {
        let headers = |secret| SecretHeaders::from_json(secret).unwrap();
        assert_eq!(headers(r#"{"Cookie":"a"}"#).not_forwarded(), None);
        let mixed = headers(r#"{"Cookie":"a","X-Api-Key":"b"}"#);
        assert_eq!(mixed.not_forwarded(), Some("x-api-key"));
    }
}

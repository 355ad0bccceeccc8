//! The credentials of an S3 bucket, as one secret in JSON.

use std::fmt;

use serde_json::{Map, Value};

use crate::text::json;

const ACCESS_KEY_ID: &str = "accessKeyId";
const SECRET_ACCESS_KEY: &str = "secretAccessKey";
const SESSION_TOKEN: &str = "sessionToken";
const KEYS: [&str; 3] = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN];

/// An access key, with the session token of temporary credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

impl Credentials {
    /// Reads `{"accessKeyId": "…", "secretAccessKey": "…", "sessionToken": "…"}`; the token is optional.
    ///
    /// Values are visible ASCII: a space or a line break is a mistake in copying, and two of the values are sent in
    /// headers.
    ///
    /// # Errors
    /// The first problem. It names the key, and never contains a part of `secret`.
    pub fn from_json(secret: &str) -> Result<Self, CredentialsError> {
        let Some(Value::Object(fields)) = json::parse(secret.as_bytes()) else {
            return Err(CredentialsError::NotAnObject);
        };
        if fields.keys().any(|key| !KEYS.contains(&key.as_str())) {
            return Err(CredentialsError::UnknownKey);
        }
        let required = |key| text(&fields, key)?.ok_or(CredentialsError::Missing(key));
        Ok(Self {
            access_key_id: required(ACCESS_KEY_ID)?,
            secret_access_key: required(SECRET_ACCESS_KEY)?,
            session_token: text(&fields, SESSION_TOKEN)?,
        })
    }
}

impl Credentials {
    /// Returns `true` for temporary credentials.
    #[must_use]
    pub fn has_session_token(&self) -> bool {
        self.session_token.is_some()
    }
}

fn text(
    fields: &Map<String, Value>,
    key: &'static str,
) -> Result<Option<String>, CredentialsError> {
    match fields.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Err(CredentialsError::Empty(key)),
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text.clone()))
        }
        Some(Value::String(_)) => Err(CredentialsError::InvalidCharacter(key)),
        Some(_) => Err(CredentialsError::NotAString(key)),
    }
}

impl fmt::Debug for Credentials {
    /// Shows no value, so that none can get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// A problem in the JSON of the credentials, with the key that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsError {
    /// It is not JSON, or not an object.
    NotAnObject,
    /// A key that is not known. It is not named: it may be a value in the wrong place.
    UnknownKey,
    /// A required key is missing.
    Missing(&'static str),
    /// The value is not a string.
    NotAString(&'static str),
    /// The value is empty.
    Empty(&'static str),
    /// The value has a character that is not visible ASCII.
    InvalidCharacter(&'static str),
}

impl fmt::Display for CredentialsError {
    /// The end of a sentence that begins with the name of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => write!(
                f,
                "must hold a JSON object such as {{\"{ACCESS_KEY_ID}\": \"…\", \"{SECRET_ACCESS_KEY}\": \"…\"}}"
            ),
            Self::UnknownKey => write!(f, "has an unknown key; the keys are {}", KEYS.join(", ")),
            Self::Missing(key) => write!(f, "has no {key}"),
            Self::NotAString(key) => write!(f, "needs a string in {key}"),
            Self::Empty(key) => write!(f, "has an empty {key}"),
            Self::InvalidCharacter(key) => write!(
                f,
                "has a space, a control character or a character outside ASCII in {key}"
            ),
        }
    }
}

impl std::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(secret: &str) -> CredentialsError {
        Credentials::from_json(secret).unwrap_err()
    }

    #[test]
    fn permanent_and_temporary_credentials_are_read() {
        let permanent = r#"{"accessKeyId":"AKIA","secretAccessKey":"a/b+c="}"#;
        let expected = Credentials {
            access_key_id: "AKIA".into(),
            secret_access_key: "a/b+c=".into(),
            session_token: None,
        };
        assert_eq!(Credentials::from_json(permanent), Ok(expected.clone()));
        let temporary =
            r#" {"sessionToken":"t0==","secretAccessKey":"a/b+c=","accessKeyId":"AKIA"}"#;
        let expected = Credentials {
            session_token: Some("t0==".into()),
            ..expected
        };
        assert_eq!(Credentials::from_json(temporary), Ok(expected));
    }

    #[test]
    fn each_problem_is_reported_with_its_key() {
        for not_an_object in ["", "AKIA", "null", "[]", "\"AKIA\"", "{", "{}{}"] {
            assert_eq!(error(not_an_object), CredentialsError::NotAnObject);
        }
        let unknown = r#"{"accessKeyId":"A","secretAccessKey":"S","region":"eu-west-1"}"#;
        assert_eq!(error(unknown), CredentialsError::UnknownKey);
        assert_eq!(error("{}"), CredentialsError::Missing("accessKeyId"));
        let only_id = r#"{"accessKeyId":"A"}"#;
        assert_eq!(error(only_id), CredentialsError::Missing("secretAccessKey"));
        for key in KEYS {
            let with = |value: &str| {
                let mut fields: Map<String, Value> = KEYS
                    .into_iter()
                    .map(|key| (key.to_owned(), "fine".into()))
                    .collect();
                fields.insert(key.to_owned(), serde_json::from_str(value).unwrap());
                error(&Value::Object(fields).to_string())
            };
            assert_eq!(with("\"\""), CredentialsError::Empty(key));
            for value in ["null", "1", "[\"a\"]", "{}"] {
                assert_eq!(with(value), CredentialsError::NotAString(key));
            }
            for value in [
                r#""a\n""#,
                r#"" a""#,
                r#""a\u0000b""#,
                r#""é""#,
                r#""a\u007f""#,
            ] {
                assert_eq!(with(value), CredentialsError::InvalidCharacter(key));
            }
        }
    }

    #[test]
    fn no_text_contains_a_part_of_the_secret() {
        for secret in [
            r#"{"accessKeyId":"AKIAHIDDEN","secretAccessKey":"HIDDEN "}"#,
            r#"{"HIDDEN":"accessKeyId"}"#,
            r#"{"accessKeyId":"HIDDEN","secretAccessKey":["HIDDEN"]}"#,
            r#"{"accessKeyId":"HIDDEN""#,
            "HIDDEN",
        ] {
            let error = error(secret);
            let texts = format!("{error} {error:?}");
            assert!(!texts.contains("HIDDEN"), "{texts}");
        }
        let valid =
            r#"{"accessKeyId":"HIDDEN","secretAccessKey":"HIDDEN","sessionToken":"HIDDEN"}"#;
        let credentials = Credentials::from_json(valid).unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials { .. }");
    }
}

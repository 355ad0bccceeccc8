//! Reads settings by key, and checks their types and ranges.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::cors_origins::CorsOrigins;
use super::error::ConfigError;
use super::log_level::LogLevel;
use crate::image::placeholder::PlaceholderKinds;
use crate::text::json::strings;

const ORIGIN_URL_EXPECTED: &str = "must be the http(s) base URL of the images, in ASCII, with a port from 1 to 65535 if any, and without spaces, query, fragment, credentials, '.' and '..' segments";

/// Reads settings one by one, and keeps the first error for [`finish`](Self::finish).
///
/// After an error, the methods return defaults. So the caller needs no error handling for each key.
pub(super) struct SettingsReader<'a> {
    settings: &'a Map<String, Value>,
    /// What precedes the keys in errors, such as `origins[2].`.
    scope: String,
    known_keys: Vec<&'static str>,
    error: Option<ConfigError>,
    /// The first missing key. An unknown key has precedence, because it is probably the same one, misspelled.
    missing: Option<ConfigError>,
}

impl<'a> SettingsReader<'a> {
    pub(super) fn new(settings: &'a Map<String, Value>, scope: String) -> Self {
        Self {
            settings,
            scope,
            known_keys: Vec::new(),
            error: None,
            missing: None,
        }
    }

    /// Returns the first invalid value or, if there is none, the first unknown key or, if there is none, the first missing key.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self
            .settings
            .keys()
            .find(|key| !self.known_keys.contains(&key.as_str()))
        {
            None => self.missing.map_or(Ok(()), Err),
            Some(unknown) => Err(ConfigError::new(
                &self.field(unknown),
                format!("is not known; the keys are {}", self.known_keys.join(", ")),
            )),
        }
    }

    /// Returns the key as errors name it.
    pub(super) fn field(&self, key: &str) -> String {
        [&self.scope, key].concat()
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known_keys.push(key);
        self.settings.get(key)
    }

    /// Returns `true` if a key that was read is set.
    pub(super) fn has(&self, key: &str) -> bool {
        self.settings.contains_key(key)
    }

    pub(super) fn refuse(&mut self, key: &str, expected: impl Into<String>) {
        if self.error.is_none() {
            self.error = Some(ConfigError::new(&self.field(key), expected));
        }
    }

    /// Records that a required key is missing. Has no effect if its value is invalid.
    pub(super) fn refuse_missing(&mut self, key: &str, expected: &str) {
        if self.missing.is_none() {
            let error = ConfigError::new(&self.field(key), format!("is missing: {expected}"));
            self.missing = Some(error);
        }
    }

    /// Reads the object of `key` with `read`. Returns `None` if the key is missing or invalid.
    pub(super) fn object<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&mut SettingsReader<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        self.nested(key, value, expected, read)
    }

    /// Reads the list of objects of `key` with `read`. `example` is one of the objects. Invalid objects are not in the result.
    pub(super) fn objects<T>(
        &mut self,
        key: &'static str,
        example: &str,
        mut read: impl FnMut(&mut SettingsReader<'a>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(list) = value.as_array() else {
            self.refuse(key, format!("must be a list of objects such as {example}"));
            return Vec::new();
        };
        let expected = format!("must be an object such as {example}");
        let objects = list.iter().enumerate();
        objects
            .filter_map(|(index, value)| {
                self.nested(&format!("{key}[{index}]"), value, &expected, &mut read)
            })
            .collect()
    }

    fn nested<T>(
        &mut self,
        key: &str,
        value: &'a Value,
        expected: &str,
        read: impl FnOnce(&mut SettingsReader<'a>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(object) = value else {
            self.refuse(key, expected);
            return None;
        };
        let mut reader = SettingsReader::new(object, self.field(&format!("{key}.")));
        let result = read(&mut reader);
        if let Err(error) = reader.finish() {
            self.error.get_or_insert(error);
            return None;
        }
        result
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.get(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.refuse(key, "must be true or false");
                default
            }
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> u64 {
        let Some(value) = self.get(key) else {
            return default;
        };
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let (least, most) = (range.start(), range.end());
                self.refuse(
                    key,
                    format!("must be a whole number of {unit} from {least} to {most}"),
                );
                default
            }
        }
    }

    pub(super) fn count(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> usize {
        usize::try_from(self.number(key, default, range, unit)).unwrap_or(usize::MAX)
    }

    /// Returns the text of `key` if it is set and `is_valid` returns `true` for it.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        expected: &str,
        is_valid: fn(&str) -> bool,
    ) -> Option<&'a str> {
        let value = self.get(key)?;
        let text = value.as_str().filter(|text| is_valid(text));
        if text.is_none() {
            self.refuse(key, expected);
        }
        text
    }

    pub(super) fn binding(&mut self, key: &'static str) -> Option<String> {
        const EXPECTED: &str = "must be the name of a binding: letters, digits and underscores";
        self.text(key, EXPECTED, is_identifier).map(str::to_owned)
    }

    pub(super) fn secret(&mut self, key: &'static str) -> Option<String> {
        const EXPECTED: &str = "must be the name of a secret, in letters, digits and underscores: store its value with npx wrangler secret put";
        self.text(key, EXPECTED, is_identifier).map(str::to_owned)
    }

    pub(super) fn origin_url(&mut self, key: &'static str) -> Option<String> {
        let is_valid = |url: &str| {
            let rest = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| {
                !rest.is_empty()
                    && !rest.starts_with(['/', ':'])
                    && has_valid_port(rest)
                    && !rest.split('/').any(is_dot_segment)
                    && rest.bytes().all(|byte| {
                        byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\' | b'@')
                    })
            })
        };
        let url = self.text(key, ORIGIN_URL_EXPECTED, is_valid)?;
        Some(url.trim_end_matches('/').to_owned())
    }

    pub(super) fn cors(&mut self, key: &'static str) -> CorsOrigins {
        let Some(value) = self.get(key) else {
            return CorsOrigins::Any;
        };
        let origins = strings(value).and_then(CorsOrigins::parse);
        origins.unwrap_or_else(|| {
            self.refuse(
                key,
                "must be a list of origins such as \"https://www.example.com\", or [\"*\"]",
            );
            CorsOrigins::Any
        })
    }

    pub(super) fn placeholders(&mut self, key: &'static str) -> PlaceholderKinds {
        let Some(value) = self.get(key) else {
            return PlaceholderKinds::default();
        };
        let kinds = strings(value).and_then(|names| PlaceholderKinds::named(&names));
        kinds.unwrap_or_else(|| {
            self.refuse(
                key,
                "must be a list of \"thumbhash\" and \"color\", each at most once",
            );
            PlaceholderKinds::default()
        })
    }

    pub(super) fn log_level(&mut self, key: &'static str) -> LogLevel {
        let is_valid = |name: &str| LogLevel::named(name).is_some();
        let name = self.text(key, "must be one of debug, info, warn, error", is_valid);
        name.and_then(LogLevel::named).unwrap_or(LogLevel::Info)
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Returns `true` for the segments that a URL parser removes, together with the one before: `.` and `..`, encoded or not.
fn is_dot_segment(segment: &str) -> bool {
    const FORMS: [&str; 6] = [".", "%2e", "..", ".%2e", "%2e.", "%2e%2e"];
    FORMS.iter().any(|form| form.eq_ignore_ascii_case(segment))
}

/// Returns `true` if `host[:port][/path]` has no port, or a port from 1 to 65535. The colons of an IPv6 address are in
/// brackets.
fn has_valid_port(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let after_address = authority.rsplit(']').next().unwrap_or_default();
    match after_address.rsplit_once(':') {
        None => true,
        Some((_, port)) => {
            port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
    }
}

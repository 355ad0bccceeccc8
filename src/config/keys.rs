//! Settings by their keys, each of a type and in a range.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{ConfigError, CorsOrigins, LogLevel, ORIGIN_URL_EXPECTED, error};

/// The keys of the settings, which of them were asked for, and the first fault. After a fault, reading goes on with defaults: the
/// caller has no code for a partial result at each key.
pub(super) struct Keys<'a> {
    settings: &'a Map<String, Value>,
    known: Vec<&'static str>,
    fault: Option<ConfigError>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(settings: &'a Map<String, Value>) -> Self {
        Self {
            settings,
            known: Vec::new(),
            fault: None,
        }
    }

    /// Returns the first fault: of a key that was asked for, or else a key that was not.
    pub(super) fn end(self) -> Result<(), ConfigError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self
            .settings
            .keys()
            .find(|key| !self.known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some(unknown) => Err(error(
                unknown,
                format!("is not known; the keys are {}", self.known.join(", ")),
            )),
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.settings.get(key)
    }

    fn refuse(&mut self, key: &'static str, expected: impl Into<String>) {
        if self.fault.is_none() {
            self.fault = Some(error(key, expected));
        }
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

    /// A text that `is_valid`, if there is one.
    fn text(
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
        let is_valid = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        self.text(key, EXPECTED, is_valid).map(str::to_owned)
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
                    && !rest.split('/').any(|segment| matches!(segment, "." | ".."))
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
        let origins = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        match origins {
            Some(origins) if origins.contains(&"*") => CorsOrigins::Any,
            Some(origins) if origins.iter().all(|origin| is_origin(origin)) => {
                CorsOrigins::These(origins.into_iter().map(str::to_owned).collect())
            }
            _ => {
                self.refuse(
                    key,
                    "must be a list of origins such as \"https://www.example.com\", or [\"*\"]",
                );
                CorsOrigins::Any
            }
        }
    }

    pub(super) fn log_level(&mut self, key: &'static str) -> LogLevel {
        let is_valid = |name: &str| LogLevel::named(name).is_some();
        let name = self.text(key, "must be one of debug, info, warn, error", is_valid);
        name.and_then(LogLevel::named).unwrap_or(LogLevel::Info)
    }
}

/// Returns `true` if it is as a browser sends it: `https://www.example.com`.
fn is_origin(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty()
            && !host.is_empty()
            && !host.contains('/')
            && origin.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// Returns `true` if `host[:port][/path]` has no port, or one from 1 to 65535. The colons of an IPv6 address are in brackets.
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

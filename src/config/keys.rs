//! Settings by their keys, each of a type and in a range.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{ConfigError, CorsOrigins, LogLevel, ORIGIN_URL_EXPECTED, error};

/// The keys of the settings, and which of them were asked for.
pub(super) struct Keys<'a> {
    settings: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(settings: &'a Map<String, Value>) -> Self {
        Self {
            settings,
            known: Vec::new(),
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.settings.get(key)
    }

    pub(super) fn refuse_unknown(&self) -> Result<(), ConfigError> {
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

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| error(key, "must be true or false")),
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Result<u64, ConfigError> {
        let Some(value) = self.get(key) else {
            return Ok(default);
        };
        value
            .as_u64()
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                error(
                    key,
                    format!(
                        "must be a whole number of {unit} from {} to {}",
                        range.start(),
                        range.end()
                    ),
                )
            })
    }

    pub(super) fn count(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Result<usize, ConfigError> {
        let number = self.number(key, default, range, unit)?;
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn text(&mut self, key: &'static str, expected: &str) -> Result<Option<&'a str>, ConfigError> {
        self.get(key)
            .map(|value| value.as_str().ok_or_else(|| error(key, expected)))
            .transpose()
    }

    pub(super) fn binding(
        &mut self,
        key: &'static str,
        default: &str,
    ) -> Result<String, ConfigError> {
        let name = self.optional_binding(key)?;
        Ok(name.unwrap_or_else(|| default.to_owned()))
    }

    pub(super) fn optional_binding(
        &mut self,
        key: &'static str,
    ) -> Result<Option<String>, ConfigError> {
        const EXPECTED: &str = "must be the name of a binding: letters, digits and underscores";
        let Some(name) = self.text(key, EXPECTED)? else {
            return Ok(None);
        };
        let valid = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        valid
            .then(|| Some(name.to_owned()))
            .ok_or_else(|| error(key, EXPECTED))
    }

    pub(super) fn origin_url(&mut self, key: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.text(key, ORIGIN_URL_EXPECTED)? else {
            return Ok(None);
        };
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let valid = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with(['/', ':'])
                && has_valid_port(rest)
                && !rest.split('/').any(|segment| matches!(segment, "." | ".."))
                && rest.bytes().all(|byte| {
                    byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\' | b'@')
                })
        });
        valid
            .then(|| Some(url.trim_end_matches('/').to_owned()))
            .ok_or_else(|| error(key, ORIGIN_URL_EXPECTED))
    }

    pub(super) fn cors(&mut self, key: &'static str) -> Result<CorsOrigins, ConfigError> {
        let refuse = || {
            error(
                key,
                "must be a list of origins such as \"https://www.example.com\", or [\"*\"]",
            )
        };
        let Some(value) = self.get(key) else {
            return Ok(CorsOrigins::Any);
        };
        let origins = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>())
            .ok_or_else(refuse)?;
        if origins.contains(&"*") {
            return Ok(CorsOrigins::Any);
        }
        let is_origin = |origin: &&str| {
            origin.split_once("://").is_some_and(|(scheme, host)| {
                !scheme.is_empty()
                    && !host.is_empty()
                    && !host.contains('/')
                    && origin.bytes().all(|byte| byte.is_ascii_graphic())
            })
        };
        if !origins.iter().all(is_origin) {
            return Err(refuse());
        }
        Ok(CorsOrigins::These(
            origins.into_iter().map(str::to_owned).collect(),
        ))
    }

    pub(super) fn log_level(&mut self, key: &'static str) -> Result<LogLevel, ConfigError> {
        const EXPECTED: &str = "must be one of debug, info, warn, error";
        let name = self.text(key, EXPECTED)?.unwrap_or("info");
        [
            LogLevel::Debug,
            LogLevel::Info,
            LogLevel::Warn,
            LogLevel::Error,
        ]
        .into_iter()
        .find(|level| level.name() == name)
        .ok_or_else(|| error(key, EXPECTED))
    }
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

//! The settings of the service: every key known, in range, or refused by name.

mod keys;

use std::fmt;

use serde_json::Value;

use crate::cache::freshness::FreshnessPolicy;
use crate::image::header::Limits;
use keys::Keys;

/// Largest duration in seconds: a year.
const KV_NAMESPACE: &str = "IMAGE_METADATA_CACHE";

const YEAR_S: u64 = 31_536_000;
const DAY_S: u64 = 86_400;

const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;

const ORIGIN_URL_EXPECTED: &str = "must be the http(s) URL that images are under, with a port from 1 to 65535 if any, and without query, fragment or credentials";

/// The runtime ends background work this long after the response.
const WAIT_UNTIL_MS: u64 = 30_000;

/// Domains that are reserved for examples (RFC 2606): there are no images at them.
const EXAMPLE_DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// The settings, each with the unit in its name. Defaults and ranges stand in [`Config::from_json`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether L1 and L2 are used at all. Coalescing stays without them.
    pub cache_enabled: bool,
    /// Entries of L1.
    pub memory_cache_size: usize,
    /// How long a record is fresh.
    pub kv_cache_ttl_s: u64,
    /// Name of the KV binding.
    pub kv_namespace: String,
    /// Where images are, without a trailing slash. There is this, or a bucket, or both.
    pub origin_url: Option<String>,
    /// Name of the R2 binding where images are looked for first.
    pub origin_bucket: Option<String>,
    /// How much of an image's own bytes is read.
    pub header_limits: Limits,
    /// How long an isolate may serve from memory what another one has purged.
    pub memory_cache_ttl_s: u64,
    /// KV's own `cacheTtl`.
    pub kv_read_cache_ttl_s: u64,
    /// How long a stale record is served while it is fetched again.
    pub stale_while_revalidate_s: u64,
    /// How long a stale record is served where fetching it fails.
    pub stale_if_error_s: u64,
    /// How long a missing image is remembered.
    pub negative_ttl_s: u64,
    /// How long any other failure is remembered.
    pub error_ttl_s: u64,
    /// The most that a client may cache an answer.
    pub client_max_age_s: u64,
    /// How long the origin may take, a retry included.
    pub origin_timeout_ms: u64,
    /// How long KV may take before it counts as a miss.
    pub kv_timeout_ms: u64,
    /// How many different images may be fetched at a time.
    pub max_in_flight: usize,
    /// Paths in one batch.
    pub batch_limit: usize,
    /// Who may read answers in a browser.
    pub cors_origins: CorsOrigins,
    /// Whether there is the page at `/`.
    pub inspector: bool,
    /// What is logged.
    pub log_level: LogLevel,
}

/// The sites whose scripts may read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// `*`
    Any,
    /// Only these, each as a browser sends it: `https://www.example.com`.
    These(Vec<String>),
}

/// From the most to the least that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // each is named after itself
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    fn named(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.name() == name)
    }

    /// `warn`
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, or `metadata` for the whole.
    pub field: String,
    /// What is accepted.
    pub expected: String,
}

impl ConfigError {
    /// What `originBucket` names is no bucket.
    #[must_use]
    pub fn unbound_bucket() -> Self {
        error(
            "originBucket",
            "must be the name of an R2 bucket that is bound to this Worker",
        )
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The setting '{}' {}.", self.field, self.expected)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the `metadata` variable of the Worker.
    ///
    /// ```
    /// use optimized_metadata::config::{Config, ConfigError};
    /// use serde_json::json;
    ///
    /// let config = Config::from_json(&json!({ "originUrl": "https://images.test", "kvCacheTtl": 3600 }))?;
    /// assert_eq!((config.kv_cache_ttl_s, config.memory_cache_size), (3600, 1000));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The first key that is unknown, missing, of the wrong type or out of range.
    pub fn from_json(settings: &Value) -> Result<Self, ConfigError> {
        let Value::Object(settings) = settings else {
            return Err(error(
                "metadata",
                "must be a JSON object with at least 'originUrl' or 'originBucket'",
            ));
        };
        let mut keys = Keys::new(settings);
        let limits = Limits::default();
        let config = Self {
            cache_enabled: keys.flag("cacheEnabled", true),
            memory_cache_size: keys.count("memoryCacheSize", 1_000, 1..=50_000, "entries"),
            kv_cache_ttl_s: keys.number("kvCacheTtl", DAY_S, 60..=YEAR_S, "seconds"),
            kv_namespace: keys
                .binding("kvNamespace")
                .unwrap_or_else(|| KV_NAMESPACE.to_owned()),
            origin_url: keys.origin_url("originUrl"),
            origin_bucket: keys.binding("originBucket"),
            header_limits: Limits {
                first: keys.number("headerBytes", limits.first, KIB..=MIB, "bytes"),
                most: keys.number("headerBytesMax", limits.most, KIB..=4 * MIB, "bytes"),
            },
            memory_cache_ttl_s: keys.number("memoryCacheTtl", 300, 0..=DAY_S, "seconds"),
            kv_read_cache_ttl_s: keys.number("kvReadCacheTtl", 300, 30..=DAY_S, "seconds"),
            stale_while_revalidate_s: keys.number(
                "staleWhileRevalidate",
                3_600,
                0..=YEAR_S,
                "seconds",
            ),
            stale_if_error_s: keys.number("staleIfError", DAY_S, 0..=YEAR_S, "seconds"),
            negative_ttl_s: keys.number("negativeTtl", 60, 0..=DAY_S, "seconds"),
            error_ttl_s: keys.number("errorTtl", 5, 0..=DAY_S, "seconds"),
            client_max_age_s: keys.number("clientMaxAge", 3_600, 0..=YEAR_S, "seconds"),
            origin_timeout_ms: keys.number("originTimeoutMs", 5_000, 1..=25_000, "milliseconds"),
            kv_timeout_ms: keys.number("kvTimeoutMs", 500, 1..=25_000, "milliseconds"),
            max_in_flight: keys.count("maxInFlight", 1_000, 1..=10_000, "images"),
            batch_limit: keys.count("batchLimit", 100, 1..=100, "paths"),
            cors_origins: keys.cors("corsOrigins"),
            inspector: keys.flag("inspector", true),
            log_level: keys.log_level("logLevel"),
        };
        keys.end()?;
        if config.origin_url.is_none() && config.origin_bucket.is_none() {
            return Err(error("originUrl", ORIGIN_URL_EXPECTED));
        }
        if config.header_limits.most < config.header_limits.first {
            return Err(error(
                "headerBytesMax",
                "must not be less than 'headerBytes'",
            ));
        }
        if config
            .kv_timeout_ms
            .saturating_add(config.origin_timeout_ms)
            >= WAIT_UNTIL_MS
        {
            return Err(error(
                "originTimeoutMs",
                "and 'kvTimeoutMs' must be less than 30,000 milliseconds together: the runtime ends background work then",
            ));
        }
        Ok(config)
    }

    /// The same settings, unless `originUrl` is still the placeholder of `wrangler.toml`.
    ///
    /// # Errors
    /// `originUrl`, if its host is in a domain that is reserved for examples.
    pub fn refuse_placeholder(self) -> Result<Self, ConfigError> {
        let Some(url) = &self.origin_url else {
            return Ok(self);
        };
        let authority = url.split('/').nth(2).unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        let is_placeholder = EXAMPLE_DOMAINS.iter().any(|domain| {
            host.strip_suffix(domain)
                .is_some_and(|subdomain| subdomain.is_empty() || subdomain.ends_with('.'))
        });
        if is_placeholder {
            return Err(error(
                "originUrl",
                format!(
                    "is still the placeholder {url}: set it in wrangler.toml to where your images are, \
                     or run npm start, which serves the images of samples/"
                ),
            ));
        }
        Ok(self)
    }

    /// Returns the freshness policy of the settings.
    #[must_use]
    pub fn freshness(&self) -> FreshnessPolicy {
        let ms = |seconds: u64| seconds.saturating_mul(1_000);
        FreshnessPolicy {
            fresh_ms: ms(self.kv_cache_ttl_s),
            while_revalidate_ms: ms(self.stale_while_revalidate_s),
            if_error_ms: ms(self.stale_if_error_s),
        }
    }
}

fn error(field: &str, expected: impl Into<String>) -> ConfigError {
    ConfigError {
        field: field.to_owned(),
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(key: &str, value: &Value) -> Result<Config, ConfigError> {
        let mut settings = json!({ "originUrl": "https://images.test" });
        settings[key] = value.clone();
        Config::from_json(&settings)
    }

    #[test]
    fn only_the_origin_has_to_be_named() {
        assert_eq!(
            Config::from_json(&json!({ "originUrl": "https://images.test/" })).unwrap(),
            Config {
                cache_enabled: true,
                memory_cache_size: 1_000,
                kv_cache_ttl_s: 86_400,
                kv_namespace: "IMAGE_METADATA_CACHE".into(),
                origin_url: Some("https://images.test".into()),
                origin_bucket: None,
                header_limits: Limits {
                    first: 65_536,
                    most: 1_048_576,
                },
                memory_cache_ttl_s: 300,
                kv_read_cache_ttl_s: 300,
                stale_while_revalidate_s: 3_600,
                stale_if_error_s: 86_400,
                negative_ttl_s: 60,
                error_ttl_s: 5,
                client_max_age_s: 3_600,
                origin_timeout_ms: 5_000,
                kv_timeout_ms: 500,
                max_in_flight: 1_000,
                batch_limit: 100,
                cors_origins: CorsOrigins::Any,
                inspector: true,
                log_level: LogLevel::Info,
            }
        );
    }

    #[test]
    fn every_key_is_read() {
        for (key, value) in [
            ("cacheEnabled", json!(false)),
            ("memoryCacheSize", json!(7)),
            ("kvCacheTtl", json!(77)),
            ("kvNamespace", json!("OTHER")),
            ("originUrl", json!("http://127.0.0.1:8788/base")),
            ("originBucket", json!("IMAGES")),
            ("headerBytes", json!(1_024)),
            ("headerBytesMax", json!(100_000)),
            ("memoryCacheTtl", json!(7)),
            ("kvReadCacheTtl", json!(77)),
            ("staleWhileRevalidate", json!(7)),
            ("staleIfError", json!(7)),
            ("negativeTtl", json!(7)),
            ("errorTtl", json!(7)),
            ("clientMaxAge", json!(7)),
            ("originTimeoutMs", json!(7)),
            ("kvTimeoutMs", json!(7)),
            ("maxInFlight", json!(7)),
            ("batchLimit", json!(7)),
            (
                "corsOrigins",
                json!(["https://a.test", "http://localhost:3000"]),
            ),
            ("inspector", json!(false)),
            ("logLevel", json!("debug")),
        ] {
            let default = with("cacheEnabled", &json!(true)).unwrap();
            assert_ne!(with(key, &value).unwrap(), default, "{key}");
        }
    }

    #[test]
    fn a_port_from_1_to_65535_is_accepted_after_any_host() {
        for url in [
            "http://127.0.0.1:1",
            "http://[::1]:8788/a:b",
            "http://[::1]",
            "https://images.test:65535/a:99999",
        ] {
            let config = with("originUrl", &json!(url)).unwrap();
            assert_eq!(config.origin_url.as_deref(), Some(url));
        }
    }

    #[test]
    fn the_timeouts_together_stay_below_what_the_runtime_allows_in_the_background() {
        let timeouts = |kv: u64, origin: u64| {
            let settings = json!({ "originUrl": "https://images.test", "kvTimeoutMs": kv, "originTimeoutMs": origin });
            Config::from_json(&settings)
        };
        assert!(timeouts(4_999, 25_000).is_ok() && timeouts(25_000, 4_999).is_ok());
        for error in [timeouts(5_000, 25_000), timeouts(25_000, 25_000)].map(Result::unwrap_err) {
            assert_eq!(error.field, "originTimeoutMs");
            assert!(error.to_string().contains("'kvTimeoutMs'"), "{error}");
        }
    }

    #[test]
    fn a_placeholder_is_named_with_the_two_ways_on() {
        let refused = |url| with("originUrl", &json!(url)).unwrap().refuse_placeholder();
        for url in [
            "https://images.example.com",
            "http://example.com:8080/assets",
            "https://images.staging.example.org/a",
        ] {
            let error = refused(url).unwrap_err();
            assert_eq!(error.field, "originUrl");
            for part in [url, "wrangler.toml", "npm start"] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
        for url in [
            "https://images.test",
            "https://notexample.com",
            "https://example.com.test",
            "https://images.test/example.com",
        ] {
            assert!(refused(url).is_ok(), "{url}");
        }
        let bucket = Config::from_json(&json!({ "originBucket": "IMAGES" })).unwrap();
        assert!(bucket.refuse_placeholder().is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        for (key, value) in [
            ("cacheEnabled", json!("true")),
            ("memoryCacheSize", json!(0)),
            ("memoryCacheSize", json!(50_001)),
            ("memoryCacheSize", json!(1.5)),
            ("kvCacheTtl", json!(59)),
            ("kvCacheTtl", json!("86400")),
            ("kvNamespace", json!("")),
            ("kvNamespace", json!("A-B")),
            ("originUrl", json!(null)),
            ("originUrl", json!("")),
            ("originUrl", json!("ftp://images.test")),
            ("originUrl", json!("https://")),
            ("originUrl", json!("https:///path")),
            ("originUrl", json!("https://images.test?a")),
            ("originUrl", json!("https://images.test#a")),
            ("originUrl", json!("https://user@images.test")),
            ("originUrl", json!("https://images.test/../x")),
            ("originUrl", json!("https://images.test/a b")),
            ("originUrl", json!("https://images.test:99999")),
            ("originUrl", json!("https://images.test:0/a")),
            ("originUrl", json!("https://images.test:")),
            ("originUrl", json!("https://images.test:80a/b")),
            ("originUrl", json!("http://[::1]:65536")),
            ("originTimeoutMs", json!(25_001)),
            ("kvTimeoutMs", json!(25_001)),
            ("originBucket", json!("")),
            ("originBucket", json!(["IMAGES"])),
            ("headerBytes", json!(1_023)),
            ("headerBytes", json!(1_048_577)),
            ("headerBytesMax", json!(65_535)),
            ("headerBytesMax", json!(4_194_305)),
            ("memoryCacheTtl", json!(-1)),
            ("kvReadCacheTtl", json!(29)),
            ("staleWhileRevalidate", json!(true)),
            ("staleIfError", json!(31_536_001)),
            ("negativeTtl", json!(86_401)),
            ("errorTtl", json!([])),
            ("clientMaxAge", json!("1")),
            ("originTimeoutMs", json!(0)),
            ("kvTimeoutMs", json!(25_001)),
            ("maxInFlight", json!(0)),
            ("batchLimit", json!(101)),
            ("corsOrigins", json!("*")),
            ("corsOrigins", json!(["example.com"])),
            ("corsOrigins", json!(["https://a.test/"])),
            ("inspector", json!("off")),
            ("logLevel", json!("verbose")),
            ("unknownKey", json!(1)),
        ] {
            let error = with(key, &value).unwrap_err();
            assert_eq!(error.field, key, "{value}");
            assert!(error.to_string().contains(key), "{error}");
        }
        for whole in [json!(null), json!("text"), json!([])] {
            assert_eq!(Config::from_json(&whole).unwrap_err().field, "metadata");
        }
        assert_eq!(
            Config::from_json(&json!({})).unwrap_err().field,
            "originUrl"
        );
    }
}

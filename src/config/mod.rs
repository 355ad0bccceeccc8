//! The settings of the service: their types, defaults and ranges.
//!
//! # To add a setting
//! 1. Add a field to [`Config`], with the unit in its name.
//! 2. Add its key, default and range to [`Config::from_json`]. A rule about two settings comes after `finish`. A new
//!    type of setting is a file like `log_level.rs` and a method in `settings_reader.rs`.
//! 3. Add it to three tests below: its default, another valid value, and invalid values. Add the limits of its range to
//!    `tests/worker/configuration.test.mjs`.
//! 4. Add a row to `docs/configuration.md`; `tests/docs.rs` fails without it. README.md lists only the settings that
//!    are changed most often.
//! 5. If it affects the HTTP API, update `docs/http-api.md`, `docs/openapi.yaml` and `client/src/api.ts`.
//!
//! Nothing else lists the settings. `scripts/build.mjs` checks `wrangler.toml` with this code, by
//! `src/bin/check_settings.rs`.

mod access;
mod cors_origins;
mod error;
mod log_level;
mod origins;
mod purge_bound;
mod secrets;
mod settings_reader;

use serde_json::Value;

use crate::cache::freshness::FreshnessPolicy;
use crate::image::header::Limits;
use crate::image::placeholder::PlaceholderKinds;
use crate::origin::endpoint::Place;
use crate::origin::routing::RoutingTable;
use settings_reader::SettingsReader;

pub use cors_origins::CorsOrigins;
pub use error::ConfigError;
pub use log_level::LogLevel;
pub use purge_bound::PurgeBound;
pub(crate) use purge_bound::QUEUE_MS;

const KV_NAMESPACE: &str = "IMAGE_METADATA_CACHE";

const YEAR_S: u64 = 31_536_000;
const DAY_S: u64 = 86_400;

const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;

/// The runtime ends background work this many milliseconds after the response.
const WAIT_UNTIL_MS: u64 = 30_000;

/// Domains that are reserved for examples (RFC 2606), so they have no images.
const EXAMPLE_DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// The settings. [`Config::from_json`] has their keys, defaults and ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Enables L1 and L2. Without them, concurrent requests for an image still share a fetch.
    pub cache_enabled: bool,
    /// The maximum number of entries in L1.
    pub memory_cache_size: usize,
    /// The time that a record is fresh.
    pub kv_cache_ttl_s: u64,
    /// The name of the KV binding.
    pub kv_namespace: String,
    /// The origins by path prefix: `origins`, and the default origin of `originUrl` and `originBucket`. There is at least
    /// one.
    pub origins: RoutingTable,
    /// The limits on reading an image: `headerBytes` and `headerBytesMax`.
    pub header_limits: Limits,
    /// The time that an isolate keeps an entry. Until then it may serve an image that another isolate has purged.
    pub memory_cache_ttl_s: u64,
    /// The `cacheTtl` of KV reads: how long KV may cache a read near the isolate.
    pub kv_read_cache_ttl_s: u64,
    /// The time after freshness in which a record is served while a background refresh runs.
    pub stale_while_revalidate_s: u64,
    /// The time after freshness in which a record is served if fetching fails.
    pub stale_if_error_s: u64,
    /// The time that a missing image is cached.
    pub negative_ttl_s: u64,
    /// The time that any other failure is cached.
    pub error_ttl_s: u64,
    /// The maximum `max-age` of a response.
    pub client_max_age_s: u64,
    /// Enables the headers for the platform's cache, and purges there.
    pub edge_cache: bool,
    /// The maximum time that the platform's cache keeps a response.
    pub edge_cache_ttl_s: u64,
    /// The timeout of the origin, including one retry.
    pub origin_timeout_ms: u64,
    /// The placeholders that are added to metadata. Each image costs a transformation if there are any.
    pub placeholders: PlaceholderKinds,
    /// How long metadata waits for its placeholders.
    pub placeholder_timeout_ms: u64,
    /// The Images binding, which makes the placeholders of images that are not resized by their URL.
    pub images_binding: Option<String>,
    /// The timeout of a KV read. After it, the read counts as a miss.
    pub kv_timeout_ms: u64,
    /// The maximum number of different images that an isolate fetches at a time.
    pub max_in_flight: usize,
    /// The maximum number of paths in a batch.
    pub batch_limit: usize,
    /// The sites whose scripts may read responses.
    pub cors_origins: CorsOrigins,
    /// Enables the Inspector, the page at `/`.
    pub inspector: bool,
    /// The lowest level that is logged.
    pub log_level: LogLevel,
}

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
    /// If a key is unknown, missing, of the wrong type or out of range: the first one.
    pub fn from_json(settings: &Value) -> Result<Self, ConfigError> {
        let Value::Object(settings) = settings else {
            return Err(ConfigError::new(
                "metadata",
                "must be a JSON object with at least 'originUrl', 'originBucket' or 'origins'",
            ));
        };
        let mut read = SettingsReader::new(settings, String::new());
        let limits = Limits::default();
        let config = Self {
            cache_enabled: read.flag("cacheEnabled", true),
            memory_cache_size: read.count("memoryCacheSize", 1_000, 1..=50_000, "entries"),
            kv_cache_ttl_s: read.number("kvCacheTtl", DAY_S, 60..=YEAR_S, "seconds"),
            kv_namespace: read
                .binding("kvNamespace")
                .unwrap_or_else(|| KV_NAMESPACE.to_owned()),
            origins: origins::read(&mut read),
            header_limits: Limits {
                first: read.number("headerBytes", limits.first, KIB..=MIB, "bytes"),
                most: read.number("headerBytesMax", limits.most, KIB..=4 * MIB, "bytes"),
            },
            memory_cache_ttl_s: read.number("memoryCacheTtl", 300, 0..=DAY_S, "seconds"),
            kv_read_cache_ttl_s: read.number("kvReadCacheTtl", 300, 30..=DAY_S, "seconds"),
            stale_while_revalidate_s: read.number(
                "staleWhileRevalidate",
                3_600,
                0..=YEAR_S,
                "seconds",
            ),
            stale_if_error_s: read.number("staleIfError", DAY_S, 0..=YEAR_S, "seconds"),
            negative_ttl_s: read.number("negativeTtl", 60, 0..=DAY_S, "seconds"),
            error_ttl_s: read.number("errorTtl", 5, 0..=DAY_S, "seconds"),
            client_max_age_s: read.number("clientMaxAge", 3_600, 0..=YEAR_S, "seconds"),
            edge_cache: read.flag("edgeCache", false),
            edge_cache_ttl_s: read.number("edgeCacheTtl", 300, 0..=YEAR_S, "seconds"),
            origin_timeout_ms: read.number("originTimeoutMs", 5_000, 1..=25_000, "milliseconds"),
            placeholders: read.placeholders("placeholders"),
            placeholder_timeout_ms: read.number(
                "placeholderTimeoutMs",
                1_000,
                1..=25_000,
                "milliseconds",
            ),
            images_binding: read.binding("imagesBinding"),
            kv_timeout_ms: read.number("kvTimeoutMs", 500, 1..=25_000, "milliseconds"),
            max_in_flight: read.count("maxInFlight", 1_000, 1..=10_000, "images"),
            batch_limit: read.count("batchLimit", 100, 1..=100, "paths"),
            cors_origins: read.cors("corsOrigins"),
            inspector: read.flag("inspector", true),
            log_level: read.log_level("logLevel"),
        };
        read.finish()?;
        if config.origins.routes().is_empty() {
            return Err(ConfigError::new(
                "originUrl",
                "is missing: set it to the base URL of the images, or set 'originBucket' or 'origins'",
            ));
        }
        if config.header_limits.most < config.header_limits.first {
            return Err(ConfigError::new(
                "headerBytesMax",
                "must not be less than 'headerBytes'",
            ));
        }
        if config.kv_timeout_ms.saturating_add(config.origin_ms()) >= WAIT_UNTIL_MS {
            let others = if config.placeholders.is_empty() {
                "and 'kvTimeoutMs'"
            } else {
                "'kvTimeoutMs' and 'placeholderTimeoutMs'"
            };
            return Err(ConfigError::new(
                "originTimeoutMs",
                format!(
                    "{others} together must be less than 30,000 milliseconds: the runtime ends background work after that time"
                ),
            ));
        }
        Ok(config)
    }

    /// Returns the settings, unless the URL of an origin is still the placeholder of `wrangler.toml`.
    ///
    /// # Errors
    /// If its host is in a domain that is reserved for examples.
    pub fn refuse_placeholder(self) -> Result<Self, ConfigError> {
        let mut endpoints = self.origins.endpoints();
        let error = endpoints.find_map(|endpoint| match &endpoint.place {
            Place::Url(url) if is_placeholder(url) => Some(ConfigError::new(
                &endpoint.field,
                format!(
                    "is still the placeholder {url}: set it in wrangler.toml to the base URL of your images, \
                     or run npm start, which serves the images of samples/"
                ),
            )),
            _ => None,
        });
        drop(endpoints);
        error.map_or(Ok(self), Err)
    }

    /// Returns the longest time of a fetch from the origin, with the placeholders.
    #[must_use]
    pub(crate) fn origin_ms(&self) -> u64 {
        if self.placeholders.is_empty() {
            return self.origin_timeout_ms;
        }
        self.origin_timeout_ms
            .saturating_add(self.placeholder_timeout_ms)
    }

    /// Returns the freshness policy that the settings define.
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

fn is_placeholder(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    EXAMPLE_DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|subdomain| subdomain.is_empty() || subdomain.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::endpoint::{Endpoint, Probe};
    use crate::origin::id::OriginId;
    use crate::origin::routing::Route;
    use crate::path::query::QueryNames;
    use serde_json::json;

    fn with(key: &str, value: &Value) -> Result<Config, ConfigError> {
        let mut settings = json!({ "originUrl": "https://images.test" });
        settings[key] = value.clone();
        Config::from_json(&settings)
    }

    #[test]
    fn only_the_origin_is_required_and_the_defaults_are_pinned() {
        assert_eq!(
            Config::from_json(&json!({ "originUrl": "https://images.test/" })).unwrap(),
            Config {
                cache_enabled: true,
                memory_cache_size: 1_000,
                kv_cache_ttl_s: 86_400,
                kv_namespace: "IMAGE_METADATA_CACHE".into(),
                origins: RoutingTable::new(vec![Route {
                    prefix: String::new(),
                    query: QueryNames::default(),
                    endpoints: vec![Endpoint {
                        place: Place::Url("https://images.test".into()),
                        bucket_name: None,
                        id: OriginId::of_url("https://images.test"),
                        probe: Probe::Auto,
                        auth: None,
                        field: "originUrl".into(),
                    }],
                }]),
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
                edge_cache: false,
                edge_cache_ttl_s: 300,
                origin_timeout_ms: 5_000,
                placeholders: PlaceholderKinds::default(),
                placeholder_timeout_ms: 1_000,
                images_binding: None,
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
    fn every_key_changes_its_setting() {
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
            ("placeholders", json!(["color"])),
            ("placeholderTimeoutMs", json!(7)),
            ("imagesBinding", json!("RESIZER")),
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
            let place = Place::Url(url.into());
            assert_eq!(config.origins.endpoints().next().unwrap().place, place);
        }
    }

    #[test]
    fn the_sum_of_the_timeouts_is_less_than_the_runtimes_limit_for_background_work() {
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
    fn placeholders_are_waited_for_within_the_runtimes_limit() {
        let timeouts = |placeholders: Value, ms: u64| {
            Config::from_json(&json!({
                "originUrl": "https://images.test", "kvTimeoutMs": 4_000, "originTimeoutMs": 25_000,
                "placeholders": placeholders, "placeholderTimeoutMs": ms,
            }))
        };
        let both = json!(["thumbhash", "color"]);
        assert_eq!(timeouts(both.clone(), 999).unwrap().origin_ms(), 25_999);
        assert_eq!(timeouts(json!([]), 25_000).unwrap().origin_ms(), 25_000);
        let error = timeouts(both, 1_000).unwrap_err();
        assert_eq!(error.field, "originTimeoutMs");
        assert!(
            error.to_string().contains("'placeholderTimeoutMs'"),
            "{error}"
        );
    }

    #[test]
    fn the_error_for_a_placeholder_names_the_url_and_both_solutions() {
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
    fn the_error_for_an_invalid_setting_names_its_key() {
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
            ("originUrl", json!("https://images.test/a/%2e%2E/x")),
            ("originUrl", json!("https://images.test/.%2e")),
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
            ("edgeCache", json!("on")),
            ("edgeCacheTtl", json!(-1)),
            ("edgeCacheTtl", json!(31_536_001)),
            ("originTimeoutMs", json!(0)),
            ("kvTimeoutMs", json!(25_001)),
            ("maxInFlight", json!(0)),
            ("batchLimit", json!(101)),
            ("corsOrigins", json!("*")),
            ("corsOrigins", json!(["example.com"])),
            ("corsOrigins", json!(["https://a.test/"])),
            ("inspector", json!("off")),
            ("logLevel", json!("verbose")),
            ("placeholders", json!("color")),
            ("placeholders", json!(["colour"])),
            ("placeholders", json!(["color", "color"])),
            ("placeholders", json!([true])),
            ("placeholderTimeoutMs", json!(0)),
            ("placeholderTimeoutMs", json!(25_001)),
            ("imagesBinding", json!("")),
            ("unknownKey", json!(1)),
        ] {
            let error = with(key, &value).unwrap_err();
            assert_eq!(error.field, key, "{value}");
            assert!(error.to_string().contains(key), "{error}");
        }
        for settings in [json!(null), json!("text"), json!([])] {
            assert_eq!(Config::from_json(&settings).unwrap_err().field, "metadata");
        }
        for settings in [json!({}), json!({ "origins": [] })] {
            assert_eq!(
                Config::from_json(&settings).unwrap_err().to_string(),
                "The setting 'originUrl' is missing: set it to the base URL of the images, or set 'originBucket' or 'origins'."
            );
        }
    }
}

//! Events of the log: their levels, and the JSON line that each publishes.

use serde::Serialize;

use crate::cache::record::RecordError;
use crate::config::{ConfigError, LogLevel};
use crate::lookup::Layer;
use crate::origin::error::OriginError;
use crate::text::sanitize::excerpt;

/// The client gets the 404 of an unknown route. Only the log says why.
const ADMIN_TOKEN_MISSING: &str = "Purges, /stats and /metrics return 404 because the secret ADMIN_TOKEN is not set. \
     Set it with: npx wrangler secret put ADMIN_TOKEN.";

/// Maximum length of the runtime's messages in the log, in characters.
const MAX_CAUSE_CHARS: usize = 256;

#[derive(Debug, Clone)]
pub(crate) enum Event<'a> {
    /// The settings are invalid. Only `edge` logs this.
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
    Configuration(&'a ConfigError),
    /// An admin route was requested, but no admin token is set.
    AdminTokenMissing,
    /// No KV namespace is bound as `binding`, so L2 is off.
    KvUnbound { binding: &'a str },
    /// A KV operation failed or timed out: `read`, `write`, `delete` or `list`. `cause` is the runtime's message.
    KvFault {
        operation: &'static str,
        cause: &'a str,
    },
    /// A stored record is invalid. It counts as a miss, and the next fetch overwrites it. `path` is percent-encoded.
    MalformedRecord { path: &'a str, reason: RecordError },
    /// The origin failed. `path` is percent-encoded, `cause` is the runtime's message.
    OriginFailure {
        path: &'a str,
        error: &'a OriginError,
        cause: Option<&'a str>,
    },
    /// A data point could not be written. `cause` is the runtime's message.
    DatasetFault { cause: &'a str },
    /// A client could not be charged, and was admitted. `cause` is the runtime's message.
    RateLimitFault { cause: &'a str },
    /// Memory was full. It had `before` entries, and evicted the `pruned` least recently used ones.
    Pruned { before: usize, pruned: u64 },
    /// A request waits for the flight of another one. `key` is the cache key of the image.
    Coalesced { key: &'a str },
    /// Metadata of one image was returned, alone or in a batch. `path` is the raw path of the image.
    Metadata {
        path: &'a str,
        source: Layer,
        /// Time from the request to the response.
        duration_ms: u64,
    },
    /// A request got its response.
    Request {
        /// The HTTP method, or `RPC` for a call from another Worker.
        method: &'static str,
        /// The raw path of the request. For a call from another Worker, the raw path of the image.
        path: &'a str,
        status: u16,
        /// The code of an error response.
        code: Option<&'a str>,
        /// The response's `Cache-Status` header.
        cache_status: Option<&'a str>,
        /// The response's `Server-Timing` header.
        server_timing: Option<&'a str>,
    },
}

/// Returns the level of a request: `info` for purges and for a missing or wrong admin token. The platform already lists
/// all other requests, so they are `debug`.
pub(crate) fn level_of_request(method: &str, code: Option<&str>) -> LogLevel {
    if method == "DELETE" || matches!(code, Some("unauthorized" | "forbidden")) {
        LogLevel::Info
    } else {
        LogLevel::Debug
    }
}

impl Event<'_> {
    pub(crate) fn level(&self) -> LogLevel {
        match self {
            Self::Configuration(_) => LogLevel::Error,
            Self::KvUnbound { .. }
            | Self::KvFault { .. }
            | Self::MalformedRecord { .. }
            | Self::DatasetFault { .. }
            | Self::RateLimitFault { .. } => LogLevel::Warn,
            Self::OriginFailure { error, .. } if error.allows_stale() => LogLevel::Warn,
            Self::OriginFailure { .. }
            | Self::Pruned { .. }
            | Self::Coalesced { .. }
            | Self::Metadata { .. } => LogLevel::Debug,
            Self::AdminTokenMissing => LogLevel::Info,
            Self::Request { method, code, .. } => level_of_request(method, *code),
        }
    }

    /// Returns the key by which repetitions are suppressed, or `None` for an event that is logged each time.
    pub(super) fn repeat_key(&self) -> Option<String> {
        match self {
            Self::Configuration(_) => Some("configuration".into()),
            Self::AdminTokenMissing => Some("admin-token-missing".into()),
            Self::KvUnbound { .. } => Some("kv-unbound".into()),
            Self::KvFault { operation, cause } => {
                Some(format!("kv-{operation}: {}", truncated(cause)))
            }
            Self::DatasetFault { .. } => Some("dataset".into()),
            Self::RateLimitFault { .. } => Some("rate-limit".into()),
            Self::MalformedRecord { .. }
            | Self::OriginFailure { .. }
            | Self::Pruned { .. }
            | Self::Coalesced { .. }
            | Self::Metadata { .. }
            | Self::Request { .. } => None,
        }
    }

    /// Returns `true` if an isolate logs the event only once. Bindings do not change before the next deployment.
    pub(super) fn is_logged_once(&self) -> bool {
        matches!(
            self,
            Self::AdminTokenMissing | Self::KvUnbound { .. } | Self::DatasetFault { .. }
        )
    }

    /// Returns one JSON object without a line break.
    pub(crate) fn line(&self) -> String {
        let line = match self {
            Self::Configuration(error) => Line {
                field: Some(&error.field),
                detail: Some(error.to_string()),
                ..Line::new(Name::ConfigurationError)
            },
            Self::AdminTokenMissing => Line {
                detail: Some(ADMIN_TOKEN_MISSING.to_owned()),
                ..Line::new(Name::AdminTokenMissing)
            },
            Self::KvUnbound { binding } => Line {
                binding: Some(binding),
                ..Line::new(Name::KvUnbound)
            },
            Self::KvFault { operation, cause } => Line {
                operation: Some(operation),
                cause: Some(truncated(cause)),
                ..Line::new(Name::KvFault)
            },
            Self::MalformedRecord { path, reason } => Line {
                path: Some(excerpt(path)),
                reason: Some(reason.to_string()),
                ..Line::new(Name::MalformedRecord)
            },
            Self::OriginFailure { path, error, cause } => Line {
                cause: cause.map(truncated),
                path: Some(excerpt(path)),
                detail: Some(error.to_string()),
                reason: error.reason().map(str::to_owned),
                ..Line::new(Name::OriginFailure)
            },
            Self::DatasetFault { cause } => Line {
                cause: Some(truncated(cause)),
                ..Line::new(Name::DatasetFault)
            },
            Self::RateLimitFault { cause } => Line {
                cause: Some(truncated(cause)),
                ..Line::new(Name::RateLimitFault)
            },
            Self::Pruned { before, pruned } => Line {
                before: Some(*before),
                pruned: Some(*pruned),
                ..Line::new(Name::Pruning)
            },
            Self::Coalesced { key } => Line {
                key: Some(excerpt(key)),
                ..Line::new(Name::Coalescing)
            },
            Self::Metadata {
                path,
                source,
                duration_ms,
            } => Line {
                duration_ms: Some(*duration_ms),
                path: Some(excerpt(path)),
                source: Some(source.name()),
                ..Line::new(match source {
                    Layer::Memory | Layer::Kv => Name::CacheHit,
                    Layer::Origin { .. } => Name::CacheMiss,
                    Layer::InFlight => Name::CoalescedRequest,
                })
            },
            Self::Request {
                method,
                path,
                status,
                code,
                cache_status,
                server_timing,
            } => Line {
                cache_status: *cache_status,
                code: *code,
                method: Some(method),
                path: Some(excerpt(path)),
                server_timing: *server_timing,
                status: Some(*status),
                ..Line::new(Name::Request)
            },
        };
        let level = Some(self.level().name());
        // A struct of numbers and strings always serializes.
        serde_json::to_string(&Line { level, ..line }).unwrap_or_default()
    }
}

fn truncated(text: &str) -> String {
    text.chars().take(MAX_CAUSE_CHARS).collect()
}

/// Declares [`Name`] and [`NAMES`] from one table, so that neither can miss an event.
macro_rules! names {
    ($($name:ident = $text:literal)*) => {
        /// The published names of all events, which `docs/observability.md` lists.
        pub const NAMES: &[&str] = &[$($text,)*];

        #[derive(Serialize)]
        enum Name {
            $(#[serde(rename = $text)] $name,)*
        }
    };
}

/// Declares [`Line`] and [`FIELDS`] from one table, in the published order.
macro_rules! fields {
    ($($field:ident: $type:ty = $text:literal)*) => {
        /// The published names of all fields of a log line, which `docs/observability.md` lists.
        pub const FIELDS: &[&str] = &[$($text,)*];

        #[derive(Default, Serialize)]
        struct Line<'a> {
            $(
                #[serde(rename = $text, skip_serializing_if = "Option::is_none")]
                $field: Option<$type>,
            )*
        }
    };
}

names! {
    AdminTokenMissing = "admin-token-missing"
    CacheHit = "cache-hit"
    CacheMiss = "cache-miss"
    CoalescedRequest = "coalesced-request"
    Coalescing = "coalescing"
    ConfigurationError = "configuration-error"
    DatasetFault = "dataset-fault"
    KvFault = "kv-fault"
    KvUnbound = "kv-unbound"
    MalformedRecord = "malformed-record"
    OriginFailure = "origin-failure"
    Pruning = "pruning"
    RateLimitFault = "rate-limit-fault"
    Request = "request"
}

fields! {
    before: usize = "before"
    binding: &'a str = "binding"
    cache_status: &'a str = "cacheStatus"
    cause: String = "cause"
    code: &'a str = "code"
    detail: String = "detail"
    duration_ms: u64 = "durationMs"
    event: Name = "event"
    field: &'a str = "field"
    key: String = "key"
    level: &'static str = "level"
    method: &'static str = "method"
    operation: &'static str = "operation"
    path: String = "path"
    pruned: u64 = "pruned"
    reason: String = "reason"
    server_timing: &'a str = "serverTiming"
    source: &'static str = "source"
    status: u16 = "status"
}

impl Line<'_> {
    fn new(name: Name) -> Self {
        Self {
            event: Some(name),
            ..Self::default()
        }
    }
}

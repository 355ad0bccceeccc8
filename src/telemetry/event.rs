//! Events of the log: their levels, and the JSON line that each publishes.

mod line;

use crate::cache::record::RecordError;
use crate::config::{ConfigError, LogLevel};
use crate::lookup::Layer;
use crate::origin::error::OriginError;
use crate::text::sanitize::excerpt;
use line::{Line, Name};

pub use line::{FIELDS, NAMES};

/// The client gets the 404 of an unknown route. Only the log says why.
const ADMIN_TOKEN_MISSING: &str = "Purges, /stats and /metrics return 404 because the secret ADMIN_TOKEN is not set. \
     Set it with: npx wrangler secret put ADMIN_TOKEN.";

/// Purges succeed nonetheless: under `wrangler dev` there is no such cache.
const EDGE_CACHE_MISSING: &str = "The setting edgeCache is on, but this Worker has no cache to purge. \
     Add [cache] with enabled = true to wrangler.toml. wrangler dev never has one.";

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
    /// A message of the queue is malformed, and was dropped.
    MalformedMessage { reason: &'a str },
    /// A purge could not send itself to the queue once more. `cause` is the runtime's message.
    QueueFault { cause: &'a str },
    /// The origin failed. `path` is percent-encoded, `cause` is the runtime's message.
    OriginFailure {
        path: &'a str,
        error: &'a OriginError,
        cause: Option<&'a str>,
    },
    /// An image has no placeholder: for now, or because it can have none. `path` is percent-encoded.
    PlaceholderFailure {
        path: &'a str,
        cause: &'a str,
        is_for_now: bool,
    },
    /// An origin refused the credentials in `secret`. `reason` is a status or an error code of S3.
    CredentialsRefused {
        secret: &'a str,
        reason: &'static str,
    },
    /// A data point could not be written. `cause` is the runtime's message.
    DatasetFault { cause: &'a str },
    /// The setting `edgeCache` is on, but the Worker has no such cache.
    EdgeCacheMissing,
    /// The platform's cache refused a purge. `cause` is its message.
    EdgePurgeFault { cause: &'a str },
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
            Self::Configuration(_) | Self::CredentialsRefused { .. } => LogLevel::Error,
            Self::KvUnbound { .. }
            | Self::KvFault { .. }
            | Self::MalformedRecord { .. }
            | Self::DatasetFault { .. }
            | Self::EdgeCacheMissing
            | Self::EdgePurgeFault { .. }
            | Self::MalformedMessage { .. }
            | Self::QueueFault { .. }
            | Self::RateLimitFault { .. }
            | Self::PlaceholderFailure {
                is_for_now: true, ..
            } => LogLevel::Warn,
            Self::OriginFailure { error, .. } if error.allows_stale() => LogLevel::Warn,
            Self::OriginFailure { .. }
            | Self::PlaceholderFailure { .. }
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
            Self::CredentialsRefused { secret, .. } => Some(format!("secret {secret}")),
            Self::DatasetFault { .. } => Some("dataset".into()),
            Self::EdgeCacheMissing => Some("edge-cache-missing".into()),
            Self::RateLimitFault { .. } => Some("rate-limit".into()),
            Self::QueueFault { .. } => Some("queue".into()),
            Self::EdgePurgeFault { .. }
            | Self::MalformedMessage { .. }
            | Self::MalformedRecord { .. }
            | Self::OriginFailure { .. }
            | Self::PlaceholderFailure { .. }
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
            Self::AdminTokenMissing
                | Self::KvUnbound { .. }
                | Self::DatasetFault { .. }
                | Self::EdgeCacheMissing
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
            Self::PlaceholderFailure { path, cause, .. } => Line {
                cause: Some(truncated(cause)),
                path: Some(excerpt(path)),
                ..Line::new(Name::PlaceholderFailure)
            },
            Self::CredentialsRefused { secret, reason } => Line {
                reason: Some((*reason).to_owned()),
                secret: Some(secret),
                ..Line::new(Name::CredentialsRefused)
            },
            Self::DatasetFault { cause } => Line {
                cause: Some(truncated(cause)),
                ..Line::new(Name::DatasetFault)
            },
            Self::EdgeCacheMissing => Line {
                detail: Some(EDGE_CACHE_MISSING.to_owned()),
                ..Line::new(Name::EdgeCacheMissing)
            },
            Self::EdgePurgeFault { cause } => Line {
                cause: Some(truncated(cause)),
                ..Line::new(Name::EdgePurgeFault)
            },
            Self::MalformedMessage { reason } => Line {
                reason: Some((*reason).to_owned()),
                ..Line::new(Name::MalformedMessage)
            },
            Self::QueueFault { cause } => Line {
                cause: Some(truncated(cause)),
                ..Line::new(Name::QueueFault)
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

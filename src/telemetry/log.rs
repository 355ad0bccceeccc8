//! What is worth telling an operator: one JSON object a line.

use serde::Serialize;

use crate::cache::record::RecordError;
use crate::config::{ConfigError, LogLevel};
use crate::lookup::Layer;
use crate::origin::error::OriginError;
use crate::text::sanitize::excerpt;

/// The answer is the 404 of a route that is not there; only the log says why.
const ADMIN_TOKEN_MISSING: &str = "Purges, /stats and /metrics answer 404 without the secret ADMIN_TOKEN. \
     Set it with: npx wrangler secret put ADMIN_TOKEN.";

/// Longest text of the runtime that is logged, in characters.
const MAX_CAUSE_CHARS: usize = 256;

/// A warning that repeats is told again after this time.
const REPEAT_AFTER_MS: u64 = 60_000;

/// How many different warnings are told apart.
const MAX_WARNINGS: usize = 64;

/// Takes finished lines.
pub trait Log {
    /// Writes `line` to the console at `level`.
    fn log(&self, level: LogLevel, line: &str);
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The settings cannot be used.
    Configuration(&'a ConfigError),
    /// An admin route was asked for, and there is no token that would open it.
    AdminTokenMissing,
    /// The KV namespace is not bound: L2 is off.
    KvUnbound {
        /// The name that was looked for.
        binding: &'a str,
    },
    /// A KV operation failed or took too long.
    KvFault {
        /// `read`, `write`, `delete` or `list`.
        operation: &'static str,
        /// What the runtime said.
        cause: &'a str,
    },
    /// A stored record could not be used. It is treated as a miss, and what the origin tells
    /// overwrites it.
    MalformedRecord {
        /// The percent-encoded path.
        path: &'a str,
        /// What is wrong with it.
        reason: RecordError,
    },
    /// The origin failed.
    OriginFailure {
        /// The percent-encoded path.
        path: &'a str,
        /// How.
        error: &'a OriginError,
        /// What the runtime said, where it said something.
        cause: Option<&'a str>,
    },
    /// A data point could not be written.
    DatasetFault {
        /// What the runtime said.
        cause: &'a str,
    },
    /// Memory was full and has dropped the entries that were used least recently.
    Pruned {
        /// How many entries there were.
        before: usize,
        /// How many were dropped.
        pruned: u64,
    },
    /// A request waits for the flight that another one leads.
    Coalesced {
        /// The cache key of the image.
        key: &'a str,
    },
    /// The metadata of one image was returned, alone or in a batch.
    Metadata {
        /// The raw path of the image.
        path: &'a str,
        /// Where it came from.
        source: Layer,
        /// From the request to the answer, in milliseconds.
        duration_ms: u64,
    },
    /// A request was answered.
    Request {
        /// The method, or `RPC` for a call from another Worker.
        method: &'static str,
        /// The raw path, of the request or of the image.
        path: &'a str,
        /// The status of the answer.
        status: u16,
        /// The code of the problem, if it was one.
        code: Option<&'a str>,
        /// What the answer's `Cache-Status` says.
        cache_status: Option<&'a str>,
        /// What its `Server-Timing` says.
        server_timing: Option<&'a str>,
    },
}

/// How much a request matters. What an admin did, or who tried to be one, is worth a line; the
/// platform lists all others anyway.
#[must_use]
pub fn level_of_request(method: &str, code: Option<&str>) -> LogLevel {
    if method == "DELETE" || matches!(code, Some("unauthorized" | "forbidden")) {
        LogLevel::Info
    } else {
        LogLevel::Debug
    }
}

impl Event<'_> {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        match self {
            Self::Configuration(_) => LogLevel::Error,
            Self::KvUnbound { .. }
            | Self::KvFault { .. }
            | Self::MalformedRecord { .. }
            | Self::DatasetFault { .. } => LogLevel::Warn,
            Self::OriginFailure { error, .. } if error.allows_stale() => LogLevel::Warn,
            Self::OriginFailure { .. }
            | Self::Pruned { .. }
            | Self::Coalesced { .. }
            | Self::Metadata { .. } => LogLevel::Debug,
            Self::AdminTokenMissing => LogLevel::Info,
            Self::Request { method, code, .. } => level_of_request(method, *code),
        }
    }

    /// One JSON object, without a line break.
    #[must_use]
    pub fn line(&self) -> String {
        let line = match self {
            Self::Configuration(error) => Line {
                event: "configuration-error",
                field: Some(&error.field),
                detail: Some(error.to_string()),
                ..Line::default()
            },
            Self::AdminTokenMissing => Line {
                event: "admin-token-missing",
                detail: Some(ADMIN_TOKEN_MISSING.to_owned()),
                ..Line::default()
            },
            Self::KvUnbound { binding } => Line {
                event: "kv-unbound",
                binding: Some(binding),
                ..Line::default()
            },
            Self::KvFault { operation, cause } => Line {
                event: "kv-fault",
                operation: Some(operation),
                cause: Some(truncated(cause)),
                ..Line::default()
            },
            Self::MalformedRecord { path, reason } => Line {
                event: "malformed-record",
                path: Some(excerpt(path)),
                reason: Some(reason.to_string()),
                ..Line::default()
            },
            Self::OriginFailure { path, error, cause } => Line {
                cause: cause.map(truncated),
                event: "origin-failure",
                path: Some(excerpt(path)),
                detail: Some(error.to_string()),
                reason: error.reason().map(str::to_owned),
                ..Line::default()
            },
            Self::DatasetFault { cause } => Line {
                event: "dataset-fault",
                cause: Some(truncated(cause)),
                ..Line::default()
            },
            Self::Pruned { before, pruned } => Line {
                before: Some(*before),
                event: "pruning",
                pruned: Some(*pruned),
                ..Line::default()
            },
            Self::Coalesced { key } => Line {
                event: "coalescing",
                key: Some(excerpt(key)),
                ..Line::default()
            },
            Self::Metadata {
                path,
                source,
                duration_ms,
            } => Line {
                duration_ms: Some(*duration_ms),
                event: match source {
                    Layer::Memory | Layer::Kv => "cache-hit",
                    Layer::Origin { .. } => "cache-miss",
                    Layer::InFlight => "coalesced-request",
                },
                path: Some(excerpt(path)),
                source: Some(source.name()),
                ..Line::default()
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
                event: "request",
                method: Some(method),
                path: Some(excerpt(path)),
                server_timing: *server_timing,
                status: Some(*status),
                ..Line::default()
            },
        };
        let level = self.level().name();
        // A struct of strings always has a JSON form.
        serde_json::to_string(&Line { level, ..line }).unwrap_or_default()
    }

    /// What makes two warnings the same one.
    fn cause(&self) -> Option<String> {
        match self {
            Self::Configuration(_) => Some("configuration".into()),
            Self::AdminTokenMissing => Some("admin-token-missing".into()),
            Self::KvUnbound { .. } => Some("kv-unbound".into()),
            Self::KvFault { operation, cause } => {
                Some(format!("kv-{operation}: {}", truncated(cause)))
            }
            Self::DatasetFault { .. } => Some("dataset".into()),
            Self::MalformedRecord { .. }
            | Self::OriginFailure { .. }
            | Self::Pruned { .. }
            | Self::Coalesced { .. }
            | Self::Metadata { .. }
            | Self::Request { .. } => None,
        }
    }
}

/// The published form, in this order.
#[derive(Default, Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<&'a str>,
    #[serde(rename = "cacheStatus", skip_serializing_if = "Option::is_none")]
    cache_status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(rename = "durationMs", skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(rename = "serverTiming", skip_serializing_if = "Option::is_none")]
    server_timing: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

fn truncated(text: &str) -> String {
    text.chars().take(MAX_CAUSE_CHARS).collect()
}

/// Decides what is written: nothing below the level, and each cause of a warning once a minute,
/// so that a fault of KV does not become a flood of the log.
#[derive(Debug)]
pub struct Logger {
    level: LogLevel,
    /// What was warned of, and when; the latest comes last.
    warned: Vec<(String, u64)>,
}

impl Logger {
    /// Writes what is at `level` or above.
    #[must_use]
    pub fn new(level: LogLevel) -> Self {
        Self {
            level,
            warned: Vec::new(),
        }
    }

    /// Writes `event`, unless it is below the level or was written a moment ago.
    pub fn log(&mut self, event: &Event<'_>, now_ms: u64, log: &dyn Log) {
        let level = event.level();
        if level < self.level {
            return;
        }
        if let Some(cause) = event.cause() {
            let told = self.warned.iter().find(|(known, _)| *known == cause);
            // A binding stays as it is until the next deployment.
            let repeated = told.is_some_and(|(_, told_ms)| {
                matches!(&*cause, "admin-token-missing" | "kv-unbound" | "dataset")
                    || now_ms.saturating_sub(*told_ms) < REPEAT_AFTER_MS
            });
            if repeated {
                return;
            }
            self.warned.retain(|(known, _)| *known != cause);
            if self.warned.len() >= MAX_WARNINGS {
                self.warned.remove(0);
            }
            self.warned.push((cause, now_ms));
        }
        log.log(level, &event.line());
    }
}

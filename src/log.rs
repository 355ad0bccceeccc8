//! What is worth telling an operator: one JSON object a line.

use serde::Serialize;

use crate::config::{ConfigError, LogLevel};
use crate::failure::Failure;
use crate::record::RecordError;

/// Longest text of a user that is logged, in bytes, after percent-encoding.
const MAX_USER_TEXT_BYTES: usize = 256;

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
    /// The KV namespace is not bound: L2 is off.
    KvUnbound {
        /// The name that was looked for.
        binding: &'a str,
    },
    /// A KV operation failed or took too long.
    KvFault {
        /// `read`, `write` or `delete`.
        operation: &'static str,
        /// What the runtime said.
        cause: &'a str,
    },
    /// A stored record could not be used. It is treated as a miss and overwritten.
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
        failure: &'a Failure,
    },
}

impl Event<'_> {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        match self {
            Self::Configuration(_) => LogLevel::Error,
            Self::KvUnbound { .. } | Self::KvFault { .. } | Self::MalformedRecord { .. } => {
                LogLevel::Warn
            }
            Self::OriginFailure { failure, .. } if failure.allows_stale() => LogLevel::Warn,
            Self::OriginFailure { .. } => LogLevel::Debug,
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
                path: Some(user_text(path)),
                reason: Some(reason.to_string()),
                ..Line::default()
            },
            Self::OriginFailure { path, failure } => Line {
                event: "origin-failure",
                path: Some(user_text(path)),
                detail: Some(failure.to_string()),
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
            Self::KvUnbound { .. } => Some("kv-unbound".into()),
            Self::KvFault { operation, cause } => {
                Some(format!("kv-{operation}: {}", truncated(cause)))
            }
            Self::MalformedRecord { .. } | Self::OriginFailure { .. } => None,
        }
    }
}

/// The published form, in this order.
#[derive(Default, Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Percent-encoded text cannot be cut inside a character.
fn user_text(encoded: &str) -> &str {
    encoded.get(..MAX_USER_TEXT_BYTES).unwrap_or(encoded)
}

fn truncated(text: &str) -> String {
    text.chars().take(MAX_CAUSE_CHARS).collect()
}

/// Decides what is written: nothing below the level, and each cause of a warning once a minute,
/// so that a fault of KV does not become a flood of the log.
#[derive(Debug)]
pub struct Journal {
    level: LogLevel,
    /// What was warned of, and when; the latest comes last.
    warned: Vec<(String, u64)>,
}

impl Journal {
    /// Writes what is at `level` or above.
    #[must_use]
    pub fn new(level: LogLevel) -> Self {
        Self {
            level,
            warned: Vec::new(),
        }
    }

    /// Writes `event`, unless it is below the level or was written a moment ago.
    pub fn tell(&mut self, event: &Event<'_>, now_ms: u64, log: &impl Log) {
        let level = event.level();
        if level < self.level {
            return;
        }
        if let Some(cause) = event.cause() {
            let told = self.warned.iter().find(|(known, _)| *known == cause);
            // The unbound namespace stays as it is until the next deployment.
            let repeated = told.is_some_and(|(_, told_ms)| {
                cause == "kv-unbound" || now_ms.saturating_sub(*told_ms) < REPEAT_AFTER_MS
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

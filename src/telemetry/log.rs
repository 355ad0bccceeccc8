//! The log of an isolate: filters events by level, and suppresses repetitions.

use super::event::Event;
use crate::config::LogLevel;

/// Time after which a repeated warning is logged again.
const REPEAT_AFTER_MS: u64 = 60_000;

/// How many different warnings are remembered, to suppress their repetitions.
const MAX_WARNINGS: usize = 64;

/// An output for log lines.
pub trait Log {
    /// Writes `line`, one JSON object without a line break, at `level`.
    fn log(&self, level: LogLevel, line: &str);
}

/// Filters events. Each warning is written once a minute at most, so that a KV fault does not flood the log.
#[derive(Debug)]
pub(crate) struct Logger {
    level: LogLevel,
    /// The keys of the latest warnings and when each was written, oldest first.
    warnings: Vec<(String, u64)>,
}

impl Logger {
    /// Returns a logger that writes events of `level` and above.
    pub(crate) fn new(level: LogLevel) -> Self {
        Self {
            level,
            warnings: Vec::new(),
        }
    }

    /// Writes `event`, unless it is below the level or repeats a recent one.
    pub(crate) fn log(&mut self, event: &Event<'_>, now_ms: u64, log: &dyn Log) {
        let level = event.level();
        if level < self.level {
            return;
        }
        if let Some(key) = event.repeat_key() {
            let previous = self.warnings.iter().find(|(other, _)| *other == key);
            let is_repeated = previous.is_some_and(|(_, logged_ms)| {
                event.is_logged_once() || now_ms.saturating_sub(*logged_ms) < REPEAT_AFTER_MS
            });
            if is_repeated {
                return;
            }
            self.warnings.retain(|(other, _)| *other != key);
            if self.warnings.len() >= MAX_WARNINGS {
                self.warnings.remove(0);
            }
            self.warnings.push((key, now_ms));
        }
        log.log(level, &event.line());
    }
}

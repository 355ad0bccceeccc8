//! Writes log lines to the console.

use web_sys::console;

use crate::config::LogLevel;
use crate::telemetry::log::Log;

/// The runtime's console, which sends lines to Workers Logs.
pub(super) struct Console;

impl Log for Console {
    fn log(&self, level: LogLevel, line: &str) {
        let line = &line.into();
        match level {
            LogLevel::Debug => console::debug_1(line),
            LogLevel::Info => console::log_1(line),
            LogLevel::Warn => console::warn_1(line),
            LogLevel::Error => console::error_1(line),
        }
    }
}

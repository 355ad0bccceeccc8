//! The clock of the runtime. In production it advances on I/O only.

/// The time, in milliseconds since the epoch.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
pub(super) fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

//! Counts the steps of the readers, so that tests can bound the work for crafted images without a clock.
//!
//! Each access to a range of a file is a step, and so is each byte that the access returns or a scanner passes. Only
//! builds with debug assertions count; the deployed one does not.

#[cfg(debug_assertions)]
use std::cell::Cell;

/// Maximum steps per byte. The most expensive readers, SVG and GIF, take about three.
const PER_BYTE: u64 = 4;

/// Steps that a file of any length may take.
const BASE: u64 = 1_000;

#[cfg(debug_assertions)]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Returns the maximum number of steps to read this many bytes, whatever their contents.
#[must_use]
pub fn limit(bytes: usize) -> u64 {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    bytes.saturating_mul(PER_BYTE).saturating_add(BASE)
}

/// Calls `read`. Returns its result and the number of steps it took, or 0 in a build that does not count.
pub fn count<T>(read: impl FnOnce() -> T) -> (T, u64) {
    let before = so_far();
    let outcome = read();
    (outcome, so_far().saturating_sub(before))
}

#[cfg(debug_assertions)]
fn so_far() -> u64 {
    STEPS.get()
}

#[cfg(not(debug_assertions))]
fn so_far() -> u64 {
    0
}

#[cfg(debug_assertions)]
pub(super) fn add(steps: usize) {
    let steps = u64::try_from(steps).unwrap_or(u64::MAX);
    STEPS.set(STEPS.get().saturating_add(steps));
}

#[cfg(not(debug_assertions))]
pub(super) fn add(_steps: usize) {}

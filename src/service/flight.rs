//! A fetch under way, shared by its leader and its followers.
//!
//! A flight is complete when it has its outcome. A request that waits for it waits for a signal of the runtime, then looks
//! here. A signal without an outcome means that the leader's context was cancelled: none of its Rust code ran to the end, not
//! even a destructor.

use std::cell::{Cell, OnceCell};

/// `S` is the runtime's signal, `T` the outcome.
#[derive(Debug)]
pub struct Flight<S, T> {
    started_ms: u64,
    limit_ms: u64,
    signal: OnceCell<S>,
    outcome: OnceCell<T>,
    is_invalidated: Cell<bool>,
}

impl<S: Clone, T: Clone> Flight<S, T> {
    /// A flight that counts as lost after `limit_ms`.
    pub(super) fn new(started_ms: u64, limit_ms: u64) -> Self {
        Self {
            started_ms,
            limit_ms,
            signal: OnceCell::new(),
            outcome: OnceCell::new(),
            is_invalidated: Cell::new(false),
        }
    }

    /// Returns its outcome if it is complete.
    #[must_use]
    pub fn outcome(&self) -> Option<T> {
        self.outcome.get().cloned()
    }

    /// Completes it. Only the first outcome counts.
    pub(super) fn set_outcome(&self, outcome: T) {
        let _ = self.outcome.set(outcome);
    }

    /// Returns the signal of its end. `None` only until [`set_signal`](Self::set_signal), right after it is joined.
    #[must_use]
    pub fn signal(&self) -> Option<S> {
        self.signal.get().cloned()
    }

    /// Sets the signal that followers wait for. Only the first one counts.
    pub fn set_signal(&self, signal: S) {
        let _ = self.signal.set(signal);
    }

    /// How long a request may still wait for it, in milliseconds; `None` if it counts as lost.
    #[must_use]
    pub fn remaining_ms(&self, now_ms: u64) -> Option<u64> {
        let age_ms = now_ms.saturating_sub(self.started_ms);
        self.limit_ms.checked_sub(age_ms)
    }
}

impl<S, T> Flight<S, T> {
    /// Returns `true` if it may not store its outcome: a later flight has taken its place, or the key was purged after it
    /// started.
    #[must_use]
    pub fn is_invalidated(&self) -> bool {
        self.is_invalidated.get()
    }

    /// Makes it store nothing from now on.
    pub(super) fn invalidate(&self) {
        self.is_invalidated.set(true);
    }
}

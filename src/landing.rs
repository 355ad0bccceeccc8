//! What a flight brings to all who wait for it.

use std::rc::Rc;

use crate::entry::Entry;
use crate::failure::Failure;
use crate::failure_memory::Remembered;
use crate::lookup::Source;

/// What a flight brought.
#[derive(Debug, Clone)]
pub(crate) struct Landing {
    pub(crate) result: Result<Rc<Entry>, Remembered>,
    pub(crate) source: Source,
    pub(crate) kv_ms: Option<u64>,
    pub(crate) origin_ms: Option<u64>,
}

impl Landing {
    /// The stale entry at hand, or else the failure.
    pub(crate) fn from_failure(failure: Failure, source: Source, held: Option<Rc<Entry>>) -> Self {
        Self {
            source: if held.is_some() {
                Source::Memory
            } else {
                source
            },
            result: held.ok_or(Remembered {
                failure,
                left_s: 0,
                has_fallback: false,
            }),
            kv_ms: None,
            origin_ms: None,
        }
    }
}

//! What a flight brings to all who wait for it.

use std::rc::Rc;

use crate::cache::entry::Entry;
use crate::cache::negative_cache::CachedError;
use crate::lookup::Layer;
use crate::origin::error::OriginError;

/// How a flight ends.
#[derive(Debug, Clone)]
pub(super) enum FlightEnd {
    /// With an outcome for all who wait for it.
    Completed(FetchOutcome),
    /// KV has no answer, and the batch that leads has no turn at the origin yet. Who waits asks the origin by itself: the
    /// queue of a batch is nobody else's.
    NeedsOrigin(AfterKv),
    /// With a failure that is the leader's own. Who else waits asks the origin by itself.
    Private(FetchOutcome, AfterKv),
}

/// What is known once KV was read, if the origin is to be asked.
#[derive(Debug, Clone)]
pub(super) struct AfterKv {
    pub(super) fallback: Option<Fallback>,
    /// KV has a record that cannot be used, or only if the origin fails.
    pub(super) in_kv: bool,
    pub(super) kv_ms: Option<u64>,
}

/// A stale entry that is served if the origin fails.
#[derive(Debug, Clone)]
pub(super) struct Fallback {
    pub(super) entry: Rc<Entry>,
    pub(super) layer: Layer,
}

impl Fallback {
    pub(super) fn in_memory(entry: Rc<Entry>) -> Self {
        Self {
            entry,
            layer: Layer::Memory,
        }
    }

    /// The one in memory if it is newer than KV's, which KV may have had in its cache for a while.
    pub(super) fn newer(in_memory: Option<Self>, in_kv: Rc<Entry>) -> Self {
        match in_memory {
            Some(in_memory) if in_memory.entry.is_newer_than(&in_kv) => in_memory,
            _ => Self {
                entry: in_kv,
                layer: Layer::Kv,
            },
        }
    }
}

/// What a flight brought.
#[derive(Debug, Clone)]
pub(super) struct FetchOutcome {
    pub(super) result: Result<Rc<Entry>, CachedError>,
    pub(super) layer: Layer,
    pub(super) kv_ms: Option<u64>,
    pub(super) origin_ms: Option<u64>,
}

impl FetchOutcome {
    /// The stale entry at hand, or else the failure.
    pub(super) fn from_error(
        error: OriginError,
        layer: Layer,
        stale_fallback: Option<Rc<Entry>>,
    ) -> Self {
        Self {
            layer: if stale_fallback.is_some() {
                Layer::Memory
            } else {
                layer
            },
            result: stale_fallback.ok_or(CachedError::once(error)),
            kv_ms: None,
            origin_ms: None,
        }
    }
}

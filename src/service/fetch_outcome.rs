//! The outcome of a fetch, and how its flight ends.

use std::rc::Rc;

use crate::cache::entry::Entry;
use crate::cache::negative_cache::CachedError;
use crate::image::metadata::ImageMetadata;
use crate::lookup::Layer;
use crate::origin::error::OriginError;

/// How a flight ends.
#[derive(Debug, Clone)]
pub(super) enum FlightEnd {
    /// With an outcome for all requests that wait.
    Completed(FetchOutcome),
    /// KV has no answer, and the batch that leads has no turn at the origin yet. Other requests that wait ask the origin
    /// themselves: only the batch waits in its queue.
    NeedsOrigin(AfterKv),
    /// With an error that concerns only the leader's request. Other requests that wait ask the origin themselves.
    Private(FetchOutcome, AfterKv),
}

/// What is known after KV was read, when the origin is to be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct AfterKv {
    pub(super) fallback: Option<Fallback>,
    /// KV has a record, which is unusable or only a fallback.
    pub(super) in_kv: bool,
    pub(super) kv_ms: Option<u64>,
}

impl AfterKv {
    /// Returns what is known of the image.
    pub(super) fn metadata(&self) -> Option<&ImageMetadata> {
        self.fallback.as_ref().map(|known| &known.entry.metadata)
    }
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

    /// Returns the newer of the two: KV may have read an old record from its own cache.
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

/// The result of a fetch, and where it came from.
#[derive(Debug, Clone)]
pub(super) struct FetchOutcome {
    pub(super) result: Result<Rc<Entry>, CachedError>,
    pub(super) layer: Layer,
    pub(super) kv_ms: Option<u64>,
    pub(super) origin_ms: Option<u64>,
}

impl FetchOutcome {
    /// The outcome of an error: the fallback if there is one, else the error.
    pub(super) fn from_error(error: OriginError, layer: Layer, fallback: Option<Fallback>) -> Self {
        let (result, layer) = match fallback {
            Some(Fallback { entry, layer }) => (Ok(entry), layer),
            None => (Err(CachedError::uncached(error)), layer),
        };
        Self {
            result,
            layer,
            kv_ms: None,
            origin_ms: None,
        }
    }
}

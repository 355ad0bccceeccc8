//! The result of a look-up: metadata or an error, the layer it came from, and how long it took.

use std::rc::Rc;

use crate::cache::entry::Entry;
use crate::image::metadata::ImageMetadata;
use crate::origin::error::{ErrorKind, OriginError};

/// The layer that a result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// L1, the memory of the isolate.
    Memory,
    /// L2, Workers KV.
    Kv,
    /// L3, the origin.
    Origin {
        /// `true` if a cache stored the result.
        stored: bool,
    },
    /// A fetch that another request started.
    InFlight,
}

impl Layer {
    /// Returns the published name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Kv => "kv",
            Self::Origin { .. } => "origin",
            Self::InFlight => "inflight",
        }
    }
}

/// The time that a request waited, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// The KV read. `None` if KV was not read.
    pub kv_ms: Option<u64>,
    /// The fetch from the origin, including a retry. `None` if there was no fetch.
    pub origin_ms: Option<u64>,
    /// The whole look-up.
    pub total_ms: u64,
}

/// A successful look-up.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The metadata, and the encoded response body.
    pub entry: Rc<Entry>,
    /// The layer that the result came from.
    pub layer: Layer,
    /// The time of the response, in milliseconds since the epoch.
    pub now_ms: u64,
    /// The duration of the look-up.
    pub timing: Timing,
}

impl Lookup {
    /// Returns the metadata of the image.
    #[must_use]
    pub fn metadata(&self) -> &ImageMetadata {
        &self.entry.metadata
    }

    /// Returns `true` if the entry is no longer fresh.
    #[must_use]
    pub(crate) fn is_stale(&self) -> bool {
        self.entry.ttl_s(self.now_ms) < 0
    }
}

/// A failed look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupError {
    /// The reason for the failure.
    pub cause: OriginError,
    /// The layer that the error came from.
    pub layer: Layer,
    /// The time for which the negative cache returns the same error, in whole seconds.
    pub remaining_s: u64,
    /// The duration of the look-up.
    pub timing: Timing,
}

impl LookupError {
    /// Returns the error of a path that no origin of the settings has. No layer was asked.
    #[must_use]
    pub(crate) fn no_origin() -> Self {
        Self {
            cause: ErrorKind::NoOrigin.into(),
            layer: Layer::Origin { stored: false },
            remaining_s: 0,
            timing: Timing::default(),
        }
    }
}

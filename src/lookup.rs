//! What a request is told: an answer or a refusal, where it is known from, and how long that took.

use std::rc::Rc;

use crate::cache::entry::Entry;
use crate::image::metadata::ImageMetadata;
use crate::origin::error::OriginError;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// L1.
    Memory,
    /// L2.
    Kv,
    /// L3.
    Origin {
        /// Whether a cache keeps it.
        stored: bool,
    },
    /// The flight that another request leads.
    InFlight,
}

impl Layer {
    /// Its published name.
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

/// How long the phases took that a request waited for, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Reading KV, where it was read.
    pub kv_ms: Option<u64>,
    /// Asking the origin, where it was asked, with its retry.
    pub origin_ms: Option<u64>,
    /// From the request to the answer.
    pub total_ms: u64,
}

/// An answer: the entry, and what the layers have to say about it at this moment.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The metadata and its encoded form.
    pub entry: Rc<Entry>,
    /// Which layer it came from.
    pub layer: Layer,
    /// The moment it is given, in milliseconds since the epoch.
    pub now_ms: u64,
    /// How long it took.
    pub timing: Timing,
}

impl Lookup {
    /// What is known about the image.
    #[must_use]
    pub fn metadata(&self) -> &ImageMetadata {
        &self.entry.metadata
    }

    /// Whether its freshness is over.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.entry.ttl_s(self.now_ms) < 0
    }
}

/// Why there is no answer, and where that is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupError {
    /// What happened.
    pub cause: OriginError,
    /// Which layer it came from.
    pub layer: Layer,
    /// Whole seconds for which the same will be answered from memory.
    pub remaining_s: u64,
    /// How long it took.
    pub timing: Timing,
}

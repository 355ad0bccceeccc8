//! Why a fetch starts, and what is known by then.

use std::rc::Rc;

use super::fetch_outcome::{AfterKv, Fallback};
use crate::cache::entry::Entry;

#[derive(Debug, Clone)]
pub(super) enum Trigger {
    /// Memory has no answer, and a request waits for one. The entry is served if all layers fail.
    Miss(Option<Rc<Entry>>),
    /// A request was answered with a stale entry from memory. KV may have a newer record.
    StaleInMemory(Rc<Entry>),
    /// KV was read for a request that waits: only the origin is left.
    NotInKv(AfterKv),
    /// The record in KV is stale, too: only the origin is left.
    StaleInKv(AfterKv),
}

impl Trigger {
    /// Returns the entry that is served if all layers fail.
    pub(super) fn fallback(&self) -> Option<Fallback> {
        match self {
            Self::Miss(entry) => entry.clone().map(Fallback::in_memory),
            Self::StaleInMemory(entry) => Some(Fallback::in_memory(Rc::clone(entry))),
            Self::NotInKv(known) | Self::StaleInKv(known) => known.fallback.clone(),
        }
    }

    /// Returns `true` if no request waits for the outcome.
    pub(super) fn is_refresh(&self) -> bool {
        matches!(self, Self::StaleInMemory(_) | Self::StaleInKv(_))
    }

    /// Returns `true` if KV has not been read yet.
    pub(super) fn reads_kv(&self) -> bool {
        matches!(self, Self::Miss(_) | Self::StaleInMemory(_))
    }
}

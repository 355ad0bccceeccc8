//! `Cache-Status` (RFC 9211): which layer an answer came from.

use crate::lookup::{Layer, Lookup, LookupError};

/// The name of this cache in the header.
const CACHE: &str = "OptimizedMetadata";

/// For an answer. A stale one has a negative `ttl`.
pub(super) fn of_lookup(lookup: &Lookup, cache_enabled: bool) -> String {
    match lookup.layer {
        Layer::Memory | Layer::Kv => {
            let ttl_s = lookup.entry.ttl_s(lookup.now_ms);
            hit(&ttl_s.to_string(), lookup.layer)
        }
        Layer::Origin { stored } => {
            let reason = forwarded(cache_enabled);
            let stored = if stored { "; stored" } else { "" };
            format!("{CACHE}; fwd={reason}; fwd-status=200{stored}; detail=origin")
        }
        Layer::InFlight => collapsed(),
    }
}

/// For a failure. One that is remembered is a hit, too.
pub(super) fn of_refusal(error: &LookupError, cache_enabled: bool) -> String {
    match error.layer {
        Layer::Memory | Layer::Kv => hit(&error.remaining_s.to_string(), Layer::Memory),
        Layer::Origin { .. } => {
            let reason = forwarded(cache_enabled);
            match error.cause.origin_status {
                Some(status) => {
                    format!("{CACHE}; fwd={reason}; fwd-status={status}; detail=origin")
                }
                None => format!("{CACHE}; fwd={reason}; detail=origin"),
            }
        }
        Layer::InFlight => collapsed(),
    }
}

/// Why the origin was asked.
fn forwarded(cache_enabled: bool) -> &'static str {
    if cache_enabled { "miss" } else { "bypass" }
}

/// Without the machinery of formatting, which a hit in memory would have for this alone.
fn hit(ttl_s: &str, layer: Layer) -> String {
    [CACHE, "; hit; ttl=", ttl_s, "; detail=", layer.name()].concat()
}

fn collapsed() -> String {
    format!("{CACHE}; fwd=miss; collapsed; detail=inflight")
}

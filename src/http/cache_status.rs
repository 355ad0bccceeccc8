//! `Cache-Status` (RFC 9211): the layer that a response came from.

use crate::lookup::{Layer, Lookup, LookupError};

/// The name of this cache in the header.
const CACHE: &str = "OptimizedMetadata";

/// Returns the header of a response with metadata. If that is stale, `ttl` is negative.
pub(super) fn of_lookup(lookup: &Lookup, cache_enabled: bool) -> String {
    match lookup.layer {
        Layer::Memory | Layer::Kv => {
            let ttl_s = lookup.entry.ttl_s(lookup.now_ms);
            hit(&ttl_s.to_string(), lookup.layer)
        }
        Layer::Origin { stored } => {
            let reason = forward_reason(cache_enabled);
            let stored = if stored { "; stored" } else { "" };
            format!("{CACHE}; fwd={reason}; fwd-status=200{stored}; detail=origin")
        }
        Layer::InFlight => collapsed(),
    }
}

/// Returns the header of an error. A cached failure is a hit, too.
pub(super) fn of_error(error: &LookupError, cache_enabled: bool) -> String {
    match error.layer {
        Layer::Memory | Layer::Kv => hit(&error.remaining_s.to_string(), Layer::Memory),
        Layer::Origin { .. } => {
            let reason = forward_reason(cache_enabled);
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

/// Returns the value of `fwd`: why the request went to the origin.
fn forward_reason(cache_enabled: bool) -> &'static str {
    if cache_enabled { "miss" } else { "bypass" }
}

/// Avoids `format!`: a memory hit would need it only here.
fn hit(ttl_s: &str, layer: Layer) -> String {
    [CACHE, "; hit; ttl=", ttl_s, "; detail=", layer.name()].concat()
}

fn collapsed() -> String {
    format!("{CACHE}; fwd=miss; collapsed; detail=inflight")
}

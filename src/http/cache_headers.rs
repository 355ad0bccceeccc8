//! For how long clients and the platform's cache may keep a response.

use crate::cache::edge_lifetime::{Cacheable, EdgeLifetime, EdgeLimits};
use crate::config::Config;
use crate::lookup::{Layer, Lookup};

/// The header that the platform's cache obeys instead of `Cache-Control`. Clients do not get it.
pub(super) const EDGE_HEADER: &str = "Cloudflare-CDN-Cache-Control";

/// Returns how a response with metadata may be cached.
pub(super) fn cacheable(lookup: &Lookup, config: &Config) -> Cacheable {
    let resident_s = lookup.entry.resident_ms(lookup.now_ms).div_ceil(1_000);
    Cacheable::Metadata {
        left_s: u64::try_from(lookup.entry.ttl_s(lookup.now_ms)).unwrap_or_default(),
        resident_s: match lookup.layer {
            // With caches, only a purge during the fetch prevents that it is stored: the image may be the old one.
            Layer::Origin { stored: false } if config.cache_enabled => Some(0),
            Layer::Origin { .. } => None,
            _ => Some(config.memory_cache_ttl_s.saturating_sub(resident_s)),
        },
    }
}

/// The values of the two headers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CacheHeaders {
    /// `Cache-Control`.
    pub(super) client: String,
    /// [`EDGE_HEADER`]. `None` if the setting `edgeCache` is off.
    pub(super) edge: Option<String>,
}

/// Returns both headers of a response. `stale-if-error` is always explicit at the edge: without it, the platform serves stale responses
/// without limit.
pub(super) fn cache_headers(cacheable: Cacheable, config: &Config) -> CacheHeaders {
    let while_revalidate_s = config.stale_while_revalidate_s;
    let client = match cacheable {
        Cacheable::Metadata { left_s, .. } => [
            "public, max-age=",
            &left_s.min(config.client_max_age_s).to_string(),
            ", stale-while-revalidate=",
            &while_revalidate_s.to_string(),
        ]
        .concat(),
        Cacheable::Missing { left_s } => ["public, max-age=", &left_s.to_string()].concat(),
    };
    let edge = config.edge_cache.then(|| {
        let limits = EdgeLimits {
            max_age_s: config.edge_cache_ttl_s,
            while_revalidate_s,
            if_error_s: config.stale_if_error_s,
        };
        let lifetime = EdgeLifetime::of(cacheable, limits);
        format!(
            "public, max-age={}, stale-while-revalidate={}, stale-if-error={}",
            lifetime.max_age_s, lifetime.while_revalidate_s, lifetime.if_error_s
        )
    });
    CacheHeaders { client, edge }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(edge_cache: bool, cacheable: Cacheable) -> CacheHeaders {
        let settings = serde_json::json!({
            "originUrl": "https://images.test", "edgeCache": edge_cache, "edgeCacheTtl": 300,
            "clientMaxAge": 600, "staleWhileRevalidate": 30, "staleIfError": 40,
        });
        cache_headers(cacheable, &Config::from_json(&settings).unwrap())
    }

    fn metadata(left_s: u64, resident_s: Option<u64>) -> Cacheable {
        Cacheable::Metadata { left_s, resident_s }
    }

    #[test]
    fn clients_keep_metadata_for_its_freshness_up_to_the_setting() {
        for edge_cache in [false, true] {
            for (left_s, max_age_s) in [(1_000, 600), (600, 600), (599, 599), (0, 0)] {
                for resident_s in [None, Some(7)] {
                    let headers = headers(edge_cache, metadata(left_s, resident_s));
                    let expected =
                        format!("public, max-age={max_age_s}, stale-while-revalidate=30");
                    assert_eq!(headers.client, expected);
                }
            }
        }
    }

    #[test]
    fn the_edge_keeps_metadata_of_the_origin_up_to_its_setting_and_serves_it_stale() {
        for (left_s, max_age_s) in [(1_000, 300), (300, 300), (299, 299), (1, 1)] {
            let expected = format!(
                "public, max-age={max_age_s}, stale-while-revalidate=30, stale-if-error=40"
            );
            assert_eq!(headers(true, metadata(left_s, None)).edge, Some(expected));
        }
    }

    #[test]
    fn the_edge_keeps_other_metadata_no_longer_than_memory_and_never_serves_it_stale() {
        for (left_s, resident_s, max_age_s) in [
            (1_000, 1_000, 300),
            (1_000, 200, 200),
            (100, 200, 100),
            (1_000, 0, 0),
        ] {
            let expected =
                format!("public, max-age={max_age_s}, stale-while-revalidate=0, stale-if-error=0");
            let headers = headers(true, metadata(left_s, Some(resident_s)));
            assert_eq!(headers.edge, Some(expected));
        }
    }

    #[test]
    fn the_edge_keeps_no_stale_metadata() {
        for resident_s in [None, Some(1_000)] {
            let headers = headers(true, metadata(0, resident_s));
            let expected = "public, max-age=0, stale-while-revalidate=0, stale-if-error=0";
            assert_eq!(headers.edge.as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_missing_image_is_kept_for_its_time_in_the_negative_cache() {
        let headers = headers(true, Cacheable::Missing { left_s: 60 });
        assert_eq!(headers.client, "public, max-age=60");
        let expected = "public, max-age=60, stale-while-revalidate=0, stale-if-error=0";
        assert_eq!(headers.edge.as_deref(), Some(expected));
    }

    #[test]
    fn without_the_setting_there_is_no_header_for_the_edge() {
        for cacheable in [
            metadata(10, None),
            metadata(10, Some(5)),
            Cacheable::Missing { left_s: 5 },
        ] {
            assert_eq!(headers(false, cacheable).edge, None);
        }
    }
}

//! How long a response can still have old metadata after a purge.
//!
//! A purge removes an image from KV, from the memory of one isolate and, with `edgeCache`, from the platform's cache. The other places
//! find out one after the other:
//!
//! 1. KV may serve a location what it read there before the purge, for `kvReadCacheTtl`, and for a minute in any case.
//! 2. An isolate that reads such a record at the last moment keeps it in memory for `memoryCacheTtl`. Then it asks KV, which no longer
//!    has the record, and removes it.
//! 3. If the origin fails, an isolate serves what it has just read for `errorTtl` without asking again, also if that is longer.
//! 4. The platform's cache keeps what it gets from memory for at most as long as memory does.
//! 5. A client keeps the last of these responses for `clientMaxAge`, and may use it once more within `staleWhileRevalidate`.
//!
//! # Exceptions
//! - A look-up that is under way in another isolate when the purge returns may store what it has fetched before, in memory, in KV and
//!   in the platform's cache. That lasts until the record expires, or until the next purge.
//! - If neither KV nor the origin gives a usable response, an isolate serves what it has in memory, until `staleIfError` ends. That is
//!   also the case if more than `maxInFlight` images are being looked up.
//! - KV may list a new record up to a minute late. A purge of a folder does not find it before.

use super::Config;

/// The time after which a change in KV is visible everywhere, if a location has read the key before, in milliseconds
/// (<https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency>).
const KV_PROPAGATION_MS: u64 = 60_000;

/// How long an image of a batch may wait for its turn at the origin before its look-up fails, in milliseconds.
pub(crate) const QUEUE_MS: u64 = 15_000;

/// For how many seconds after the response of a purge each place can still return what was purged. An image that is requested later
/// has the metadata that the origin had at the time of the purge, or newer. `docs/operations.md` lists the exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeBound {
    /// KV.
    pub kv_s: u64,
    /// The memory of isolates.
    pub memory_s: u64,
    /// The platform's cache. `None` if `edgeCache` is off.
    pub edge_s: Option<u64>,
    /// Clients and the caches between.
    pub clients_s: u64,
    /// The error of an image that was missing or invalid before the purge, in all of these places.
    pub errors_s: u64,
}

impl PurgeBound {
    /// Calculates the bound for the settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let uses_memory = config.cache_enabled && config.memory_cache_ttl_s > 0;
        let kv_ms = if config.cache_enabled {
            ms(config.kv_read_cache_ttl_s).max(KV_PROPAGATION_MS)
        } else {
            0
        };
        // The longest look-up that reads an old record, and then waits for an origin that fails.
        let origin_ms = QUEUE_MS.saturating_add(config.origin_ms());
        let lookup_ms = config.kv_timeout_ms.saturating_add(origin_ms);
        let freshness = config.freshness();
        let memory_ms = if uses_memory {
            // The error counts from the end of the look-up, and the entry from its read of KV.
            let after_error_ms = origin_ms.saturating_add(ms(config.error_ttl_s));
            let after_read_ms = ms(config.memory_cache_ttl_s).max(after_error_ms);
            let until_ms = kv_ms
                .saturating_add(config.kv_timeout_ms)
                .saturating_add(after_read_ms);
            // An expired record is not served from anywhere, except by a look-up that began before.
            until_ms.min(freshness.retention_ms().saturating_add(lookup_ms))
        } else if config.cache_enabled {
            kv_ms.saturating_add(lookup_ms)
        } else {
            0
        };
        // Only a fresh response is kept there, and none of an isolate without memory.
        let edge_ms = if uses_memory {
            memory_ms.min(freshness.fresh_ms)
        } else {
            0
        };
        let max_age_ms = ms(config.client_max_age_s);
        let clients_ms = memory_ms
            .saturating_add(max_age_ms)
            .min(freshness.fresh_ms.max(memory_ms))
            .saturating_add(freshness.while_revalidate_ms);
        let errors_s = if config.cache_enabled {
            // Responses round the rest of `negativeTtl` up.
            let missing_s = config
                .negative_ttl_s
                .saturating_add(config.negative_ttl_s.min(1));
            missing_s.max(config.error_ttl_s)
        } else {
            0
        };
        Self {
            kv_s: seconds(kv_ms),
            memory_s: seconds(memory_ms),
            edge_s: config.edge_cache.then(|| seconds(edge_ms)),
            clients_s: seconds(clients_ms),
            errors_s,
        }
    }

    /// Returns the rows of a table: a place, and its time.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("KV's read cache", self.kv_s),
            ("the memory of isolates", self.memory_s),
        ];
        rows.extend(self.edge_s.map(|edge_s| ("the platform's cache", edge_s)));
        rows.push(("browsers and other clients", self.clients_s));
        rows.push(("errors of images that were missing", self.errors_s));
        let row = |(place, s)| (place, duration(s));
        rows.into_iter().map(row).collect()
    }
}

fn ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000)
}

fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000)
}

/// Returns seconds as text, such as `2 h 10 min 1 s`.
fn duration(s: u64) -> String {
    let mut left = s;
    let mut parts = Vec::new();
    for (unit_s, unit) in [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")] {
        let count = left.checked_div(unit_s).unwrap_or_default();
        left = left.checked_rem(unit_s).unwrap_or_default();
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        }
    }
    if parts.is_empty() {
        return "0 s".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn bound(mut settings: Value) -> PurgeBound {
        settings["originUrl"] = json!("https://images.test");
        PurgeBound::of(&Config::from_json(&settings).unwrap())
    }

    #[test]
    fn the_bound_of_the_default_settings_adds_up_the_caches() {
        let expected = PurgeBound {
            kv_s: 300,
            // The read of KV may take half a second.
            memory_s: 300 + 300 + 1,
            edge_s: None,
            clients_s: 600 + 3_600 + 3_600 + 1,
            errors_s: 61,
        };
        assert_eq!(bound(json!({})), expected);
        let with_edge = PurgeBound {
            edge_s: Some(601),
            ..expected
        };
        assert_eq!(bound(json!({ "edgeCache": true })), with_edge);
    }

    #[test]
    fn without_caching_only_clients_keep_old_metadata() {
        let settings = json!({ "cacheEnabled": false, "edgeCache": true, "clientMaxAge": 10, "staleWhileRevalidate": 5 });
        let expected = PurgeBound {
            kv_s: 0,
            memory_s: 0,
            edge_s: Some(0),
            clients_s: 15,
            errors_s: 0,
        };
        assert_eq!(bound(settings), expected);
    }

    #[test]
    fn without_memory_an_old_record_ends_with_the_look_up_that_reads_it_and_the_edge_keeps_none() {
        let settings = json!({
            "memoryCacheTtl": 0, "errorTtl": 86_400, "edgeCache": true, "kvReadCacheTtl": 30, "kvTimeoutMs": 1_000, "originTimeoutMs": 4_000,
            "clientMaxAge": 10, "staleWhileRevalidate": 5,
        });
        let expected = PurgeBound {
            kv_s: 60,
            memory_s: 60 + 1 + 15 + 4,
            edge_s: Some(0),
            clients_s: 60 + 1 + 15 + 4 + 10 + 5,
            errors_s: 86_400,
        };
        assert_eq!(bound(settings), expected);
    }

    #[test]
    fn an_error_of_the_origin_keeps_an_old_record_if_it_is_cached_for_longer_than_memory() {
        let settings = json!({
            "memoryCacheTtl": 10, "errorTtl": 100, "kvReadCacheTtl": 90, "kvTimeoutMs": 1_000, "originTimeoutMs": 4_000,
        });
        assert_eq!(bound(settings).memory_s, 90 + 1 + 15 + 4 + 100);
    }

    #[test]
    fn no_place_keeps_a_record_for_longer_than_its_windows() {
        let settings = json!({
            "kvCacheTtl": 60, "staleWhileRevalidate": 10, "staleIfError": 20, "memoryCacheTtl": 86_400, "kvReadCacheTtl": 86_400,
            "edgeCache": true, "kvTimeoutMs": 1_000, "originTimeoutMs": 4_000,
        });
        let bound = bound(settings);
        let memory_s = 60 + 20 + 1 + 15 + 4;
        assert_eq!((bound.memory_s, bound.edge_s), (memory_s, Some(60)));
        assert_eq!(bound.clients_s, memory_s + 10);
    }

    #[test]
    fn durations_are_in_units_that_people_read() {
        for (s, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (601, "10 min 1 s"),
            (7_801, "2 h 10 min 1 s"),
            (176_401, "2 d 1 h 1 s"),
        ] {
            assert_eq!(duration(s), text);
        }
    }
}

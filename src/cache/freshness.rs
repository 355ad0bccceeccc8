//! Calculates how long a record is fresh, and how long it may be served stale.
//!
//! The rules are those of RFC 5861. Both windows begin at the end of freshness. Nothing here reads a clock.

use std::hash::Hasher;

/// The maximum reduction of a key's lifetime, in thousandths. Without it, records that were written at the same time
/// would expire at the same time, and would all be fetched from the origin at once.
const MAX_JITTER_PER_MILLE: u64 = 50;

/// The time that a record is fresh, and the times that it may be served stale, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// The time that a record is fresh after it was fetched, before the key's jitter is subtracted.
    pub fresh_ms: u64,
    /// The time after freshness in which it is served while a background refresh runs.
    pub while_revalidate_ms: u64,
    /// The time after freshness in which it is served if fetching fails.
    pub if_error_ms: u64,
}

/// How long a record is fresh, and when it expires, in milliseconds after it was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The time after which it is stale. It is shorter than `usable_ms` if a part of the record is still missing.
    pub fresh_ms: u64,
    /// The time until which it may be served in any case. The windows of staleness follow.
    pub usable_ms: u64,
}

impl Lifetime {
    /// Returns the lifetime of a record that is fresh for `ms`.
    #[must_use]
    pub fn of_complete(ms: u64) -> Self {
        Self {
            fresh_ms: ms,
            usable_ms: ms,
        }
    }

    /// Returns the lifetime of a record with a missing part, which a refresh after `retry_ms` may bring.
    #[must_use]
    pub fn until_retry(self, retry_ms: u64) -> Self {
        Self {
            fresh_ms: self.fresh_ms.min(retry_ms),
            ..self
        }
    }
}

/// The permitted use of a record at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it, and refresh it in the background.
    StaleWhileRevalidate,
    /// Fetch it again. Serve this record only if that fails.
    StaleIfError,
    /// Fetch it again. Do not serve this record.
    Expired,
}

impl FreshnessPolicy {
    /// Returns how long the complete record of `key` is fresh: `fresh_ms` minus 0 to 5 %, always the same for a key.
    #[must_use]
    pub fn lifetime_ms(&self, key: &str) -> u64 {
        let jitter = key_hash(key).checked_rem(MAX_JITTER_PER_MILLE.saturating_add(1));
        let thousandth = self.fresh_ms.checked_div(1000).unwrap_or_default();
        self.fresh_ms
            .saturating_sub(thousandth.saturating_mul(jitter.unwrap_or_default()))
    }

    /// Returns how long KV should keep a record after it was fetched: until it may no longer be served.
    #[must_use]
    pub fn retention_ms(&self) -> u64 {
        self.fresh_ms
            .saturating_add(self.while_revalidate_ms.max(self.if_error_ms))
    }

    /// Returns the state of a record at `now_ms`.
    ///
    /// If `last_fetched_ms` is in the future, the record counts as fetched now.
    #[must_use]
    pub fn state(&self, last_fetched_ms: u64, lifetime: Lifetime, now_ms: u64) -> Freshness {
        let age_ms = now_ms.saturating_sub(last_fetched_ms);
        match age_ms.saturating_sub(lifetime.usable_ms) {
            0 if age_ms <= lifetime.fresh_ms => Freshness::Fresh,
            0 => Freshness::StaleWhileRevalidate,
            stale_ms if stale_ms <= self.while_revalidate_ms => Freshness::StaleWhileRevalidate,
            stale_ms if stale_ms <= self.if_error_ms => Freshness::StaleIfError,
            _ => Freshness::Expired,
        }
    }
}

/// Returns the whole seconds since a record was fetched, never negative: the `Metadata-Age` header.
#[must_use]
pub fn age_s(last_fetched_ms: u64, now_ms: u64) -> u64 {
    seconds(now_ms.saturating_sub(last_fetched_ms))
}

/// Returns the remaining freshness in whole seconds: 0 or more if fresh, -1 or less if stale.
#[must_use]
pub fn ttl_s(last_fetched_ms: u64, lifetime_ms: u64, now_ms: u64) -> i64 {
    let age_ms = now_ms.saturating_sub(last_fetched_ms);
    let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match lifetime_ms.checked_sub(age_ms) {
        Some(remaining_ms) => signed(seconds(remaining_ms)),
        None => signed(age_ms.saturating_sub(lifetime_ms).div_ceil(1000)).saturating_neg(),
    }
}

fn seconds(milliseconds: u64) -> u64 {
    milliseconds.checked_div(1000).unwrap_or_default()
}

/// Hashes a key with FNV-1a. Unlike the hash of a `HashMap`, it is the same in every isolate and version.
fn key_hash(key: &str) -> u64 {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.write(key.as_bytes());
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: FreshnessPolicy = FreshnessPolicy {
        fresh_ms: 10_000,
        while_revalidate_ms: 5_000,
        if_error_ms: 20_000,
    };

    #[test]
    fn a_record_is_fresh_then_stale_then_expired() {
        let lifetime = Lifetime::of_complete(10_000);
        let state = |now| POLICY.state(100_000, lifetime, now);
        assert_eq!(state(100_000), Freshness::Fresh);
        assert_eq!(state(110_000), Freshness::Fresh);
        assert_eq!(state(110_001), Freshness::StaleWhileRevalidate);
        assert_eq!(state(115_000), Freshness::StaleWhileRevalidate);
        assert_eq!(state(115_001), Freshness::StaleIfError);
        assert_eq!(state(130_000), Freshness::StaleIfError);
        assert_eq!(state(130_001), Freshness::Expired);
    }

    #[test]
    fn a_record_with_a_missing_part_is_stale_early_and_expires_as_a_complete_one_does() {
        let lifetime = Lifetime::of_complete(10_000).until_retry(300);
        let state = |now| POLICY.state(100_000, lifetime, now);
        assert_eq!(state(100_300), Freshness::Fresh);
        assert_eq!(state(100_301), Freshness::StaleWhileRevalidate);
        assert_eq!(state(115_000), Freshness::StaleWhileRevalidate);
        assert_eq!(state(115_001), Freshness::StaleIfError);
        assert_eq!(state(130_001), Freshness::Expired);
        let short = Lifetime::of_complete(200);
        assert_eq!(short.until_retry(300), short);
    }

    #[test]
    fn a_record_from_the_future_counts_as_fetched_now() {
        let lifetime = Lifetime::of_complete(10_000);
        assert_eq!(POLICY.state(200_000, lifetime, 100_000), Freshness::Fresh);
        assert_eq!(age_s(200_000, 100_000), 0);
        assert_eq!(ttl_s(200_000, 10_000, 100_000), 10);
    }

    #[test]
    fn the_ttl_is_negative_exactly_if_the_record_is_stale() {
        assert_eq!(ttl_s(0, 10_000, 0), 10);
        assert_eq!(ttl_s(0, 10_000, 9_999), 0);
        assert_eq!(ttl_s(0, 10_000, 10_000), 0);
        assert_eq!(ttl_s(0, 10_000, 10_001), -1);
        assert_eq!(ttl_s(0, 10_000, 12_000), -2);
        assert_eq!(ttl_s(0, 0, u64::MAX), -18_446_744_073_709_552);
    }

    #[test]
    fn a_lifetime_is_reduced_by_at_most_five_percent_and_is_stable_for_a_key() {
        let policy = FreshnessPolicy {
            fresh_ms: 1_000_000,
            ..POLICY
        };
        let lifetimes: Vec<u64> = (0..1_000)
            .map(|n| policy.lifetime_ms(&format!("metadata:{n}")))
            .collect();
        assert!(
            lifetimes
                .iter()
                .all(|ms| (950_000..=1_000_000).contains(ms))
        );
        assert!(lifetimes.iter().any(|ms| *ms < 960_000));
        assert!(lifetimes.iter().any(|ms| *ms > 990_000));
        assert_eq!(policy.lifetime_ms("metadata:7"), lifetimes[7]);
    }
}

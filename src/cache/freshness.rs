//! How long a record may be served: fresh, stale while it is fetched again, stale where fetching fails.
//!
//! RFC 5861 with the windows counted from the end of freshness. Nothing here reads a clock.

use std::hash::Hasher;

/// How much of `kvCacheTtl` a key may lose, in thousandths. Records written together would
/// otherwise expire together and reach the origin as one wave.
const MAX_JITTER_PER_MILLE: u64 = 50;

/// How long a record is fresh, and may be served stale, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// Fresh for this long after it was fetched, less the key's jitter.
    pub fresh_ms: u64,
    /// After that: served stale for this long while it is fetched again.
    pub while_revalidate_ms: u64,
    /// After freshness, too: served stale for this long where fetching it fails.
    pub if_error_ms: u64,
}

/// What may be done with a record at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it, and fetch it again behind the answer.
    StaleWhileRevalidate,
    /// Fetch it; serve this one where that fails.
    StaleIfError,
    /// Fetch it.
    Expired,
}

impl FreshnessPolicy {
    /// For how long `key` is fresh: `fresh_ms` less 0 to 5 %, always the same for one key.
    #[must_use]
    pub fn lifetime_ms(&self, key: &str) -> u64 {
        let jitter = key_hash(key).checked_rem(MAX_JITTER_PER_MILLE.saturating_add(1));
        let thousandth = self.fresh_ms.checked_div(1000).unwrap_or_default();
        self.fresh_ms
            .saturating_sub(thousandth.saturating_mul(jitter.unwrap_or_default()))
    }

    /// How long KV should keep a record: until the last window closes.
    #[must_use]
    pub fn retention_ms(&self) -> u64 {
        self.fresh_ms
            .saturating_add(self.while_revalidate_ms.max(self.if_error_ms))
    }

    /// The state at `now_ms` of a record whose lifetime is `lifetime_ms`.
    ///
    /// A record from the future counts as fetched now.
    #[must_use]
    pub fn state(&self, last_fetched_ms: u64, lifetime_ms: u64, now_ms: u64) -> Freshness {
        let past_ms = now_ms
            .saturating_sub(last_fetched_ms)
            .saturating_sub(lifetime_ms);
        match past_ms {
            0 => Freshness::Fresh,
            past if past <= self.while_revalidate_ms => Freshness::StaleWhileRevalidate,
            past if past <= self.if_error_ms => Freshness::StaleIfError,
            _ => Freshness::Expired,
        }
    }
}

/// Whole seconds since a record was fetched, never negative: the `Metadata-Age` header.
#[must_use]
pub fn age_s(last_fetched_ms: u64, now_ms: u64) -> u64 {
    seconds(now_ms.saturating_sub(last_fetched_ms))
}

/// Whole seconds of freshness that are left: 0 or more while fresh, -1 or less when stale.
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

/// FNV-1a: the same for a key in every isolate and version, unlike the hash of a map.
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
    fn a_record_passes_through_its_windows_in_order() {
        let state = |now| POLICY.state(100_000, 10_000, now);
        assert_eq!(state(100_000), Freshness::Fresh);
        assert_eq!(state(110_000), Freshness::Fresh);
        assert_eq!(state(110_001), Freshness::StaleWhileRevalidate);
        assert_eq!(state(115_000), Freshness::StaleWhileRevalidate);
        assert_eq!(state(115_001), Freshness::StaleIfError);
        assert_eq!(state(130_000), Freshness::StaleIfError);
        assert_eq!(state(130_001), Freshness::Expired);
    }

    #[test]
    fn a_record_from_the_future_is_fetched_now() {
        assert_eq!(POLICY.state(200_000, 10_000, 100_000), Freshness::Fresh);
        assert_eq!(age_s(200_000, 100_000), 0);
        assert_eq!(ttl_s(200_000, 10_000, 100_000), 10);
    }

    #[test]
    fn ttl_is_negative_exactly_when_the_record_is_stale() {
        assert_eq!(ttl_s(0, 10_000, 0), 10);
        assert_eq!(ttl_s(0, 10_000, 9_999), 0);
        assert_eq!(ttl_s(0, 10_000, 10_000), 0);
        assert_eq!(ttl_s(0, 10_000, 10_001), -1);
        assert_eq!(ttl_s(0, 10_000, 12_000), -2);
        assert_eq!(ttl_s(0, 0, u64::MAX), -18_446_744_073_709_552);
    }

    #[test]
    fn a_key_loses_up_to_a_twentieth_of_its_lifetime_and_always_the_same() {
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

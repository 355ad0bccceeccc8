//! Bounds the memory of all image prefixes that an isolate reads at a time.
//!
//! WebAssembly memory never shrinks, so a burst of misses would set the memory of an isolate for the rest of its life.
//! Each read of an image therefore waits for a share of a pool. There are three pools:
//! - Every read starts with `headerBytes` from the first.
//! - A read that needs more takes `headerBytesMax` from the second, at once.
//! - The tiny pictures of placeholders have the third, so that no metadata waits for the picture of another image.
//!
//! There is no deadlock: a read with a share of the second or third pool waits for nothing else.
//!
//! A share is released when its read ends, or else expires: no destructor runs for a request that was cut off.

/// The size of each of the first two pools. Both together are the documented 16 MiB.
pub const POOL_BYTES: u64 = 8 * 1024 * 1024;

/// The size of the third pool: 64 pictures of the maximum size.
pub const PICTURE_POOL_BYTES: u64 = 4 * 1024 * 1024;

/// The pool for a part of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// The first `headerBytes`.
    First,
    /// The bytes after these, up to `headerBytesMax`.
    Rest,
    /// Tiny pictures.
    Pictures,
}

impl Pool {
    fn bytes(self) -> u64 {
        match self {
            Self::First | Self::Rest => POOL_BYTES,
            Self::Pictures => PICTURE_POOL_BYTES,
        }
    }
}

/// The ID of a share of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share(u64);

/// The shares in use.
#[derive(Debug, Default)]
pub struct PrefixBudget {
    /// Few enough for a linear search; a map would add 1 KB of WebAssembly.
    taken: Vec<(Share, Taken)>,
    /// The bytes of all shares of each pool.
    used: (u64, u64, u64),
    last: u64,
}

#[derive(Debug)]
struct Taken {
    pool: Pool,
    bytes: u64,
    until_ms: u64,
}

impl PrefixBudget {
    /// Takes `bytes` of `pool` until `until_ms`. Returns `None` if they are not free now. An unused pool grants a share
    /// of any size.
    pub fn take(&mut self, pool: Pool, bytes: u64, now_ms: u64, until_ms: u64) -> Option<Share> {
        let is_full = |used: u64| used > 0 && used.saturating_add(bytes) > pool.bytes();
        if is_full(*self.used(pool)) {
            self.expire(now_ms);
        }
        if is_full(*self.used(pool)) {
            return None;
        }
        let used = self.used(pool);
        *used = used.saturating_add(bytes);
        self.last = self.last.wrapping_add(1);
        let share = Share(self.last);
        let taken = Taken {
            pool,
            bytes,
            until_ms,
        };
        self.taken.push((share, taken));
        Some(share)
    }

    /// Releases a share, unless it has expired.
    pub fn release(&mut self, share: Share) {
        let place = self.taken.iter().position(|(taken, _)| *taken == share);
        if let Some(place) = place {
            let (_, Taken { pool, bytes, .. }) = self.taken.swap_remove(place);
            let used = self.used(pool);
            *used = used.saturating_sub(bytes);
        }
    }

    fn expire(&mut self, now_ms: u64) {
        let expired = |(_, taken): &&(Share, Taken)| taken.until_ms < now_ms;
        while let Some((share, _)) = self.taken.iter().find(expired) {
            self.release(*share);
        }
    }

    fn used(&mut self, pool: Pool) -> &mut u64 {
        match pool {
            Pool::First => &mut self.used.0,
            Pool::Rest => &mut self.used.1,
            Pool::Pictures => &mut self.used.2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = POOL_BYTES / 2;

    #[test]
    fn a_full_pool_grants_nothing_until_a_share_is_released() {
        let mut budget = PrefixBudget::default();
        let mut take = |bytes| budget.take(Pool::First, bytes, 0, 100);
        let first = take(HALF).unwrap();
        assert!(take(HALF).is_some());
        assert_eq!(take(1), None);
        budget.release(first);
        assert!(budget.take(Pool::First, HALF, 0, 100).is_some());
    }

    #[test]
    fn the_pools_are_independent() {
        let mut budget = PrefixBudget::default();
        assert!(budget.take(Pool::First, POOL_BYTES, 0, 100).is_some());
        assert!(budget.take(Pool::Rest, POOL_BYTES, 0, 100).is_some());
        let pictures = [PICTURE_POOL_BYTES, 1];
        let taken = pictures.map(|bytes| budget.take(Pool::Pictures, bytes, 0, 100).is_some());
        assert_eq!(taken, [true, false]);
        assert_eq!(budget.take(Pool::Rest, 1, 0, 100), None);
    }

    #[test]
    fn a_share_of_a_request_that_was_cut_off_expires() {
        let mut budget = PrefixBudget::default();
        let lost = budget.take(Pool::First, POOL_BYTES, 0, 100).unwrap();
        assert_eq!(budget.take(Pool::First, 1, 100, 200), None);
        assert!(budget.take(Pool::First, POOL_BYTES, 101, 200).is_some());
        budget.release(lost);
        assert_eq!(budget.take(Pool::First, 1, 101, 200), None);
    }

    #[test]
    fn a_share_larger_than_its_pool_is_granted_alone() {
        let mut budget = PrefixBudget::default();
        assert!(budget.take(Pool::Rest, 2 * POOL_BYTES, 0, 100).is_some());
        assert_eq!(budget.take(Pool::Rest, 1, 0, 100), None);
    }
}

//! Bounds the memory of all image prefixes that an isolate reads at a time.
//!
//! WebAssembly memory never shrinks, so that a burst of misses decides what an isolate takes from then on. Who reads an image
//! takes a share first, and waits for it. There are two pools: every read starts with `headerBytes` from the one, and a read
//! that must go on takes `headerBytesMax` from the other, at once. Nobody who holds of the second waits for anything, so that no
//! two reads wait for each other.
//!
//! A share is given back when the read ends, or expires: no destructor runs for a request that was cut off.

/// The most bytes of one pool. Both together are the documented 16 MiB.
pub const POOL_BYTES: u64 = 8 * 1024 * 1024;

/// Which part of a header is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// The first `headerBytes`.
    First,
    /// What follows them, up to `headerBytesMax`.
    Further,
}

/// A share of a pool, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share(u64);

/// The shares that are taken.
#[derive(Debug, Default)]
pub struct PrefixBudget {
    /// Few enough to look through: another map would be 1 KB of WebAssembly.
    taken: Vec<(Share, Taken)>,
    /// The bytes of all shares of the first pool, and of the further one.
    used: (u64, u64),
    last: u64,
}

#[derive(Debug)]
struct Taken {
    pool: Pool,
    bytes: u64,
    until_ms: u64,
}

impl PrefixBudget {
    /// Takes `bytes` of `pool` until `until_ms`. `None` if they are not free now; an empty pool grants any share.
    pub fn take(&mut self, pool: Pool, bytes: u64, now_ms: u64, until_ms: u64) -> Option<Share> {
        let is_full = |used: u64| used > 0 && used.saturating_add(bytes) > POOL_BYTES;
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

    /// Gives a share back; one that has expired is back already.
    pub fn give_back(&mut self, share: Share) {
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
            self.give_back(*share);
        }
    }

    fn used(&mut self, pool: Pool) -> &mut u64 {
        match pool {
            Pool::First => &mut self.used.0,
            Pool::Further => &mut self.used.1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = POOL_BYTES / 2;

    #[test]
    fn a_full_pool_grants_nothing_until_a_share_is_back() {
        let mut budget = PrefixBudget::default();
        let mut take = |bytes| budget.take(Pool::First, bytes, 0, 100);
        let first = take(HALF).unwrap();
        assert!(take(HALF).is_some());
        assert_eq!(take(1), None);
        budget.give_back(first);
        assert!(budget.take(Pool::First, HALF, 0, 100).is_some());
    }

    #[test]
    fn the_pools_are_apart() {
        let mut budget = PrefixBudget::default();
        assert!(budget.take(Pool::First, POOL_BYTES, 0, 100).is_some());
        assert!(budget.take(Pool::Further, POOL_BYTES, 0, 100).is_some());
        assert_eq!(budget.take(Pool::Further, 1, 0, 100), None);
    }

    #[test]
    fn a_share_of_a_request_that_was_cut_off_expires() {
        let mut budget = PrefixBudget::default();
        let lost = budget.take(Pool::First, POOL_BYTES, 0, 100).unwrap();
        assert_eq!(budget.take(Pool::First, 1, 100, 200), None);
        assert!(budget.take(Pool::First, POOL_BYTES, 101, 200).is_some());
        budget.give_back(lost);
        assert_eq!(budget.take(Pool::First, 1, 101, 200), None);
    }

    #[test]
    fn a_share_larger_than_its_pool_is_granted_alone() {
        let mut budget = PrefixBudget::default();
        assert!(budget.take(Pool::Further, 2 * POOL_BYTES, 0, 100).is_some());
        assert_eq!(budget.take(Pool::Further, 1, 0, 100), None);
    }
}

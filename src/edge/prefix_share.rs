//! Limits the memory that image prefixes are read into, over all requests of the isolate.

use std::cell::RefCell;

use super::clock::now_ms;
use super::timer;
use crate::image::prefix::BodyPrefix;
use crate::image::prefix_budget::{Pool, PrefixBudget, Share};
use crate::placeholder::png::MAX_BYTES;

/// Time between attempts to take a share, in milliseconds. Requests poll, because a waker of one request must not be
/// called in the context of another.
const PAUSE_MS: u64 = 20;

/// The share of a tiny picture.
const PICTURE_BYTES: u64 = MAX_BYTES as u64;

thread_local! {
    static BUDGET: RefCell<PrefixBudget> = RefCell::default();
}

/// No read takes this long. A share that is still taken was held by a terminated request, so it is free again.
const LOST_AFTER_MS: u64 = 30_000;

/// The shares of one read, which are returned when it is dropped.
#[derive(Default)]
pub(super) struct PrefixShares {
    taken: Vec<Share>,
}

impl PrefixShares {
    /// Waits for memory for the next bytes of `prefix`. `length` is the length of the whole body, if known. Returns
    /// `false` if no memory was free before `is_late`.
    pub(super) async fn make_room(
        &mut self,
        prefix: &BodyPrefix,
        length: Option<u64>,
        is_late: impl Fn() -> bool,
    ) -> bool {
        let (pool, bytes) = match self.taken.len() {
            0 => (Pool::First, prefix.first_bytes()),
            1 if prefix.is_beyond_first_bytes() => (Pool::Rest, prefix.most_bytes()),
            _ => return true,
        };
        let bytes = length.map_or(bytes, |length| length.min(bytes));
        self.take(pool, bytes, is_late).await
    }

    /// Waits for memory for up to `bytes` more of a file that is read before its header is. The memory for the first bytes is taken.
    /// Returns `false` if none was free before `is_late`.
    pub(super) async fn make_room_for_rest(
        &mut self,
        bytes: u64,
        is_late: impl Fn() -> bool,
    ) -> bool {
        self.taken.len() > 1 || self.take(Pool::Rest, bytes, is_late).await
    }

    /// Waits for memory for a tiny picture. Returns `false` if none was free before `is_late`.
    pub(super) async fn make_room_for_picture(&mut self, is_late: impl Fn() -> bool) -> bool {
        self.take(Pool::Pictures, PICTURE_BYTES, is_late).await
    }

    async fn take(&mut self, pool: Pool, bytes: u64, is_late: impl Fn() -> bool) -> bool {
        loop {
            let now_ms = now_ms();
            let until_ms = now_ms.saturating_add(LOST_AFTER_MS);
            let share = BUDGET.with_borrow_mut(|budget| budget.take(pool, bytes, now_ms, until_ms));
            if let Some(share) = share {
                self.taken.push(share);
                return true;
            }
            if is_late() {
                return false;
            }
            timer::sleep(PAUSE_MS).await;
        }
    }
}

impl Drop for PrefixShares {
    fn drop(&mut self) {
        BUDGET.with_borrow_mut(|budget| {
            for share in self.taken.drain(..) {
                budget.release(share);
            }
        });
    }
}

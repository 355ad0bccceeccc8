//! A counting semaphore, first come, first served.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// How many images one request fetches at a time. A Worker may wait for the headers of six responses at once; more would queue in the
/// runtime while their deadlines run.
pub(super) const FETCHES_AT_A_TIME: usize = 6;

/// Permits that the tasks of one request share.
///
/// It must not be shared between requests: its wakers would run one request's code in another, which the runtime forbids.
#[derive(Debug, Clone)]
pub struct Semaphore(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<Waker>,
}

/// One permit, released when dropped.
#[derive(Debug)]
pub struct Permit(Semaphore);

impl Semaphore {
    /// Creates `count` permits.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            free: count,
            waiting: VecDeque::new(),
        })))
    }

    /// Returns a permit if one is free.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        let mut state = self.0.borrow_mut();
        state.free = state.free.checked_sub(1)?;
        Some(Permit(self.clone()))
    }

    /// Waits for a permit.
    pub async fn acquire(&self) -> Permit {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            match state.free.checked_sub(1) {
                Some(left) => {
                    state.free = left;
                    Poll::Ready(())
                }
                None => {
                    state.waiting.push_back(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        Permit(self.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.0.borrow_mut();
            state.free = state.free.saturating_add(1);
            std::mem::take(&mut state.waiting)
        };
        // Wake all, because the task of the first may have been cancelled; after the borrow, because waking may run the task.
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::executor::block_on;

    #[test]
    fn no_more_than_all_permits_are_held_at_a_time() {
        let semaphore = Semaphore::new(2);
        let (first, second) = (block_on(semaphore.acquire()), block_on(semaphore.acquire()));
        let mut third = Box::pin(semaphore.acquire());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_some());
        drop(second);
    }
}

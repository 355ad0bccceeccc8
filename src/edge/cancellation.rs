//! Cancels the work of a request whose client has disconnected.
//!
//! The runtime ends the context of such a request without running destructors. Before that it dispatches an event, on
//! which `src/edge/guard.js` calls [`cancel`]. The future is then dropped in its own context. Flights continue, because
//! `waitUntil` keeps them alive.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

thread_local! {
    /// The running requests and their wakers, sorted by number, which is also the order of arrival.
    static RUNNING: RefCell<Vec<(u32, Waker)>> = const { RefCell::new(Vec::new()) };
}

/// Registers a running request until it is dropped, including by a panic.
struct Running(u32);

impl Running {
    fn new(number: u32, waker: Waker) -> Self {
        RUNNING.with_borrow_mut(|running| {
            if let Err(position) = position_of(number, running) {
                running.insert(position, (number, waker));
            }
        });
        Self(number)
    }

    fn is_cancelled(&self) -> bool {
        RUNNING.with_borrow(|running| position_of(self.0, running).is_err())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        remove(self.0);
    }
}

/// Runs the work of the request `number`. Returns `None` if the request is cancelled.
pub(super) async fn run<T>(number: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut running = None;
    poll_fn(|context| {
        let running = running.get_or_insert_with(|| Running::new(number, context.waker().clone()));
        if running.is_cancelled() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Cancels the request `number` if it is running.
pub(super) fn cancel(number: u32) {
    if let Some(waker) = remove(number) {
        waker.wake();
    }
}

fn remove(number: u32) -> Option<Waker> {
    RUNNING.with_borrow_mut(|running| {
        let position = position_of(number, running).ok()?;
        Some(running.remove(position).1)
    })
}

fn position_of(number: u32, running: &[(u32, Waker)]) -> Result<usize, usize> {
    running.binary_search_by_key(&number, |(number, _)| *number)
}

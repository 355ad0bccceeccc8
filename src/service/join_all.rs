//! Waits for many futures at once.

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures::future::maybe_done;

/// Returns the results of all `futures`, in their order.
///
/// `futures::future::join_all` does the same for up to 30 futures. Above that it saves polls with code that would be 5 % of
/// the Worker, and polls are cheap here: a future that waits for JavaScript only reads a flag.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let boxed = |future| Box::pin(maybe_done(future));
    let mut futures: Vec<_> = futures.into_iter().map(boxed).collect();
    poll_fn(|context| {
        let mut joined = Poll::Ready(());
        for future in &mut futures {
            if future.as_mut().poll(context).is_pending() {
                joined = Poll::Pending;
            }
        }
        joined
    })
    .await;
    let outcomes = futures.iter_mut();
    outcomes
        .filter_map(|future| future.as_mut().take_output())
        .collect()
}

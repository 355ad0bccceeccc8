//! Waiting for many futures at once.

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures::future::maybe_done;

/// The outcomes of all `futures`, in their order.
///
/// It is what `futures::future::join_all` does for up to 30 of them. For more that function has
/// another way, whose code would be a twentieth of the Worker: it spares polls, and a poll of what
/// waits for JavaScript is a look at a flag.
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

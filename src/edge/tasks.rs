//! Work that outlives its request, as one JS promise kept alive by `waitUntil`.
//!
//! The promise is the only thing that crosses from one request to another. The runtime knows
//! which I/O context a promise belongs to and carries a continuation over to the one that waits.
//! A Rust waker would run the waiting request's code in the leader's context instead, where the
//! runtime forbids its I/O. The promise is resolved with nothing: what was found lies in plain
//! memory, which has no context.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use super::timer;

#[cfg(not(test))]
#[wasm_bindgen(module = "cloudflare:workers")]
extern "C" {
    #[wasm_bindgen(js_name = waitUntil)]
    fn wait_until(promise: &Promise);
}

/// What keeps the work of a request alive.
#[derive(Clone)]
pub(super) enum Context {
    /// The context that a `fetch` event hands out.
    Fetch(Rc<worker::Context>),
    /// The one that the code runs in; a call from another Worker hands out none.
    #[cfg(not(test))]
    Current,
}

impl Context {
    fn wait_until(&self, signal: &Signal) {
        match self {
            // Not the method of the worker crate, which would make another promise of it.
            Self::Fetch(context) => {
                // It fails only outside of a request.
                let _ = context.as_ref().as_ref().wait_until(signal);
            }
            #[cfg(not(test))]
            Self::Current => wait_until(signal),
        }
    }
}

/// Resolves when a task has ended; rejected when its context is gone.
pub(super) type Signal = Promise;

/// Begins `work`, which the runtime lets finish also where the client goes away.
pub(super) fn launch(context: &Context, work: impl Future<Output = ()> + 'static) -> Signal {
    let signal = promise(Box::pin(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    }));
    context.wait_until(&signal);
    signal
}

/// Begins `work` and tells its outcome. Boxed: what makes a promise is large, and would be in the
/// Worker once for each kind of work.
pub(super) fn promise(work: LocalBoxFuture<'static, Result<JsValue, JsValue>>) -> Promise {
    // What is shared is changed in single steps, none of which a panic can interrupt half-way.
    future_to_promise(AssertUnwindSafe(work))
}

/// Waits for a task, whatever became of it, at most `timeout_ms`.
pub(super) async fn ended(signal: Signal, timeout_ms: u64) {
    let _ = timer::within(signal, timeout_ms).await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use js_sys::{Array, Function};
    use wasm_bindgen::JsCast;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::super::js_value::object;
    use super::*;

    #[wasm_bindgen_test]
    async fn work_is_handed_to_wait_until_and_its_end_can_be_waited_for() {
        let kept = Array::new();
        let wait_until = Function::new_with_args("promise", "this.kept.push(promise)");
        let inner = object(&[
            ("waitUntil", wait_until.into()),
            ("kept", kept.clone().into()),
        ]);
        let context = worker::Context::new(inner.unchecked_into());
        let context = Context::Fetch(Rc::new(context));
        let done = Rc::new(Cell::new(false));
        let work = Rc::clone(&done);
        let signal = launch(&context, async move {
            timer::sleep(1).await;
            work.set(true);
        });
        assert_eq!((kept.length(), done.get()), (1, false));
        ended(signal.clone(), 1_000).await;
        assert!(done.get());
        // A promise can be waited for more than once.
        ended(signal, 1_000).await;
    }

    #[wasm_bindgen_test]
    async fn a_lost_task_ends_as_well() {
        ended(Promise::reject(&"context gone".into()), 60_000).await;
    }
}

//! Work that outlives its request, as a JavaScript promise that `waitUntil` keeps alive.
//!
//! Requests share only the promise. The runtime knows the I/O context of a promise, and runs a continuation in the
//! context that waits for it. A Rust waker would run the code of the waiting request in the context of the leader,
//! where the runtime forbids its I/O. The promise resolves without a value: results are in plain memory, which has no
//! context.

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

/// An I/O context, which keeps the work of a request alive.
#[derive(Clone)]
pub(super) enum Context {
    /// The context of a `fetch` event.
    Fetch(Rc<worker::Context>),
    /// The current context. A call from another Worker receives no context object.
    #[cfg(not(test))]
    Current,
}

impl Context {
    fn wait_until(&self, signal: &Signal) {
        match self {
            // Not the method of the worker crate, which would create another promise.
            Self::Fetch(context) => {
                // This fails only outside of a request.
                let _ = context.as_ref().as_ref().wait_until(signal);
            }
            #[cfg(not(test))]
            Self::Current => wait_until(signal),
        }
    }
}

/// Resolves when a task ends. Rejects if its context ends first.
pub(super) type Signal = Promise;

/// Starts `work`, which the runtime completes even if the client disconnects.
pub(super) fn launch(context: &Context, work: impl Future<Output = ()> + 'static) -> Signal {
    let signal = promise(Box::pin(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    }));
    context.wait_until(&signal);
    signal
}

/// Starts `work`, and returns a promise of its result. `work` is boxed because the code that creates a promise is
/// large, and would be compiled once per type of future.
pub(super) fn promise(work: LocalBoxFuture<'static, Result<JsValue, JsValue>>) -> Promise {
    // Unwind safe: shared state is changed in single steps, and no panic can interrupt one.
    future_to_promise(AssertUnwindSafe(work))
}

/// Waits until a task ends or its context does, at most `timeout_ms`.
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
    async fn launched_work_is_passed_to_wait_until_and_its_end_can_be_awaited_twice() {
        let promises = Array::new();
        let wait_until = Function::new_with_args("promise", "this.promises.push(promise)");
        let inner = object(&[
            ("waitUntil", wait_until.into()),
            ("promises", promises.clone().into()),
        ]);
        let context = worker::Context::new(inner.unchecked_into());
        let context = Context::Fetch(Rc::new(context));
        let done = Rc::new(Cell::new(false));
        let work = Rc::clone(&done);
        let signal = launch(&context, async move {
            timer::sleep(1).await;
            work.set(true);
        });
        assert_eq!((promises.length(), done.get()), (1, false));
        ended(signal.clone(), 1_000).await;
        assert!(done.get());
        ended(signal, 1_000).await;
    }

    #[wasm_bindgen_test]
    async fn waiting_ends_if_the_context_of_the_task_is_gone() {
        ended(Promise::reject(&"context gone".into()), 60_000).await;
    }
}

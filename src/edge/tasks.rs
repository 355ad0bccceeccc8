//! Work that outlives its request, as one JS promise kept alive by `waitUntil`.
//!
//! The promise is the only thing that crosses from one request to another. The runtime knows
//! which I/O context a promise belongs to and carries a continuation over to the one that waits.
//! A Rust waker would run the waiting request's code in the leader's context instead, where the
//! runtime forbids its I/O. The promise is resolved with nothing: what was found lies in plain
//! memory, which has no context.

use std::future::Future;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::Context;

/// Resolves when a task has ended; rejected when its context is gone.
pub(super) type Signal = Promise;

/// Begins `work`, which the runtime lets finish also where the client goes away.
pub(super) fn launch(context: &Context, work: impl Future<Output = ()> + 'static) -> Signal {
    let signal = future_to_promise(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    let kept_alive = JsFuture::from(signal.clone());
    context.wait_until(async move {
        let _ = kept_alive.await;
    });
    signal
}

/// Waits for a task, whatever became of it.
pub(super) async fn ended(signal: Signal) {
    let _ = JsFuture::from(signal).await;
}

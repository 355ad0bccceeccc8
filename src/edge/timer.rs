//! Time limits and delays, with the runtime's `setTimeout`.
//!
//! A promise and its time limit race in JavaScript, for two reasons:
//! - A Rust future of a promise frees its memory only when the promise settles, and the loser of a race may never
//!   settle. For the same reason, a wait that is dropped early settles its promise.
//! - Each step of a race in Rust would be a call out of WebAssembly.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::js_value::{message, number};

#[wasm_bindgen(module = "/src/edge/time_limit.js")]
extern "C" {
    fn limited(promise: &Promise, ms: f64) -> Timed;

    fn delay(ms: f64) -> Timed;

    /// A promise with a time limit, which rejects with `null` when that is over.
    #[wasm_bindgen(extends = Promise)]
    #[derive(Clone)]
    pub(super) type Timed;

    #[wasm_bindgen(method)]
    fn abandon(this: &Timed);
}

impl Timed {
    /// Waits for the promise to settle. Returns `None` if the time limit is over first.
    pub(super) async fn outcome(self) -> Option<Result<JsValue, JsValue>> {
        let mut wait = Wait(Some(self.clone()));
        let outcome = JsFuture::from(Promise::from(self)).await;
        wait.0 = None;
        match outcome {
            // Only the time limit rejects with `null`.
            Err(thrown) if thrown.is_null() => None,
            outcome => Some(outcome),
        }
    }
}

/// Settles the promise if the wait is dropped before it ends.
struct Wait(Option<Timed>);

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(timed) = &self.0 {
            timed.abandon();
        }
    }
}

/// Waits for `ms` milliseconds.
pub(super) async fn sleep(ms: u64) {
    delay(number(ms)).outcome().await;
}

/// Waits for `promise` to settle. Returns `None` after `ms` milliseconds.
pub(super) async fn within(promise: Promise, ms: u64) -> Option<Result<JsValue, JsValue>> {
    limited(&promise, number(ms)).outcome().await
}

/// Waits for a call that has a time limit.
///
/// # Errors
/// The runtime's message, or `timeout`.
pub(super) async fn settled(call: Result<Timed, JsValue>) -> Result<JsValue, String> {
    let timed = call.map_err(|thrown| message(&thrown))?;
    match timed.outcome().await {
        Some(settled) => settled.map_err(|thrown| message(&thrown)),
        None => Err("timeout".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn a_promise_that_does_not_settle_in_time_is_a_timeout() {
        let value = JsValue::from("value");
        let resolved = within(Promise::resolve(&value), 60_000).await;
        assert_eq!(resolved, Some(Ok(value.clone())));
        let rejected = within(Promise::reject(&value), 60_000).await;
        assert_eq!(rejected, Some(Err(value)));
        let hanging = Promise::new(&mut |_, _| {});
        assert_eq!(within(hanging, 1).await, None);
    }
}

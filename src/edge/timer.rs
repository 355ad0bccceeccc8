//! Waiting, on the runtime's `setTimeout`.
//!
//! Two things race in JavaScript, not in Rust: a Rust future of a promise frees what it holds when
//! the promise settles, and the loser of a race may never settle. For the same reason a timer that is dropped early settles
//! its promise.

use js_sys::{Array, Function, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    // The handle is a number or, under Node compatibility, an object.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: f64, argument: &JsValue) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);

    /// A promise, with what resolves it.
    type Resolvers;

    #[wasm_bindgen(js_namespace = Promise, js_name = withResolvers)]
    fn with_resolvers() -> Resolvers;

    #[wasm_bindgen(method, getter)]
    fn promise(this: &Resolvers) -> Promise;

    #[wasm_bindgen(method, getter)]
    fn resolve(this: &Resolvers) -> Function;
}

/// A promise of `argument`, some time from now.
struct Timer {
    elapsed: Promise,
    resolve: Function,
    handle: JsValue,
    is_awaited: bool,
}

impl Timer {
    #[allow(clippy::cast_precision_loss)] // at most some tens of seconds
    fn start(ms: u64, argument: &JsValue) -> Self {
        let resolvers = with_resolvers();
        let resolve = resolvers.resolve();
        Self {
            elapsed: resolvers.promise(),
            handle: set_timeout(&resolve, ms as f64, argument),
            resolve,
            is_awaited: true,
        }
    }

    /// Waits for `promise`, which settles at the latest when this timer does.
    async fn settled(mut self, promise: Promise) -> Result<JsValue, JsValue> {
        let outcome = JsFuture::from(promise).await;
        self.is_awaited = false;
        outcome
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.handle);
        if self.is_awaited {
            // A function that resolves a promise does not throw.
            let _ = self.resolve.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Waits for `ms` milliseconds.
pub(super) async fn sleep(ms: u64) {
    let timer = Timer::start(ms, &JsValue::UNDEFINED);
    let elapsed = timer.elapsed.clone();
    let _ = timer.settled(elapsed).await;
}

/// Waits for `promise` to settle; `None` if it has not after `ms` milliseconds.
pub(super) async fn within(promise: Promise, ms: u64) -> Option<Result<JsValue, JsValue>> {
    // No promise can be settled with an object that nobody else has.
    let too_late = JsValue::from(Object::new());
    let timer = Timer::start(ms, &too_late);
    let race = Promise::race(&Array::of2(&promise, &timer.elapsed));
    let first = timer.settled(race).await;
    (first.as_ref() != Ok(&too_late)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn what_settles_in_time_is_told_and_what_does_not_is_given_up() {
        let value = JsValue::from("value");
        let resolved = within(Promise::resolve(&value), 60_000).await;
        assert_eq!(resolved, Some(Ok(value.clone())));
        let rejected = within(Promise::reject(&value), 60_000).await;
        assert_eq!(rejected, Some(Err(value)));
        let hanging = Promise::new(&mut |_, _| {});
        assert_eq!(within(hanging, 1).await, None);
    }
}

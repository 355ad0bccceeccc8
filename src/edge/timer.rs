//! Waiting, on the runtime's `setTimeout`.

use std::cell::OnceCell;
use std::panic::AssertUnwindSafe;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    // The handle is a number or, under Node compatibility, an object.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);
}

/// A timer that is cleared when nobody waits for it any more.
struct Timer(JsValue);

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.0);
    }
}

/// Waits for `ms` milliseconds.
pub(super) async fn sleep(ms: u64) {
    #[allow(clippy::cast_precision_loss)] // at most some tens of seconds
    let ms = ms as f64;
    // Set once, before the promise is there: a panic in between has nothing to leave half-done.
    let timer = AssertUnwindSafe(OnceCell::new());
    let elapsed = Promise::new(&mut |resolve, _| {
        let _ = timer.set(Timer(set_timeout(&resolve, ms)));
    });
    let _ = JsFuture::from(elapsed).await;
}

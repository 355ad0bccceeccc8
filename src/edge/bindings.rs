//! Access to the bindings of the Worker.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// Returns the variable, secret or other binding of this name.
pub(super) fn binding(env: &Env, name: &str) -> Option<JsValue> {
    Reflect::get(env.as_ref(), &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

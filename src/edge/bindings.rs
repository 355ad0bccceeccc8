//! The bindings of the Worker by their names.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// A variable, secret or other binding, if there is one of this name.
pub(super) fn binding(env: &Env, name: &str) -> Option<JsValue> {
    Reflect::get(env.as_ref(), &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

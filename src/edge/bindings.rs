//! Access to the bindings of the Worker.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// Returns `true` if a binding has this method. A service binding seems to have every method, because any name is one of an RPC
/// method. But only services have `fetch`.
pub(super) fn has_method(binding: &JsValue, name: &str) -> bool {
    Reflect::get(binding, &name.into()).is_ok_and(|method| method.is_function())
}

/// Returns the variable, secret or other binding of this name.
pub(super) fn binding(env: &Env, name: &str) -> Option<JsValue> {
    Reflect::get(env.as_ref(), &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

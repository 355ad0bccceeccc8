//! Service bindings, whose `fetch` returns images.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::binding;

#[wasm_bindgen]
extern "C" {
    /// Another Worker. The binding can be used in all requests of an isolate.
    #[derive(Clone)]
    pub(super) type Service;
}

impl Service {
    /// Returns the service that is bound as `name`, or `None` if the binding is missing or of another kind.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        // A bucket and a namespace have no `fetch`.
        let method = Reflect::get(&value, &"fetch".into()).ok()?;
        method.is_function().then(|| value.unchecked_into())
    }
}

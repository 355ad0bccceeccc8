//! Service bindings, whose `fetch` returns images.

use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::{binding, has_method};

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
        has_method(&value, "fetch").then(|| value.unchecked_into())
    }
}

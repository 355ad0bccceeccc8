//! The rate limiting binding `METADATA_RATE_LIMIT`.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::binding;
use super::js_value::number;
use super::timer::{Timed, settled};

const NAME: &str = "METADATA_RATE_LIMIT";

/// The time limit of a charge. The platform answers from the same machine. It is part of the second that a flight has on top of
/// the time limits of KV and the origin.
const TIMEOUT_MS: u64 = 500;

#[wasm_bindgen(module = "/src/edge/rate_limit.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn charge(limiter: &Limiter, key: &str, ms: f64) -> Result<Timed, JsValue>;

    /// The binding, which all requests of an isolate can use.
    #[derive(Clone)]
    pub(super) type Limiter;
}

impl Limiter {
    /// Returns the binding if it exists.
    pub(super) fn bound(env: &Env) -> Option<Self> {
        binding(env, NAME)
            .filter(|limiter| Reflect::has(limiter, &"limit".into()).is_ok())
            .map(JsCast::unchecked_into)
    }

    /// Charges `key`. Returns `false` if it has exceeded the limit.
    ///
    /// # Errors
    /// The message of the runtime, if it could not be charged.
    pub(super) async fn admits(&self, key: String) -> Result<bool, String> {
        let success = settled(charge(self, &key, number(TIMEOUT_MS))).await?;
        Ok(success.is_truthy())
    }
}

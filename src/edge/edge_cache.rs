//! The platform's cache in front of the Worker (<https://developers.cloudflare.com/workers/cache/>).

use wasm_bindgen::prelude::*;

use super::js_value::number;
use super::timer::{Timed, settled};

/// The time limit of a purge. No look-up waits for one.
const TIMEOUT_MS: u64 = 10_000;

// It imports a module of the runtime, which does not exist in tests.
#[cfg(not(test))]
#[wasm_bindgen(module = "/src/edge/edge_cache.js")]
extern "C" {
    /// Returns `true` if the Worker has such a cache.
    pub(super) fn exists() -> bool;

    /// Purges tags, which are separated by commas.
    #[wasm_bindgen(catch, js_name = purgeTags)]
    fn purge(tags: &str, ms: f64) -> Result<Timed, JsValue>;
}

/// In tests, there is no such cache.
#[cfg(test)]
pub(super) fn exists() -> bool {
    false
}

#[cfg(test)]
fn purge(_: &str, _: f64) -> Result<Timed, JsValue> {
    Err(JsValue::NULL)
}

/// Removes all responses that have one of `tags`. Returns `false` if there is no such cache.
///
/// # Errors
/// The platform's message, if it refused.
pub(super) async fn purge_tags(tags: &[String]) -> Result<bool, String> {
    if !exists() {
        return Ok(false);
    }
    settled(purge(&tags.join(","), number(TIMEOUT_MS))).await?;
    Ok(true)
}

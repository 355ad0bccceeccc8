//! Decompression by the runtime.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/edge/decompress.js")]
extern "C" {
    /// Resolves with a range of the data that `chunks` decode to: shorter at the end of the data, and empty if it is corrupt. The
    /// format is `gzip` or `deflate`.
    pub(super) fn decompress(format: &str, chunks: &Array, offset: f64, length: f64) -> Promise;
}

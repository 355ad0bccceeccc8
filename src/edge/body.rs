//! Reads the beginning of response bodies. WebAssembly memory never shrinks, so the memory for it is limited.

use std::panic::AssertUnwindSafe;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

use super::prefix_share::PrefixShares;
use crate::image::prefix::BodyPrefix;

/// Reads as much of `stream` into `prefix` as it needs, and cancels the rest. Waits for a share of memory until
/// `is_late` returns `true`. `length` is the length of the whole body, if known.
///
/// # Errors
/// If the stream fails (its error), or no memory is free in time (`null`).
pub(super) async fn read_prefix(
    stream: Option<ReadableStream>,
    length: Option<u64>,
    prefix: &mut BodyPrefix,
    is_late: impl Fn() -> bool,
) -> Result<(), JsValue> {
    let mut shares = PrefixShares::default();
    let Some(chunks) = stream.map(Chunks::new) else {
        prefix.end();
        return Ok(());
    };
    while prefix.wants_more() {
        if !shares.make_room(prefix, length, &is_late).await {
            chunks.cancel();
            return Err(JsValue::NULL);
        }
        match chunks.next().await? {
            Some(chunk) => prefix.push(&chunk.to_vec()),
            None => {
                prefix.end();
                return Ok(());
            }
        }
    }
    chunks.cancel();
    Ok(())
}

#[wasm_bindgen]
extern "C" {
    type ReadResult;

    /// The next chunk, or `None` at the end of the stream.
    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> Option<Uint8Array>;
}

/// The chunks of a stream.
struct Chunks(ReadableStreamDefaultReader);

impl Chunks {
    fn new(stream: ReadableStream) -> Self {
        Self(stream.get_reader().unchecked_into())
    }

    async fn next(&self) -> Result<Option<Uint8Array>, JsValue> {
        let result: ReadResult = JsFuture::from(self.0.read()).await?.unchecked_into();
        Ok(result.value())
    }

    /// Frees the connection without reading the rest.
    fn cancel(&self) {
        detach(self.0.cancel());
    }
}

/// Lets a promise settle in the background, and ignores a rejection.
pub(super) fn detach(promise: Promise) {
    wasm_bindgen_futures::spawn_local(AssertUnwindSafe(async move {
        let _ = JsFuture::from(promise).await;
    }));
}

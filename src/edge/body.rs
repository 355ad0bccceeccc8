//! Bodies, read up to a limit: wasm memory does not shrink again.

use std::panic::AssertUnwindSafe;

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// All of `stream`, or `None` where it is longer than `limit` bytes; the rest is not read then.
pub(super) async fn read(
    stream: Option<ReadableStream>,
    limit: usize,
) -> Result<Option<Vec<u8>>, JsValue> {
    let Some(stream) = stream else {
        return Ok(Some(Vec::new()));
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut body = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            return Ok(Some(body));
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &"value".into())?.unchecked_into();
        let length = usize::try_from(bytes.length()).unwrap_or(usize::MAX);
        if body.len().saturating_add(length) > limit {
            abandon(reader.cancel());
            return Ok(None);
        }
        body.extend(bytes.to_vec());
    }
}

/// Lets a promise settle without anybody waiting; if it is rejected, that is no news.
pub(super) fn abandon(promise: Promise) {
    wasm_bindgen_futures::spawn_local(AssertUnwindSafe(async move {
        let _ = JsFuture::from(promise).await;
    }));
}

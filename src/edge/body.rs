//! Bodies, read up to a limit: wasm memory does not shrink again.

use std::panic::AssertUnwindSafe;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

use super::prefix_share::PrefixShares;
use crate::image::prefix::BodyPrefix;

/// The beginning of `stream`, as much of it as `head` wants; the rest is not read. Memory for it is waited for, until
/// it `is_late`.
pub(super) async fn begin(
    stream: Option<ReadableStream>,
    length: Option<u64>,
    prefix: &mut BodyPrefix,
    is_late: impl Fn() -> bool,
) -> Result<(), JsValue> {
    let mut shares = PrefixShares::default();
    let Some(pieces) = stream.map(Pieces::of) else {
        prefix.end();
        return Ok(());
    };
    while prefix.wants_more() {
        if !shares.make_room(prefix, length, &is_late).await {
            pieces.leave();
            return Err(JsValue::NULL);
        }
        match pieces.next().await? {
            Some(piece) => prefix.push(&piece.to_vec()),
            None => {
                prefix.end();
                return Ok(());
            }
        }
    }
    pieces.leave();
    Ok(())
}

#[wasm_bindgen]
extern "C" {
    type Piece;

    /// Nothing where there is no more.
    #[wasm_bindgen(method, getter)]
    fn value(this: &Piece) -> Option<Uint8Array>;
}

/// What a stream brings, piece by piece.
struct Pieces(ReadableStreamDefaultReader);

impl Pieces {
    fn of(stream: ReadableStream) -> Self {
        Self(stream.get_reader().unchecked_into())
    }

    async fn next(&self) -> Result<Option<Uint8Array>, JsValue> {
        let piece: Piece = JsFuture::from(self.0.read()).await?.unchecked_into();
        Ok(piece.value())
    }

    /// Frees the connection, however much is left.
    fn leave(&self) {
        abandon(self.0.cancel());
    }
}

/// Lets a promise settle without anybody waiting; if it is rejected, that is no news.
pub(super) fn abandon(promise: Promise) {
    wasm_bindgen_futures::spawn_local(AssertUnwindSafe(async move {
        let _ = JsFuture::from(promise).await;
    }));
}

//! Tiny pictures of images, for placeholders: from the resizer, or from the Images binding.

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;

use super::bound::Bound;
use super::clock::now_ms;
use super::connection_fault::fault;
use super::decompress::decompress;
use super::images::{code_of, picture, picture_of_object};
use super::js_value::{is_subrequest_limit, message};
use super::origin::{self, Conversation, discard, lines, start_of};
use super::prefix_share::PrefixShares;
use super::timer;
use super::wanted::Wanted;
use crate::origin::error::{ConnectionFault, ErrorKind, OriginError, OriginFault};
use crate::origin::request::OriginRequest;
use crate::placeholder::pixels::Pixels;
use crate::placeholder::png::{MAX_BYTES, Png, PngError};
use crate::service::picture::{PictureFault, PictureSource};

/// How much of a picture is read, in bytes: one more than a picture may have.
#[allow(clippy::cast_precision_loss)] // 65,537
const READ_BYTES: f64 = (MAX_BYTES + 1) as f64;

/// Makes a picture within `timeout_ms`.
pub(super) async fn make(
    bound: &Bound,
    source: PictureSource<'_>,
    timeout_ms: u64,
) -> Result<Pixels, PictureFault> {
    let until_ms = now_ms().saturating_add(timeout_ms);
    let is_late = || now_ms() >= until_ms;
    let mut shares = PrefixShares::default();
    if !shares.make_room_for_picture(is_late).await {
        return Err(timeout());
    }
    let bytes = match source {
        PictureSource::Resizer(request) => from_resizer(&request, until_ms).await?,
        PictureSource::File(request) => from_file(bound, &request, until_ms).await?,
        PictureSource::Object(name, key) => {
            // Always bound here: bindings that are not bound are configuration errors.
            let (Some(images), Some(bucket)) = (&bound.images, bound.bucket(name)) else {
                return Err(PictureFault::Refused(ErrorKind::OriginUnreachable.into()));
            };
            let made = picture_of_object(images, bucket, key, READ_BYTES);
            let bytes = settled(made, until_ms).await?;
            if bytes.is_null() {
                return Err(PictureFault::Refused(ErrorKind::NotFound.into()));
            }
            bytes
        }
    };
    pixels(&Uint8Array::new(&bytes), until_ms).await
}

async fn from_resizer(request: &OriginRequest<'_>, until_ms: u64) -> Result<JsValue, PictureFault> {
    let deadline = origin::deadline(until_ms.saturating_sub(now_ms()));
    let mut conversation = Conversation::new(None, request, Wanted::Picture, &deadline);
    let received = conversation.send(&lines(&request.headers)).await?;
    if let Some(error) = received.head.picture_error() {
        discard(received.body);
        return Err(PictureFault::Refused(error.into()));
    }
    let Ok(stream) = received.body.dyn_into::<ReadableStream>() else {
        return Err(PngError::NotPng.into());
    };
    let read = JsFuture::from(start_of(&stream, READ_BYTES)).await;
    let read = read.map_err(|thrown| fault(&deadline, &thrown, ConnectionFault::Broken));
    Ok(read?)
}

/// Sends the file of `request` to the Images binding.
async fn from_file(
    bound: &Bound,
    request: &OriginRequest<'_>,
    until_ms: u64,
) -> Result<JsValue, PictureFault> {
    let service = request.service.and_then(|name| bound.service(name));
    let Some(images) = bound
        .images
        .as_ref()
        .filter(|_| service.is_some() == request.service.is_some())
    else {
        return Err(PictureFault::Refused(ErrorKind::OriginUnreachable.into()));
    };
    let deadline = origin::deadline(until_ms.saturating_sub(now_ms()));
    let mut conversation = Conversation::new(service, request, Wanted::File, &deadline);
    let received = conversation.send(&lines(&request.headers)).await?;
    if let Some(error) = received.head.picture_error() {
        discard(received.body);
        return Err(PictureFault::Refused(error.into()));
    }
    let Ok(stream) = received.body.dyn_into::<ReadableStream>() else {
        return Err(PngError::NotPng.into());
    };
    settled(picture(images, &stream, READ_BYTES), until_ms).await
}

/// Decodes a PNG. Between the two steps, only JavaScript holds it: the request may be cancelled there.
async fn pixels(png: &Uint8Array, until_ms: u64) -> Result<Pixels, PictureFault> {
    let parse = || Png::parse(&png.to_vec());
    let (data, length) = {
        let png = parse()?;
        (Uint8Array::from(png.data()), png.inflated_bytes())
    };
    #[allow(clippy::cast_precision_loss)] // at most 40,100
    let inflating = decompress("deflate", &Array::of1(&data), 0.0, length as f64);
    let inflated = settled(inflating, until_ms).await?;
    Ok(parse()?.pixels(&Uint8Array::new(&inflated).to_vec())?)
}

async fn settled(promise: Promise, until_ms: u64) -> Result<JsValue, PictureFault> {
    let remaining_ms = until_ms.saturating_sub(now_ms());
    match timer::within(promise, remaining_ms).await {
        Some(settled) => settled.map_err(|thrown| images_fault(&thrown)),
        None => Err(timeout()),
    }
}

/// Maps an error of the Images binding or the bucket.
fn images_fault(thrown: &JsValue) -> PictureFault {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
    let code = code_of(thrown) as u16;
    let message = message(thrown);
    let error = if is_subrequest_limit(&message) {
        ErrorKind::SubrequestLimit.into()
    } else {
        OriginError::of_images_binding(code)
    };
    PictureFault::Refused(OriginFault {
        error,
        message: Some(message),
    })
}

fn timeout() -> PictureFault {
    PictureFault::Refused(ErrorKind::OriginTimeout.into())
}

//! Tiny pictures of images, for placeholders: from the resizer, or from the Images binding.

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::ReadableStream;

use super::bound::Bound;
use super::clock::now_ms;
use super::decompress::decompress;
use super::images::{Images, code_of, picture, picture_of_object};
use super::js_value::{is_subrequest_limit, message};
use super::origin::{self, Conversation, discard, lines, start_of};
use super::prefix_share::PrefixShares;
use super::service::Service;
use super::timer;
use super::wanted::Wanted;
use crate::origin::error::{ErrorKind, OriginError, OriginFault};
use crate::origin::request::OriginRequest;
use crate::placeholder::pixels::Pixels;
use crate::placeholder::png::{MAX_BYTES, Png, PngError};
use crate::service::picture::{PictureFault, PictureSource};

/// How much of a picture is read, in bytes: one more than a picture may have.
#[allow(clippy::cast_precision_loss)] // 65,537
const READ_BYTES: f64 = (MAX_BYTES + 1) as f64;

/// The `code` of a `DOMException` whose name is `TimeoutError`: <https://webidl.spec.whatwg.org/#timeouterror>.
const TIMEOUT_ERROR: u16 = 23;

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
    let made = match source {
        PictureSource::Resizer(request) => {
            let file = file(None, &request, Wanted::Picture, until_ms).await?;
            start_of(&file, READ_BYTES)
        }
        PictureSource::File(request) => {
            let service = request.service.and_then(|name| bound.service(name));
            let file = file(service, &request, Wanted::File, until_ms).await?;
            picture(images(bound)?, &file, READ_BYTES)
        }
        PictureSource::Object(name, key) => {
            let bucket = bound.bucket(name).ok_or_else(unbound)?;
            picture_of_object(images(bound)?, bucket, key, READ_BYTES)
        }
    };
    let png = settled(made, until_ms).await?;
    if png.is_null() {
        return Err(PictureFault::Refused(ErrorKind::NotFound.into()));
    }
    pixels(&Uint8Array::new(&png), until_ms).await
}

fn images(bound: &Bound) -> Result<&Images, PictureFault> {
    bound.images.as_ref().ok_or_else(unbound)
}

/// Returns the fault of a missing binding. It does not occur: a binding that is not bound is a configuration error.
fn unbound() -> PictureFault {
    PictureFault::Refused(ErrorKind::OriginUnreachable.into())
}

/// Requests a file, or what the resizer makes of it.
async fn file(
    service: Option<&Service>,
    request: &OriginRequest<'_>,
    wanted: Wanted,
    until_ms: u64,
) -> Result<ReadableStream, PictureFault> {
    let deadline = origin::deadline(until_ms.saturating_sub(now_ms()));
    let mut conversation = Conversation::new(service, request, wanted, &deadline);
    let received = conversation.send(&lines(&request.headers)).await?;
    if let Some(error) = received.head.picture_error() {
        discard(received.body);
        return Err(PictureFault::Refused(error.into()));
    }
    let stream = received.body.dyn_into();
    stream.map_err(|_| PngError::NotPng.into())
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
    // The deadline may abort reading before the time limit of the promise is over.
    if code == TIMEOUT_ERROR {
        return timeout();
    }
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

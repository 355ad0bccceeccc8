//! Reads images from an R2 bucket.

use js_sys::{Object as Options, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::{binding, has_method};
use super::clock::now_ms;
use super::js_value::{is_subrequest_limit, message, number, object};
use super::prefix_share::PrefixShares;
use super::timer;
use crate::image::content_encoding::ContentEncoding;
use crate::image::header::ImageError;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::{ErrorKind, OriginFault};
use crate::origin::response::Object;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub(super) type Bucket;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Bucket, key: &str, options: &Options) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn head(this: &Bucket, key: &str) -> Result<Promise, JsValue>;

    /// An object that `get` returned. It has no body if a condition was not met.
    type Found;

    #[wasm_bindgen(method, getter)]
    fn size(this: &Found) -> f64;

    #[wasm_bindgen(method, getter)]
    fn etag(this: &Found) -> String;

    #[wasm_bindgen(method, catch, js_name = arrayBuffer)]
    fn array_buffer(this: &Found) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/edge/gunzip.js")]
extern "C" {
    /// Returns the `Content-Encoding` that an object is stored with, or an empty string.
    #[wasm_bindgen(js_name = contentEncoding)]
    fn content_encoding(found: &Found) -> String;

    /// Wraps `bucket`, for one gzip-encoded object that begins with `first`. Ranges are of the decoded data. Reads at
    /// most `most` bytes of the encoded object.
    fn gunzip(bucket: &Bucket, found: &Found, first: &JsValue, most: f64) -> Bucket;
}

impl Bucket {
    /// Returns the bucket that is bound as `name`, or `None` if the binding is missing or of another kind.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        let is_bucket = has_method(&value, "createMultipartUpload") && !has_method(&value, "fetch");
        is_bucket.then(|| value.unchecked_into())
    }

    /// Reads the ranges that `prefix` needs from the object of this key, most often one range. `None` if there is no
    /// object.
    ///
    /// # Errors
    /// If the bucket fails or does not respond within `timeout_ms`, or if the object has an unsupported encoding.
    pub(super) async fn open(
        &self,
        key: &str,
        mut prefix: BodyPrefix,
        timeout_ms: u64,
    ) -> Result<Option<Object>, OriginFault> {
        let until_ms = now_ms().saturating_add(timeout_ms);
        // The etag of the first range.
        let mut expected_etag = None;
        let mut source = self.clone();
        let mut is_over = false;
        let mut shares = PrefixShares::default();
        loop {
            let is_late = || now_ms() >= until_ms;
            if !shares.make_room(&prefix, None, is_late).await {
                return Err(ErrorKind::OriginTimeout.into());
            }
            let (_, wanted) = prefix.next_range();
            let range = source
                .read_range(key, &prefix, expected_etag.as_deref(), until_ms)
                .await;
            let (found, bytes) = match range {
                Ok(Some(range)) => range,
                Ok(None) => return Ok(None),
                Err(_) if prefix.is_empty() && self.is_empty(key, until_ms).await => {
                    prefix.end();
                    let (size, etag) = (0, String::new());
                    return Ok(Some(Object { prefix, size, etag }));
                }
                Err(fault) => return Err(fault),
            };
            let chunk = Uint8Array::new(&bytes);
            prefix.push(&chunk.to_vec());
            let (size, etag) = (found.bytes(), found.etag());
            let most = prefix.most_bytes();
            if expected_etag.is_none() {
                let encoding = ContentEncoding::parse(&content_encoding(&found));
                let is_declared = encoding == ContentEncoding::Gzip;
                if is_declared || encoding == ContentEncoding::Identity && prefix.is_gzip() {
                    source = gunzip(self, &found, &bytes, number(most));
                    prefix = prefix.decoded(is_declared);
                    // JavaScript holds all that is read of the object until the header is decoded.
                    let has_more = size.min(most) > chunk.length().into();
                    if has_more && !shares.make_room_for_rest(most, is_late).await {
                        return Err(ErrorKind::OriginTimeout.into());
                    }
                } else if encoding == ContentEncoding::Identity {
                    prefix.set_object_bytes(size);
                } else {
                    return Err(ErrorKind::UnreadableImage(ImageError::Encoded(encoding)).into());
                }
            } else if !prefix.is_decoded() {
                prefix.set_object_bytes(size);
            } else if u64::from(chunk.length()) < wanted {
                is_over = true;
                // If the object is longer than the limit, the data was cut and has not ended.
                if size <= most {
                    prefix.end();
                }
            }
            if is_over || !prefix.wants_more() {
                let size = if prefix.is_declared() { 0 } else { size };
                return Ok(Some(Object { prefix, size, etag }));
            }
            expected_etag = Some(etag);
        }
    }

    /// Reads the next range that `prefix` needs. After the first range, `expected_etag` ensures that all ranges are of
    /// the same object: its key may have been overwritten.
    async fn read_range(
        &self,
        key: &str,
        prefix: &BodyPrefix,
        expected_etag: Option<&str>,
        until_ms: u64,
    ) -> Result<Option<(Found, JsValue)>, OriginFault> {
        let options = object(&[("range", range(prefix).into())]);
        if let Some(etag) = expected_etag {
            let condition = object(&[("etagMatches", etag.into())]);
            let _ = Reflect::set(&options, &"onlyIf".into(), &condition);
        }
        let found = settled(self.get(key, &options), until_ms).await?;
        if found.is_null() {
            return Ok(None);
        }
        let found: Found = found.unchecked_into();
        let bytes = settled(found.array_buffer(), until_ms).await?;
        Ok(Some((found, bytes)))
    }

    /// Returns `true` if the object exists and is empty. R2 rejects any range of it.
    async fn is_empty(&self, key: &str, until_ms: u64) -> bool {
        let found = settled(self.head(key), until_ms).await;
        found.is_ok_and(|found| !found.is_null() && found.unchecked_into::<Found>().bytes() == 0)
    }
}

impl Found {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
    fn bytes(&self) -> u64 {
        self.size() as u64
    }
}

fn range(prefix: &BodyPrefix) -> Options {
    let (offset, length) = prefix.next_range();
    let (offset, length) = (number(offset).into(), number(length).into());
    object(&[("offset", offset), ("length", length)])
}

async fn settled(promise: Result<Promise, JsValue>, until_ms: u64) -> Result<JsValue, OriginFault> {
    let remaining_ms = until_ms.saturating_sub(now_ms());
    match timer::within(promise.map_err(fault)?, remaining_ms).await {
        Some(settled) => settled.map_err(fault),
        None => Err(ErrorKind::OriginTimeout.into()),
    }
}

/// Maps an error of the bucket to the error of an unreachable origin.
fn fault(thrown: JsValue) -> OriginFault {
    let message = message(&thrown);
    let kind = if is_subrequest_limit(&message) {
        ErrorKind::SubrequestLimit
    } else {
        ErrorKind::OriginUnreachable
    };
    OriginFault {
        error: kind.into(),
        message: Some(message),
    }
}

//! Images in R2.

use js_sys::{Object as Options, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::binding;
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

    /// An object as `get` hands it out. It has no body where a condition was not met.
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
    /// The `Content-Encoding` that an object is stored with, or nothing.
    #[wasm_bindgen(js_name = contentEncoding)]
    fn content_encoding(found: &Found) -> String;

    /// A stand-in for `bucket`, whose object is gzip data that begin with `first`: its ranges are those of the decoded data.
    fn gunzip(bucket: &Bucket, found: &Found, first: &JsValue, most: f64) -> Bucket;
}

impl Bucket {
    /// The bucket that is bound as `name`. A binding of another kind counts as none.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        let method = Reflect::get(&value, &"createMultipartUpload".into()).ok()?;
        method.is_function().then(|| value.unchecked_into())
    }

    /// Reads the object of this key as far as `head` wants, in the places that it wants: most often in one piece.
    pub(super) async fn open(
        &self,
        key: &str,
        mut prefix: BodyPrefix,
        timeout_ms: u64,
    ) -> Result<Option<Object>, OriginFault> {
        let until_ms = now_ms().saturating_add(timeout_ms);
        let mut same = None;
        let mut source = self.clone();
        let mut is_over = false;
        let mut shares = PrefixShares::default();
        loop {
            let is_late = || now_ms() >= until_ms;
            if !shares.make_room(&prefix, None, is_late).await {
                return Err(ErrorKind::OriginTimeout.into());
            }
            let (_, wanted) = prefix.next_range();
            let piece = source.piece(key, &prefix, same.as_deref(), until_ms).await;
            let (found, bytes) = match piece {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(None),
                Err(_) if prefix.is_empty() && self.is_empty(key, until_ms).await => {
                    prefix.end();
                    let (size, etag) = (0, String::new());
                    return Ok(Some(Object { prefix, size, etag }));
                }
                Err(fault) => return Err(fault),
            };
            let piece = Uint8Array::new(&bytes);
            prefix.push(&piece.to_vec());
            let (size, etag) = (found.bytes(), found.etag());
            let most = prefix.most_bytes();
            if same.is_none() {
                let encoding = ContentEncoding::parse(&content_encoding(&found));
                let is_declared = encoding == ContentEncoding::Gzip;
                if is_declared || encoding == ContentEncoding::Identity && prefix.is_gzip() {
                    source = gunzip(self, &found, &bytes, number(most));
                    prefix = prefix.decoded(is_declared);
                } else if encoding == ContentEncoding::Identity {
                    prefix.set_object_bytes(size);
                } else {
                    return Err(ErrorKind::UnreadableImage(ImageError::Encoded(encoding)).into());
                }
            } else if !prefix.is_decoded() {
                prefix.set_object_bytes(size);
            } else if u64::from(piece.length()) < wanted {
                is_over = true;
                // What goes on beyond the limit does not end there.
                if size <= most {
                    prefix.end();
                }
            }
            if is_over || !prefix.wants_more() {
                let size = if prefix.is_declared() { 0 } else { size };
                return Ok(Some(Object { prefix, size, etag }));
            }
            same = Some(etag);
        }
    }

    /// What `head` wants next, of the object with the entity tag `same`, if it has begun with one: a piece of another
    /// object under the same key would make nonsense of it.
    async fn piece(
        &self,
        key: &str,
        prefix: &BodyPrefix,
        same: Option<&str>,
        until_ms: u64,
    ) -> Result<Option<(Found, JsValue)>, OriginFault> {
        let options = object(&[("range", range(prefix).into())]);
        if let Some(etag) = same {
            let condition = object(&[("etagMatches", etag.into())]);
            let _ = Reflect::set(&options, &"onlyIf".into(), &condition);
        }
        let found = settled(self.get(key, &options), until_ms).await?;
        if found.is_null() {
            return Ok(None);
        }
        let found: Found = found.unchecked_into();
        let piece = settled(found.array_buffer(), until_ms).await?;
        Ok(Some((found, piece)))
    }

    /// Whether the object is there and empty: no range of it can be read.
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

async fn settled(begun: Result<Promise, JsValue>, until_ms: u64) -> Result<JsValue, OriginFault> {
    let remaining_ms = until_ms.saturating_sub(now_ms());
    match timer::within(begun.map_err(failed)?, remaining_ms).await {
        Some(settled) => settled.map_err(failed),
        None => Err(ErrorKind::OriginTimeout.into()),
    }
}

/// A bucket that fails is like an origin that cannot be reached.
fn failed(thrown: JsValue) -> OriginFault {
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

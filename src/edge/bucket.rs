//! Images in R2.

use js_sys::{Object as Options, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::app::binding;
use super::object::object;
use super::ports::now_ms;
use super::prefix_share::PrefixShares;
use super::thrown::{is_subrequest_limit, message};
use super::timer;
use crate::failure::{Cause, OriginFault};
use crate::head::Head;
use crate::origin::Object;

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
        mut head: Head,
        timeout_ms: u64,
    ) -> Result<Option<Object>, OriginFault> {
        let until_ms = now_ms().saturating_add(timeout_ms);
        let mut same = None;
        let mut shares = PrefixShares::default();
        loop {
            let is_late = || now_ms() >= until_ms;
            if !shares.make_room(&head, None, is_late).await {
                return Err(Cause::OriginTimeout.into());
            }
            let piece = self.piece(key, &head, same.as_deref(), until_ms).await;
            let (found, bytes) = match piece {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(None),
                Err(_) if head.is_empty() && self.is_empty(key, until_ms).await => {
                    head.end();
                    let (size, etag) = (0, String::new());
                    return Ok(Some(Object { head, size, etag }));
                }
                Err(fault) => return Err(fault),
            };
            head.push(&bytes);
            let (size, etag) = (found.bytes(), found.etag());
            head.set_object_bytes(size);
            if !head.wants_more() {
                return Ok(Some(Object { head, size, etag }));
            }
            same = Some(etag);
        }
    }

    /// What `head` wants next, of the object with the entity tag `same`, if it has begun with one: a piece of another
    /// object under the same key would make nonsense of it.
    async fn piece(
        &self,
        key: &str,
        head: &Head,
        same: Option<&str>,
        until_ms: u64,
    ) -> Result<Option<(Found, Vec<u8>)>, OriginFault> {
        let options = object(&[("range", range(head).into())]);
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
        Ok(Some((found, Uint8Array::new(&piece).to_vec())))
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

#[allow(clippy::cast_precision_loss)] // at most the size of an object, 5 TiB
fn range(head: &Head) -> Options {
    let (offset, length) = head.next_range();
    let number = |bytes: u64| JsValue::from_f64(bytes as f64);
    object(&[("offset", number(offset)), ("length", number(length))])
}

async fn settled(begun: Result<Promise, JsValue>, until_ms: u64) -> Result<JsValue, OriginFault> {
    let left_ms = until_ms.saturating_sub(now_ms());
    match timer::within(begun.map_err(failed)?, left_ms).await {
        Some(settled) => settled.map_err(failed),
        None => Err(Cause::OriginTimeout.into()),
    }
}

/// A bucket that fails is like an origin that cannot be reached.
fn failed(thrown: JsValue) -> OriginFault {
    let message = message(&thrown);
    let cause = if is_subrequest_limit(&message) {
        Cause::SubrequestLimit
    } else {
        Cause::OriginUnreachable
    };
    OriginFault {
        failure: cause.into(),
        message: Some(message),
    }
}

//! Images in R2.

use js_sys::{Object as Options, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::app::binding;
use super::object::object;
use super::ports::now_ms;
use super::thrown::message;
use super::timer;
use crate::failure::{Cause, Failure};
use crate::head::Head;
use crate::origin::Object;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub(super) type Bucket;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Bucket, key: &str, options: &Options) -> Result<Promise, JsValue>;

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

    /// Reads the object of this key as far as `head` wants: most often in one piece.
    pub(super) async fn open(
        &self,
        key: &str,
        mut head: Head,
        timeout_ms: u64,
    ) -> Result<Option<Object>, Failure> {
        let until_ms = now_ms().saturating_add(timeout_ms);
        let mut etag: Option<String> = None;
        loop {
            let options = object(&[("range", range(&head).into())]);
            if let Some(etag) = &etag {
                // A piece of another object under the same key would make nonsense of this one.
                let same = object(&[("etagMatches", etag.into())]);
                let _ = Reflect::set(&options, &"onlyIf".into(), &same);
            }
            let found = match settled(self.get(key, &options), until_ms).await {
                Err(fault) if fault.is_out_of_range() => {
                    // The one object that has no range is an empty one.
                    head.end();
                    let (size, etag) = (0, etag.unwrap_or_default());
                    return Ok(Some(Object { head, size, etag }));
                }
                found => found?,
            };
            if found.is_null() {
                return Ok(None);
            }
            let found: Found = found.unchecked_into();
            let piece = settled(found.array_buffer(), until_ms).await?;
            head.push(&Uint8Array::new(&piece).to_vec());
            let size = bytes(found.size());
            if u64::try_from(head.len()).is_ok_and(|there| there >= size) {
                head.end();
            }
            let found_etag = found.etag();
            if !head.wants_more() {
                let etag = found_etag;
                return Ok(Some(Object { head, size, etag }));
            }
            etag = Some(found_etag);
        }
    }
}

#[allow(clippy::cast_precision_loss)] // at most a few MiB
fn range(head: &Head) -> Options {
    let number = |bytes: usize| JsValue::from_f64(bytes as f64);
    object(&[
        ("offset", number(head.len())),
        ("length", number(head.missing())),
    ])
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn bytes(number: f64) -> u64 {
    number as u64
}

/// Why an operation gave nothing.
enum Fault {
    Late,
    Thrown(JsValue),
}

impl Fault {
    /// R2 says so in its words alone, with a number (<https://developers.cloudflare.com/r2/api/error-codes/>).
    fn is_out_of_range(&self) -> bool {
        matches!(self, Self::Thrown(thrown) if message(thrown).contains("(10039)"))
    }
}

impl From<Fault> for Failure {
    /// A bucket that fails is as an origin that cannot be reached.
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Late => Cause::OriginTimeout.into(),
            Fault::Thrown(_) => Cause::OriginUnreachable.into(),
        }
    }
}

async fn settled(begun: Result<Promise, JsValue>, until_ms: u64) -> Result<JsValue, Fault> {
    let left_ms = until_ms.saturating_sub(now_ms());
    match timer::within(begun.map_err(Fault::Thrown)?, left_ms).await {
        Some(settled) => settled.map_err(Fault::Thrown),
        None => Err(Fault::Late),
    }
}

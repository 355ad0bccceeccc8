//! The Images binding, which makes pictures of images that no resizer reaches.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::ReadableStream;
use worker::Env;

use super::bindings::{binding, has_method};
use super::bucket::Bucket;

#[wasm_bindgen(module = "/src/edge/images.js")]
extern "C" {
    /// The Images binding, which all requests of an isolate can use.
    pub(super) type Images;

    pub(super) fn picture(images: &Images, file: &ReadableStream, most: f64) -> Promise;

    #[wasm_bindgen(js_name = pictureOfObject)]
    pub(super) fn picture_of_object(
        images: &Images,
        bucket: &Bucket,
        key: &str,
        most: f64,
    ) -> Promise;

    #[wasm_bindgen(js_name = codeOf)]
    pub(super) fn code_of(thrown: &JsValue) -> f64;
}

impl Images {
    /// Returns the Images binding that is bound as `name`, or `None` if the binding is missing or of another kind.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        let is_images = has_method(&value, "input") && !has_method(&value, "fetch");
        is_images.then(|| value.unchecked_into())
    }
}

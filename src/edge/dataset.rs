//! Writes data points to Workers Analytics Engine.

use js_sys::{JSON, Reflect};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::binding;
use super::js_value::message;
use crate::http::Dataset;

#[wasm_bindgen]
extern "C" {
    /// A dataset. The binding can be used in all requests of an isolate.
    pub(super) type Analytics;

    #[wasm_bindgen(method, catch, js_name = writeDataPoint)]
    fn write_data_point(this: &Analytics, point: &JsValue) -> Result<(), JsValue>;
}

impl Analytics {
    /// Returns the dataset that is bound as `name`, or `None` if the binding is missing or of another kind.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        let method = Reflect::get(&value, &"writeDataPoint".into()).ok()?;
        method.is_function().then(|| value.unchecked_into())
    }
}

impl Dataset for Analytics {
    /// Does not wait: the runtime sends the data point after the request.
    fn write(&self, point: &str) -> Result<(), String> {
        JSON::parse(point)
            .and_then(|point| self.write_data_point(&point))
            .map_err(|thrown| message(&thrown))
    }
}

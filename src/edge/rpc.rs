//! RPC methods, which other Workers call over a service binding.
//!
//! Exported functions become methods of the Worker's default entrypoint. They receive neither bindings nor a context,
//! so both come from a module of the runtime.

use js_sys::{Error, JSON, Promise, Reflect};
use serde_json::{Map, Value};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::app::App;
use super::ports::RequestPorts;
use super::tasks::{Context, promise};
use crate::http::{Extras, Problem};
use crate::text::json;

#[wasm_bindgen(module = "cloudflare:workers")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = env)]
    static ENV: JsValue;
}

/// `fetchMetadata(path, parameters)`: resolves with `{path, metadata}` and the fields that the parameters ask for, or rejects with an
/// `Error` that has the fields `code` and `status`. The parameters are optional.
#[wasm_bindgen(js_name = fetchMetadata)]
pub fn fetch_metadata(path: JsValue, parameters: JsValue) -> Promise {
    respond(async move { look_up(&path, extras(&parameters)).await })
}

/// `fetchAndProcessMetadata(path, parameters)`: the same, always with the fields of the crop.
#[wasm_bindgen(js_name = fetchAndProcessMetadata)]
pub fn fetch_and_process_metadata(path: JsValue, parameters: JsValue) -> Promise {
    respond(async move { look_up(&path, extras(&parameters).map(Extras::with_crop)).await })
}

fn extras(parameters: &JsValue) -> Result<Extras, Problem> {
    Extras::from_json(&object(parameters)?, None)
}

/// Looks up an image, with the caches and flights that HTTP requests use.
async fn look_up(path: &JsValue, extras: Result<Extras, Problem>) -> Result<String, Problem> {
    let env: Env = ENV.with(|env| env.clone().unchecked_into());
    let app = App::get_or_create(&env);
    let app = app.as_ref().as_ref().map_err(Problem::from)?;
    let path = path.as_string().unwrap_or_default();
    let ports = RequestPorts::new(Context::Current, &app.bound);
    app.routes.call(&path, extras, &ports).await
}

/// Converts the parameters to JSON. Missing parameters are an empty object.
fn object(parameters: &JsValue) -> Result<Map<String, Value>, Problem> {
    if parameters.is_undefined() || parameters.is_null() {
        return Ok(Map::new());
    }
    let text = JSON::stringify(parameters).map(String::from);
    match json::parse(text.unwrap_or_default().as_bytes()) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(Problem::invalid_parameters()),
    }
}

fn respond(work: impl Future<Output = Result<String, Problem>> + 'static) -> Promise {
    promise(Box::pin(async move {
        match work.await {
            Ok(body) => JSON::parse(&body),
            Err(problem) => Err(error(&problem)),
        }
    }))
}

/// Creates the error of a rejection. Its `name` stays `Error`: callers with an older compatibility date get only the
/// message, which would contain any other name.
fn error(problem: &Problem) -> JsValue {
    let error = Error::new(&problem.detail);
    for (name, value) in [
        ("code", problem.code.name().into()),
        ("status", problem.code.status().into()),
    ] {
        // Setting a field of a new object cannot fail.
        let _ = Reflect::set(&error, &name.into(), &value);
    }
    error.into()
}

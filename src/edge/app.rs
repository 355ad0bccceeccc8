//! The state of an isolate, which all of its requests share.

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::JSON;
use js_sys::Math::random;
use serde_json::Value;
use worker::Env;

use super::bindings::binding;
use super::bound::{Bound, secret};
use super::clock::now_ms;
use super::console::Console;
use super::dataset::Analytics;
use super::edge_cache;
use super::tasks::Signal;
use crate::config::{Config, ConfigError};
use crate::http::{Dataset, Routes};
use crate::origin::endpoint::Place;
use crate::service::OptimizedMetadataService;
use crate::telemetry::event::Event;
use crate::telemetry::isolate::Isolate;
use crate::telemetry::log::Log;
use crate::text::json;

/// The name of the variable that holds the settings.
const SETTINGS: &str = "metadata";

/// The name under which the dataset for data points is bound.
const ANALYTICS: &str = "METADATA_ANALYTICS";

thread_local! {
    /// Initialized once: settings change only with a deployment, which starts new isolates.
    static APP: OnceCell<Rc<Result<App, ConfigError>>> = const { OnceCell::new() };
}

/// The routes, with the service and its caches, and the bindings of the Worker.
pub(super) struct App {
    pub(super) routes: Routes<Signal>,
    pub(super) bound: Rc<Bound>,
}

impl App {
    /// Returns the app of the isolate. The first request creates it from the settings.
    pub(super) fn get_or_create(env: &Env) -> Rc<Result<Self, ConfigError>> {
        let isolate = || Isolate::new([random(), random()], now_ms());
        APP.with(|app| Rc::clone(app.get_or_init(|| Rc::new(Self::new(env, isolate())))))
    }

    /// Returns the app of the isolate, or `None` before the first request.
    pub(super) fn get() -> Option<Rc<Result<Self, ConfigError>>> {
        APP.with(|app| app.get().map(Rc::clone))
    }

    pub(super) fn new(env: &Env, isolate: Isolate) -> Result<Self, ConfigError> {
        let (config, bound) = bind(env).inspect_err(|error| {
            let event = Event::Configuration(error);
            Console.log(event.level(), &event.line());
        })?;
        let bound = Rc::new(bound);
        Ok(Self {
            routes: Routes::new(
                OptimizedMetadataService::new(config),
                isolate,
                Analytics::bound(env, ANALYTICS)
                    .map(|dataset| Box::new(dataset) as Box<dyn Dataset>),
                edge_cache::exists(),
            ),
            bound,
        })
    }
}

/// Returns the settings, and the bindings and secrets that they name.
fn bind(env: &Env) -> Result<(Config, Bound), ConfigError> {
    let config = Config::from_json(&settings(env))?.refuse_placeholder()?;
    let bound = Bound::new(env, &config);
    let config = config
        .refuse_unbound(|place| match place {
            Place::Url(_) => true,
            Place::Bucket(name) => bound.bucket(name).is_some(),
            Place::Service(name) => bound.service(name).is_some(),
        })?
        .refuse_unbound_images(|_| bound.images.is_some())?
        .with_secrets(|name| secret(env, name))?;
    Ok((config, bound))
}

/// Returns the settings as JSON. The variable is an object if `wrangler.toml` defines it, and text if it comes from the
/// command line, a `.dev.vars` file or the dashboard.
fn settings(env: &Env) -> Value {
    binding(env, SETTINGS)
        .and_then(|settings| {
            settings
                .as_string()
                .or_else(|| JSON::stringify(&settings).ok().map(String::from))
        })
        .and_then(|text| json::parse(text.as_bytes()))
        .unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::super::js_value::object;
    use super::*;
    use serde_json::json;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_test::wasm_bindgen_test;

    fn env(value: JsValue) -> Env {
        object(&[(SETTINGS, value)]).unchecked_into()
    }

    #[wasm_bindgen_test]
    fn settings_are_read_from_an_object_or_its_json() {
        let expected = json!({ "originUrl": "https://images.test" });
        let text = JsValue::from(expected.to_string());
        let parsed = JSON::parse(&expected.to_string()).unwrap();
        assert_eq!(settings(&env(text)), expected);
        assert_eq!(settings(&env(parsed)), expected);
        for invalid in [JsValue::UNDEFINED, "{".into(), JsValue::NULL] {
            assert_eq!(settings(&env(invalid)), Value::Null);
        }
    }
}

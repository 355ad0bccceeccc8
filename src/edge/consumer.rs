//! Messages of the queue to this Worker.

use js_sys::{Error, JSON, Promise};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::Env;

use super::app::App;
use super::ports::RequestPorts;
use super::tasks::{Context, promise};
use crate::queue::Delivery;
use crate::text::json;

/// Handles a batch of messages: a JSON list of `[body, attempts, time when it was sent in milliseconds]`, where each body is a string of
/// JSON of its own. Resolves with a list of the seconds after which each is to be delivered again; 0 acknowledges it. Rejects if the
/// settings are invalid.
#[wasm_bindgen(js_name = fetchEvents)]
pub fn consume(messages: String, env: Env) -> Promise {
    promise(Box::pin(async move {
        let app = App::get_or_create(&env);
        let app = app.as_ref().as_ref();
        let app = app.map_err(|error| Error::new(&error.to_string()))?;
        let Some(Value::Array(messages)) = json::parse(messages.as_bytes()) else {
            return Err(Error::new("the messages are not a list").into());
        };
        let deliveries: Vec<_> = messages.iter().map(delivery).collect();
        let ports = RequestPorts::new(Context::Current, &app.bound);
        let handled = app.routes.consume(&deliveries, &ports).await;
        let delays = handled.iter().map(|message| {
            let delay_s = message.retry_after_s.unwrap_or_default();
            delay_s.to_string()
        });
        let delays = delays.collect::<Vec<_>>().join(",");
        JSON::parse(&["[", &delays, "]"].concat())
    }))
}

fn delivery(message: &Value) -> Delivery {
    let field = |index: usize| message.get(index).unwrap_or(&Value::Null);
    let number = |index| field(index).as_u64().unwrap_or_default();
    // By itself, so that JSON that this parser refuses, such as half of a surrogate pair or deep nesting, is one malformed message, and
    // does not fail its batch again and again.
    let body = field(0).as_str();
    let body = body.and_then(|text| json::parse(text.as_bytes()));
    Delivery {
        body: body.unwrap_or_default(),
        attempts: u32::try_from(number(1)).unwrap_or(u32::MAX),
        sent_ms: number(2),
    }
}

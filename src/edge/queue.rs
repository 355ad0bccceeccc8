//! The queue that the Worker sends messages to.

use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::binding;
use super::js_value::number;
use super::timer::{Timed, settled};

/// The name under which the queue is bound as a producer.
const NAME: &str = "METADATA_QUEUE";

/// The time limit of sending a message. No request waits for it.
const TIMEOUT_MS: u64 = 10_000;

#[wasm_bindgen(module = "/src/edge/queue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn send(queue: &Queue, message: &str, delay_s: f64, ms: f64) -> Result<Timed, JsValue>;

    /// The binding, which all requests of an isolate can use.
    #[derive(Clone)]
    pub(super) type Queue;
}

impl Queue {
    /// Returns the binding if it exists.
    pub(super) fn bound(env: &Env) -> Option<Self> {
        binding(env, NAME).map(JsCast::unchecked_into)
    }

    /// Sends a message, in JSON, that is delivered after `delay_s` seconds.
    ///
    /// # Errors
    /// The message of the runtime, if it was not accepted.
    pub(super) async fn send_message(&self, text: &str, delay_s: u64) -> Result<(), String> {
        settled(send(self, text, number(delay_s), number(TIMEOUT_MS))).await?;
        Ok(())
    }
}

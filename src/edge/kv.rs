//! L2 on Workers KV.
//!
//! Calls the binding directly, not through the worker crate. Metadata is passed as JSON text in both directions. A
//! malformed record is therefore reported as such instead of failing the whole read, and records are written byte for
//! byte as the golden tests expect.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::prelude::*;
use worker::Env;

use super::bindings::{binding, has_method};
use super::js_value::{message, number};
use super::timer::Timed;
use crate::service::ports::{KvFault, Page, Stored};

#[wasm_bindgen(module = "/src/edge/kv.js")]
extern "C" {
    /// A namespace. The binding can be used in all requests of an isolate.
    #[derive(Clone)]
    pub(super) type Namespace;

    #[wasm_bindgen(catch)]
    fn read(kv: &Namespace, key: &str, cache_ttl_s: f64, ms: f64) -> Result<Timed, JsValue>;

    #[wasm_bindgen(catch, js_name = readMany)]
    fn read_many(kv: &Namespace, keys: &Array, cache_ttl_s: f64, ms: f64)
    -> Result<Timed, JsValue>;

    #[wasm_bindgen(catch)]
    fn list(
        kv: &Namespace,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        ms: f64,
    ) -> Result<Timed, JsValue>;

    #[wasm_bindgen(catch)]
    fn write(
        kv: &Namespace,
        key: &str,
        metadata: &str,
        ttl_s: f64,
        ms: f64,
    ) -> Result<Timed, JsValue>;

    #[wasm_bindgen(catch)]
    fn remove(kv: &Namespace, key: &str, ms: f64) -> Result<Timed, JsValue>;
}

impl Namespace {
    /// Returns the namespace that is bound as `name`, or `None` if the binding is missing or of another kind.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        let is_namespace = has_method(&value, "getWithMetadata") && !has_method(&value, "fetch");
        is_namespace.then(|| value.unchecked_into())
    }

    pub(super) async fn read(
        &self,
        key: &str,
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Stored, KvFault> {
        let found = read(self, key, number(cache_ttl_s), number(timeout_ms));
        Ok(stored(&settled(found).await?))
    }

    pub(super) async fn read_many(
        &self,
        keys: &[Rc<str>],
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault> {
        let names: Array = keys.iter().map(|key| JsValue::from_str(key)).collect();
        let found = read_many(self, &names, number(cache_ttl_s), number(timeout_ms));
        let found: Array = settled(found).await?.unchecked_into();
        Ok(found.iter().map(|found| stored(&found)).collect())
    }

    pub(super) async fn list(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault> {
        let page = list(self, prefix, cursor, limit, number(timeout_ms));
        let page: Array = settled(page).await?.unchecked_into();
        let cursor = page.shift().as_string();
        let keys = page.iter().filter_map(|name| name.as_string()).collect();
        Ok(Page { keys, cursor })
    }

    pub(super) async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault> {
        let written = write(self, key, metadata, number(ttl_s), number(timeout_ms));
        settled(written).await.map(drop)
    }

    pub(super) async fn remove(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault> {
        settled(remove(self, key, number(timeout_ms)))
            .await
            .map(drop)
    }
}

/// Parses the content of a key, in the format of `src/edge/kv.js`.
fn stored(found: &JsValue) -> Stored {
    let Some(mut text) = found.as_string() else {
        return Stored::Nothing;
    };
    let is_metadata = text.starts_with('m');
    text.drain(..1);
    if is_metadata {
        Stored::Metadata(text)
    } else {
        Stored::Value(text)
    }
}

async fn settled(promise: Result<Timed, JsValue>) -> Result<JsValue, KvFault> {
    match promise.map_err(fault)?.outcome().await {
        Some(settled) => settled.map_err(fault),
        None => Err(KvFault::Timeout),
    }
}

/// Keeps only the message, because a stack does not belong in a log line.
fn fault(thrown: JsValue) -> KvFault {
    KvFault::Failed(message(&thrown))
}

#[cfg(test)]
mod tests {
    use super::super::js_value::object;
    use super::*;
    use js_sys::Function;
    use wasm_bindgen_test::wasm_bindgen_test;

    /// Returns a namespace whose methods all have this body.
    fn namespace(body: &str) -> Namespace {
        let method = Function::new_with_args("key, value, options", body);
        let methods = ["getWithMetadata", "put", "delete"];
        object(&methods.map(|name| (name, method.clone().into()))).unchecked_into()
    }

    async fn read(found: &str) -> Result<Stored, KvFault> {
        let body = format!("return Promise.resolve({found})");
        namespace(&body).read("key", 300, 1_000).await
    }

    #[wasm_bindgen_test]
    async fn a_record_is_read_from_the_metadata_or_else_from_the_value() {
        for (found, stored) in [
            (
                "{ value: '', metadata: { width: 1 } }",
                Stored::Metadata("{\"width\":1}".into()),
            ),
            (
                "{ value: 'old', metadata: 'text' }",
                Stored::Metadata("\"text\"".into()),
            ),
            (
                "{ value: '{}', metadata: null }",
                Stored::Value("{}".into()),
            ),
            ("{ value: null, metadata: null }", Stored::Nothing),
            ("{}", Stored::Nothing),
            (
                "{ value: 'x'.repeat(65537), metadata: null }",
                Stored::Value(String::new()),
            ),
        ] {
            assert_eq!(read(found).await, Ok(stored), "{found}");
        }
    }

    #[wasm_bindgen_test]
    async fn a_fault_has_the_message_of_its_error_without_the_stack() {
        let failing = namespace("return Promise.reject(new Error('KV GET failed: 503'))");
        let fault = KvFault::Failed("KV GET failed: 503".to_owned());
        assert_eq!(failing.read("key", 300, 1_000).await, Err(fault.clone()));
        assert_eq!(
            failing.write("key", "{}", 60, 1_000).await,
            Err(fault.clone())
        );
        assert_eq!(failing.remove("key", 1_000).await, Err(fault));
        let throwing = namespace("throw 'not an Error'");
        let unknown = KvFault::Failed("unknown".to_owned());
        assert_eq!(throwing.read("key", 300, 1_000).await, Err(unknown));
    }

    #[wasm_bindgen_test]
    async fn an_operation_that_hangs_times_out() {
        let hanging = namespace("return new Promise(() => {})");
        assert_eq!(hanging.read("key", 300, 1).await, Err(KvFault::Timeout));
        assert_eq!(
            hanging.write("key", "{}", 60, 1).await,
            Err(KvFault::Timeout)
        );
        assert_eq!(hanging.remove("key", 1).await, Err(KvFault::Timeout));
    }
}

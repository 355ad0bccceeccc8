//! L2 on Workers KV.
//!
//! The binding is called by hand: metadata crosses as JSON text both ways, so that a malformed
//! record is read as such instead of failing the whole read, and is written byte for byte as the
//! golden tests have it.

use std::rc::Rc;

use js_sys::{Array, JSON, JsString, Map, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::app::binding;
use super::object::object;
use super::thrown::message;
use super::timer;
use crate::ports::{KvFault, Page, Stored};

/// Longest value that is taken for a record of an earlier version, in UTF-16 units.
const MAX_VALUE_UNITS: u32 = 64 * 1024;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub(super) type Namespace;

    #[wasm_bindgen(method, catch, js_name = getWithMetadata)]
    fn get_with_metadata(this: &Namespace, key: &str, options: &Object)
    -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getWithMetadata)]
    fn get_many_with_metadata(
        this: &Namespace,
        keys: &Array,
        options: &Object,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn list(this: &Namespace, options: &Object) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(this: &Namespace, key: &str, value: &str, options: &Object) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn delete(this: &Namespace, key: &str) -> Result<Promise, JsValue>;
}

impl Namespace {
    /// The namespace that is bound as `name`. A binding of another kind counts as none.
    pub(super) fn bound(env: &Env, name: &str) -> Option<Self> {
        let value = binding(env, name)?;
        let method = Reflect::get(&value, &"getWithMetadata".into()).ok()?;
        method.is_function().then(|| value.unchecked_into())
    }

    pub(super) async fn read(
        &self,
        key: &str,
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Stored, KvFault> {
        let promise = self
            .get_with_metadata(key, &reading(cache_ttl_s))
            .map_err(fault)?;
        stored(&settled(promise, timeout_ms).await?)
    }

    /// A key that is not there is missing from the map, or there with nothing.
    pub(super) async fn read_many(
        &self,
        keys: &[Rc<str>],
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault> {
        let names: Array = keys.iter().map(|key| JsValue::from_str(key)).collect();
        let promise = self
            .get_many_with_metadata(&names, &reading(cache_ttl_s))
            .map_err(fault)?;
        let found: Map = settled(promise, timeout_ms).await?.unchecked_into();
        keys.iter()
            .map(|key| stored(&found.get(&JsValue::from_str(key))))
            .collect()
    }

    pub(super) async fn names(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault> {
        let options = object(&[("prefix", prefix.into()), ("limit", limit.into())]);
        if let Some(cursor) = cursor {
            let _ = Reflect::set(&options, &"cursor".into(), &cursor.into());
        }
        let promise = self.list(&options).map_err(fault)?;
        let page = settled(promise, timeout_ms).await?;
        let field = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
        let keys = field(&page, "keys").map_err(fault)?;
        let keys = Array::from(&keys)
            .iter()
            .filter_map(|key| field(&key, "name").ok()?.as_string())
            .collect();
        let complete = field(&page, "list_complete").map_err(fault)?.is_truthy();
        let cursor = field(&page, "cursor").map_err(fault)?.as_string();
        Ok(Page {
            keys,
            cursor: cursor.filter(|_| !complete),
        })
    }

    pub(super) async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault> {
        let metadata = JSON::parse(metadata).map_err(fault)?;
        let options = object(&[("metadata", metadata), ("expirationTtl", number(ttl_s))]);
        let promise = self.put(key, "", &options).map_err(fault)?;
        settled(promise, timeout_ms).await.map(drop)
    }

    pub(super) async fn remove(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault> {
        let promise = self.delete(key).map_err(fault)?;
        settled(promise, timeout_ms).await.map(drop)
    }
}

fn reading(cache_ttl_s: u64) -> Object {
    object(&[("type", "text".into()), ("cacheTtl", number(cache_ttl_s))])
}

/// What one key holds, as the binding tells it.
fn stored(found: &JsValue) -> Result<Stored, KvFault> {
    if found.is_null() || found.is_undefined() {
        return Ok(Stored::Nothing);
    }
    let field = |name: &str| Reflect::get(found, &name.into()).map_err(fault);
    let metadata = field("metadata")?;
    if !metadata.is_null() && !metadata.is_undefined() {
        let json = JSON::stringify(&metadata).map_err(fault)?;
        return Ok(Stored::Metadata(json.into()));
    }
    Ok(match field("value")?.dyn_into::<JsString>() {
        Ok(text) if text.length() > MAX_VALUE_UNITS => Stored::Value(String::new()),
        Ok(text) => Stored::Value(text.into()),
        Err(_) => Stored::Nothing,
    })
}

async fn settled(promise: Promise, timeout_ms: u64) -> Result<JsValue, KvFault> {
    match timer::within(promise, timeout_ms).await {
        Some(settled) => settled.map_err(fault),
        None => Err(KvFault::Timeout),
    }
}

#[allow(clippy::cast_precision_loss)] // seconds of at most a few years
fn number(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

/// The message alone: a stack has no place in a log line.
fn fault(thrown: JsValue) -> KvFault {
    KvFault::Failed(message(&thrown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use js_sys::Function;
    use wasm_bindgen_test::wasm_bindgen_test;

    /// A namespace whose every method returns what `body` does.
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
    async fn a_record_is_in_the_metadata_or_else_in_the_value() {
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
    async fn a_fault_is_told_without_its_stack() {
        let failing = namespace("return Promise.reject(new Error('KV GET failed: 503'))");
        let fault = KvFault::Failed("KV GET failed: 503".to_owned());
        assert_eq!(failing.read("key", 300, 1_000).await, Err(fault.clone()));
        assert_eq!(
            failing.write("key", "{}", 60, 1_000).await,
            Err(fault.clone())
        );
        assert_eq!(failing.remove("key", 1_000).await, Err(fault));
        let throwing = namespace("throw 'a word'");
        let unknown = KvFault::Failed("unknown".to_owned());
        assert_eq!(throwing.read("key", 300, 1_000).await, Err(unknown));
    }

    #[wasm_bindgen_test]
    async fn an_operation_that_hangs_is_given_up() {
        let hanging = namespace("return new Promise(() => {})");
        assert_eq!(hanging.read("key", 300, 1).await, Err(KvFault::Timeout));
        assert_eq!(
            hanging.write("key", "{}", 60, 1).await,
            Err(KvFault::Timeout)
        );
        assert_eq!(hanging.remove("key", 1).await, Err(KvFault::Timeout));
    }
}

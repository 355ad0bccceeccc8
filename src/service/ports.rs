//! What the service needs from the runtime it lives in, for one request.
//!
//! `edge` implements these on Workers; the tests on a virtual clock, with faults.

use std::future::Future;
use std::rc::Rc;

use crate::image::header::Limits;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::OriginFault;
use crate::origin::response::{Object, OriginResponse};
use crate::telemetry::log::Log;

/// Everything at once. A request's ports are cheap to clone and outlive it while work is left.
pub trait Ports: Kv + Origin + Bucket + Clock + Tasks + Log + Clone + 'static {}
impl<T: Kv + Origin + Bucket + Clock + Tasks + Log + Clone + 'static> Ports for T {}

/// A key-value store whose keys carry metadata beside their value. It has no limits of its own:
/// each operation is given up after `timeout_ms`.
#[allow(async_fn_in_trait)] // one thread; nothing here is Send
pub trait Kv {
    /// Reads a key, which the store itself may cache for `cache_ttl_s` seconds.
    ///
    /// # Errors
    /// Anything but a clean read or a clean miss.
    async fn read(&self, key: &str, cache_ttl_s: u64, timeout_ms: u64) -> Result<Stored, KvFault>;

    /// As [`read`](Self::read), for up to 100 keys in one operation; the answers are in their order.
    ///
    /// # Errors
    /// Where any of them cannot be read.
    async fn read_many(
        &self,
        keys: &[Rc<str>],
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault>;

    /// The names of up to `limit` keys that begin with `prefix`, going on from `cursor`.
    ///
    /// # Errors
    /// Where the store refuses or fails.
    async fn list(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault>;

    /// Writes an empty value with `metadata`, a JSON object, to be kept for `ttl_s` seconds.
    ///
    /// # Errors
    /// Where the store refuses or fails.
    async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault>;

    /// Deletes a key, whether it is there or not.
    ///
    /// # Errors
    /// Where the store refuses or fails.
    async fn delete(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault>;
}

/// What a key holds, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// No such key.
    Nothing,
    /// The metadata field.
    Metadata(String),
    /// The value of a key without metadata: the form of earlier versions.
    Value(String),
}

/// Some of the keys that a prefix has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Their names.
    pub keys: Vec<String>,
    /// Where to go on; `None` at the end.
    pub cursor: Option<String>,
}

/// Why a KV operation gave nothing. Its text is for the log only: it may hold a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvFault {
    /// There is no such binding.
    Unbound,
    /// It took longer than allowed.
    Timeout,
    /// It failed.
    Failed(String),
}

/// Where images come from.
#[allow(async_fn_in_trait)]
pub trait Origin {
    /// A point in time after which requests are aborted.
    type Deadline;

    /// The deadline `timeout_ms` from now. One may span several requests.
    fn deadline(&self, timeout_ms: u64) -> Self::Deadline;

    /// Asks for the metadata of the image at `url`, following redirects within its origin. Of an
    /// image that comes instead, as much is read as its header needs within `limits`.
    ///
    /// # Errors
    /// Where no answer came, in time, from that origin.
    async fn ask(
        &self,
        url: &str,
        limits: Limits,
        deadline: &Self::Deadline,
    ) -> Result<OriginResponse, OriginFault>;
}

/// A store of objects, which images may be kept in.
#[allow(async_fn_in_trait)]
pub trait Bucket {
    /// Reads the beginning of the object of this key, as much as `head` wants. `None` where there is no such object.
    ///
    /// # Errors
    /// Where the store fails, or takes longer than `timeout_ms`.
    async fn open(
        &self,
        key: &str,
        prefix: BodyPrefix,
        timeout_ms: u64,
    ) -> Result<Option<Object>, OriginFault>;
}

/// Time and chance.
#[allow(async_fn_in_trait)]
pub trait Clock {
    /// Milliseconds since the epoch. Workers advance it on I/O only.
    fn now_ms(&self) -> u64;

    /// Waits.
    async fn sleep(&self, ms: u64);

    /// From 0 up to, but not including, 1.
    fn random(&self) -> f64;
}

/// Work that outlives the request that began it.
#[allow(async_fn_in_trait)]
pub trait Tasks {
    /// Tells any request of this isolate that a task has ended. It carries no data: what a task
    /// found lies in plain memory by then.
    ///
    /// Not a Rust future: its waker would run one request's code in another's I/O context, which
    /// Workers forbid.
    type Signal: Clone + 'static;

    /// Begins `work` and keeps it running when this request's client goes away.
    fn launch(&self, work: impl Future<Output = ()> + 'static) -> Self::Signal;

    /// Waits until a task has ended or its context is gone, at most `timeout_ms`.
    async fn ended(&self, signal: Self::Signal, timeout_ms: u64);
}

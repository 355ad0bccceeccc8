//! The runtime as the service sees it: traits for KV, the origin, the bucket, time and tasks.
//!
//! `edge` implements them on Workers; the tests on a virtual clock, with injected faults.

use std::future::Future;
use std::rc::Rc;

use super::picture::{PictureFault, PictureSource};
use crate::image::header::Limits;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::OriginFault;
use crate::origin::request::OriginRequest;
use crate::origin::response::{Object, OriginResponse};
use crate::placeholder::pixels::Pixels;
use crate::telemetry::log::Log;

/// All ports of one request. A clone is cheap, and may outlive the request while its work runs.
pub trait Ports:
    Kv
    + Origin
    + Bucket
    + Pictures
    + EdgeCache
    + Queue
    + RateLimit
    + Clock
    + Tasks
    + Log
    + Clone
    + 'static
{
}
/// A key-value store whose keys have a metadata field besides their value. Each operation fails after `timeout_ms`: the
/// store itself has no time limits.
#[allow(async_fn_in_trait)] // one thread; nothing here is Send
pub trait Kv {
    /// Reads a key, which the store itself may cache for `cache_ttl_s` seconds.
    ///
    /// # Errors
    /// If the store fails. A missing key is [`Stored::Nothing`].
    async fn read(&self, key: &str, cache_ttl_s: u64, timeout_ms: u64) -> Result<Stored, KvFault>;

    /// As [`read`](Self::read), for up to 100 keys in one operation. The results are in the order of `keys`.
    ///
    /// # Errors
    /// If any of them cannot be read.
    async fn read_many(
        &self,
        keys: &[Rc<str>],
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault>;

    /// Lists up to `limit` keys that begin with `prefix`, from `cursor` on.
    ///
    /// # Errors
    /// If the store rejects it or fails.
    async fn list(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault>;

    /// Writes an empty value with `metadata`, a JSON object, that expires after `ttl_s` seconds.
    ///
    /// # Errors
    /// If the store rejects it or fails.
    async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault>;

    /// Deletes a key. A missing key is not an error.
    ///
    /// # Errors
    /// If the store rejects it or fails.
    async fn delete(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault>;
}

/// The content of a key, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The key is missing.
    Nothing,
    /// The metadata field.
    Metadata(String),
    /// The value of a key without metadata: the form of earlier versions.
    Value(String),
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The keys.
    pub keys: Vec<String>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

/// Why a KV operation failed. The text is the runtime's, and for the log only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvFault {
    /// The binding is missing.
    Unbound,
    /// It exceeded its time limit.
    Timeout,
    /// The store failed, with this message.
    Failed(String),
}

/// Origins at URLs and service bindings.
#[allow(async_fn_in_trait)]
pub trait Origin {
    /// The point in time at which requests are aborted.
    type Deadline;

    /// Returns the deadline `timeout_ms` from now. Several requests may share one.
    fn deadline(&self, timeout_ms: u64) -> Self::Deadline;

    /// Requests the metadata of an image, and follows redirects within its origin. If the response is the image itself, reads
    /// as much as its header needs, within `limits`.
    ///
    /// # Errors
    /// If the origin did not respond before the deadline, or redirects elsewhere.
    async fn ask(
        &self,
        request: &OriginRequest<'_>,
        limits: Limits,
        deadline: &Self::Deadline,
    ) -> Result<OriginResponse, OriginFault>;
}

/// R2 buckets.
#[allow(async_fn_in_trait)]
pub trait Bucket {
    /// Reads as much of an object as `prefix` asks for, from the bucket that is bound as `binding`. `None` if there is no
    /// such object.
    ///
    /// # Errors
    /// If the store fails, or takes longer than `timeout_ms`.
    async fn open(
        &self,
        binding: &str,
        key: &str,
        prefix: BodyPrefix,
        timeout_ms: u64,
    ) -> Result<Option<Object>, OriginFault>;
}

/// What makes tiny pictures of images: the resizer and the Images binding.
#[allow(async_fn_in_trait)]
pub trait Pictures {
    /// Makes a picture of at most 100 by 100 pixels, as displayed: of an animation, the first frame.
    ///
    /// # Errors
    /// If it is refused or unreadable, or takes longer than `timeout_ms`.
    async fn picture(
        &self,
        source: PictureSource<'_>,
        timeout_ms: u64,
    ) -> Result<Pixels, PictureFault>;
}

/// The platform's cache in front of the service.
#[allow(async_fn_in_trait)]
pub trait EdgeCache {
    /// Removes all responses that have one of up to 100 tags. Returns `false` if there is no such cache.
    ///
    /// # Errors
    /// The platform's message, if it refused.
    async fn purge_tags(&self, tags: &[String]) -> Result<bool, String>;
}

/// The queue that the service sends messages to, which it consumes itself.
#[allow(async_fn_in_trait)]
pub trait Queue {
    /// Returns `true` if there is one.
    fn has_queue(&self) -> bool;

    /// Sends a message, in JSON, that is delivered after `delay_s` seconds.
    ///
    /// # Errors
    /// The runtime's message, if it was not accepted.
    async fn send(&self, message: &str, delay_s: u64) -> Result<(), String>;
}

/// What a client is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// A fetch that its request leads to an origin.
    Origin,
    /// A wrong admin token.
    Admin,
}

/// A limit on what each client may cause.
#[allow(async_fn_in_trait)]
pub trait RateLimit {
    /// Charges the client of this request. Returns `false` if it has exceeded the limit.
    ///
    /// Returns `true` without I/O if there is no limit, or if the request is not charged.
    ///
    /// # Errors
    /// The runtime's message, if the limiter failed.
    async fn admits(&self, charge: Charge) -> Result<bool, String>;
}

/// Time and randomness.
#[allow(async_fn_in_trait)]
pub trait Clock {
    /// Returns the milliseconds since the Unix epoch. Workers advance it only on I/O.
    fn now_ms(&self) -> u64;

    /// Waits for `ms` milliseconds.
    async fn sleep(&self, ms: u64);

    /// Returns a number from 0 up to, but not including, 1.
    fn random(&self) -> f64;
}

/// Work that outlives the request that started it.
#[allow(async_fn_in_trait)]
pub trait Tasks {
    /// Signals to all requests of the isolate that a task has ended. It carries no data: by then the result is in plain
    /// memory.
    ///
    /// It is not a Rust future: the waker would run one request's code in the I/O context of another, which Workers forbid.
    type Signal: Clone + 'static;

    /// Starts `work`, and keeps it running when the client disconnects.
    fn launch(&self, work: impl Future<Output = ()> + 'static) -> Self::Signal;

    /// Waits until a task has ended or its context was cancelled, at most `timeout_ms`.
    async fn ended(&self, signal: Self::Signal, timeout_ms: u64);
}

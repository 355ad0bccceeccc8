//! A fake runtime for tests on the host: a clock that only the test advances, and a KV and an origin that
//! count operations, wait at gates and fail on request.

// Each test file uses only a part of this module.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{LocalBoxFuture, Shared, pending, select};
use futures::task::LocalSpawnExt;
use optimized_metadata::OptimizedMetadataService;
use optimized_metadata::config::{Config, LogLevel};
use optimized_metadata::image::header::Limits;
use optimized_metadata::image::prefix::BodyPrefix;
use optimized_metadata::lookup::{Lookup, LookupError};
use optimized_metadata::origin::error::{ErrorKind, OriginFault};
use optimized_metadata::origin::request::OriginRequest;
use optimized_metadata::origin::response::{Object, OriginResponse};
use optimized_metadata::path::ImagePath;
use optimized_metadata::path::query::split;
use optimized_metadata::placeholder::pixels::Pixels;
use optimized_metadata::service::picture::{PictureFault, PictureSource};
use optimized_metadata::service::ports::{
    Bucket, Charge, Clock, EdgeCache, Kv, KvFault, Origin, Page, Pictures, Ports, Queue, RateLimit,
    Stored, Tasks,
};
use optimized_metadata::service::{PurgeError, Purged};
use optimized_metadata::telemetry::log::Log;
use serde_json::{Value, json};

/// The initial time of the clock.
pub const START_MS: u64 = 1_760_000_000_000;

/// Returns a KV record of an image of 800 by 600 pixels.
pub fn record(fetched_ms: u64) -> String {
    json!({
        "width": 800, "height": 600, "format": "png", "lastFetched": fetched_ms,
        "confidence": "high", "source": "format-json"
    })
    .to_string()
}

/// Stores the record of an image that was fetched `age_s` seconds ago.
pub fn put_in_kv(isolate: &TestIsolate, key: &str, age_s: u64) {
    let record = record(START_MS - age_s * 1_000);
    isolate.runtime.kv_put(key, Stored::Metadata(record));
}

pub type Signal = Shared<LocalBoxFuture<'static, ()>>;

/// The origin's reaction to a request.
#[derive(Clone)]
pub enum FakeResponse {
    Status(u16),
    /// The metadata of an image of this width and height.
    Size(u32, u32),
    /// The size, and that of the file in bytes.
    File(u32, u32, u64),
    Unreachable,
    /// Like `Size`, but only after the gate is opened.
    Gated(Gate, u32, u32),
    /// No response until the deadline.
    Timeout,
}

/// Blocks an operation until the test opens the gate or drops its sender.
#[derive(Clone)]
pub struct Gate(Shared<LocalBoxFuture<'static, ()>>);

impl Gate {
    pub fn new() -> (Self, oneshot::Sender<()>) {
        let (open, opened) = oneshot::channel();
        (Self(opened.map(drop).boxed_local().shared()), open)
    }
}

/// What was read, and until when it is read again, by location and key.
type ReadCache = HashMap<(usize, String), (Stored, u64)>;

#[derive(Default)]
struct State {
    now_ms: Cell<u64>,
    timers: RefCell<Vec<(u64, oneshot::Sender<()>)>>,
    responses: RefCell<Vec<FakeResponse>>,
    origin_urls: RefCell<Vec<String>>,
    /// The value `None` is an object that cannot be read.
    bucket: RefCell<HashMap<String, Option<Vec<u8>>>>,
    bucket_reads: RefCell<Vec<String>>,
    picture: RefCell<Option<Result<[u8; 4], PictureFault>>>,
    pictures_asked: RefCell<Vec<String>>,
    kv: RefCell<HashMap<String, (Stored, u64)>>,
    kv_fails: Cell<bool>,
    kv_unbound: Cell<bool>,
    kv_hangs: Cell<bool>,
    /// How long a read of a single key takes after it has read its value.
    kv_latency_ms: Cell<u64>,
    /// `None` if reads are not cached.
    kv_read_cache: RefCell<Option<ReadCache>>,
    kv_read_gate: RefCell<Option<Gate>>,
    kv_write_gate: RefCell<Option<Gate>>,
    kv_reads: Cell<u32>,
    kv_writes: Cell<u32>,
    kv_deletions: Cell<u32>,
    leaders_lost: Cell<bool>,
    /// The result of purges in the platform's cache. `None` if there is no such cache.
    edge: RefCell<Option<Result<(), String>>>,
    purged_tags: RefCell<Vec<String>>,
    edge_calls: Cell<u32>,
    /// The messages that were sent to the queue. `None` if there is no queue.
    sent: RefCell<Option<Vec<(String, u64)>>>,
    charges: RefCell<Vec<Charge>>,
    /// What the rate limit returns, once each; the last one for all further charges.
    admissions: RefCell<Vec<Result<bool, String>>>,
    log: RefCell<Vec<String>>,
}

/// The ports that every request of a test uses, and the methods that control and inspect them.
#[derive(Clone)]
pub struct Runtime {
    state: Rc<State>,
    spawner: LocalSpawner,
    /// The location whose cache its reads of KV go through.
    location: usize,
}

/// A service with its own runtime, or with that of its siblings.
pub struct TestIsolate {
    pub service: Rc<OptimizedMetadataService<Signal>>,
    pub runtime: Runtime,
    pool: Rc<RefCell<LocalPool>>,
}

pub type Outcome = Result<Lookup, LookupError>;

impl TestIsolate {
    pub fn new(settings: Value) -> Self {
        let pool = LocalPool::new();
        let runtime = Runtime {
            state: Rc::default(),
            spawner: pool.spawner(),
            location: 0,
        };
        runtime.state.now_ms.set(START_MS);
        Self {
            service: service(settings),
            runtime,
            pool: Rc::new(RefCell::new(pool)),
        }
    }

    /// Returns another isolate at `location`, with the same clock, KV and origin.
    pub fn sibling(&self, settings: Value, location: usize) -> Self {
        let runtime = Runtime {
            location,
            ..self.runtime.clone()
        };
        Self {
            service: service(settings),
            runtime,
            pool: Rc::clone(&self.pool),
        }
    }

    /// Starts a request and runs all tasks until they wait for the clock or a gate. `path` may have a query.
    pub fn start(&mut self, path: &str) -> Pending<Outcome> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let path = self.path(path);
        self.spawn(async move { service.fetch_metadata(&path, &runtime).await })
    }

    fn path(&self, text: &str) -> ImagePath {
        let (raw, query) = split(text);
        let path = ImagePath::from_raw(raw).unwrap();
        self.service.config().origins.version(&path, query).unwrap()
    }

    /// Runs a request and its background work to the end.
    pub fn get(&mut self, path: &str) -> Outcome {
        let pending = self.start(path);
        self.finish(pending)
    }

    /// Returns the outcome of a request. Panics if it still waits for the clock or a gate.
    pub fn finish<T>(&mut self, mut pending: Pending<T>) -> T {
        self.pool.borrow_mut().run_until_stalled();
        let outcome = (&mut pending.0).now_or_never();
        outcome.expect("the request still waits for the clock or a gate")
    }

    /// Starts a batch.
    pub fn start_batch(&mut self, paths: &[&str]) -> Pending<Vec<Outcome>> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let paths: Vec<_> = paths
            .iter()
            .map(|path| ImagePath::from_raw(path).unwrap())
            .collect();
        self.spawn(async move { service.fetch_batch(&paths, &runtime).await })
    }

    pub fn spawn<T: 'static>(&mut self, work: impl Future<Output = T> + 'static) -> Pending<T> {
        let handle = self.runtime.spawner.spawn_local_with_handle(work);
        self.pool.borrow_mut().run_until_stalled();
        Pending(Box::pin(handle.unwrap()))
    }

    /// Purges one page of the images in a folder, or of all images.
    pub fn purge_below(
        &mut self,
        folder: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Purged, PurgeError> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let folder = folder.map(|folder| ImagePath::from_raw(folder).unwrap());
        let purge = service.purge_below(folder.as_ref(), cursor, &runtime);
        self.pool.borrow_mut().run_until(purge)
    }

    /// Purges an image, and the first page of its versions. `path` may have a query.
    pub fn purge(&mut self, path: &str) -> Result<Purged, PurgeError> {
        self.purge_page(path, None)
    }

    /// Purges one page of the versions of an image, and with the first page the image itself.
    pub fn purge_page(&mut self, path: &str, cursor: Option<&str>) -> Result<Purged, PurgeError> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let path = self.path(path);
        let purge = service.purge(&path, cursor, &runtime);
        self.pool.borrow_mut().run_until(purge)
    }

    /// Advances the clock from timer to timer, so that timers fire in order.
    pub fn advance(&mut self, ms: u64) {
        let state = Rc::clone(&self.runtime.state);
        let until_ms = state.now_ms.get() + ms;
        loop {
            self.pool.borrow_mut().run_until_stalled();
            let next = state.timers.borrow().iter().map(|timer| timer.0).min();
            let Some(next_ms) = next.filter(|next_ms| *next_ms <= until_ms) else {
                break;
            };
            state.now_ms.set(next_ms.max(state.now_ms.get()));
            let due: Vec<_> = state
                .timers
                .borrow_mut()
                .extract_if(.., |timer| timer.0 <= next_ms)
                .collect();
            for (_, fire) in due {
                // The receiver may have been dropped.
                let _ = fire.send(());
            }
        }
        state.now_ms.set(until_ms);
        self.pool.borrow_mut().run_until_stalled();
    }

    /// Replaces the service with a new one, with the same KV and origin.
    pub fn restart(&mut self, settings: Value) {
        self.service = service(settings);
    }
}

/// Creates a service with these settings, and an `originUrl` unless they have one. If it is `null`, there is none.
fn service(mut settings: Value) -> Rc<OptimizedMetadataService<Signal>> {
    if settings.get("originUrl").is_none() {
        settings["originUrl"] = json!("https://images.test");
    }
    let is_set = |_: &String, value: &mut Value| !value.is_null();
    settings.as_object_mut().unwrap().retain(is_set);
    OptimizedMetadataService::new(Config::from_json(&settings).unwrap())
}

pub struct Pending<T>(Pin<Box<dyn Future<Output = T>>>);

impl Runtime {
    /// Sets the origin's next responses: each is used once, the last one repeatedly.
    pub fn mock_origin(&self, responses: impl IntoIterator<Item = FakeResponse>) {
        let mut responses: Vec<FakeResponse> = responses.into_iter().collect();
        responses.reverse();
        *self.state.responses.borrow_mut() = responses;
    }

    /// Puts an object into the bucket. `None` makes reading it fail.
    pub fn put_object(&self, key: &str, bytes: Option<&[u8]>) {
        let object = bytes.map(<[u8]>::to_vec);
        self.state.bucket.borrow_mut().insert(key.into(), object);
    }

    pub fn remove_object(&self, key: &str) {
        self.state.bucket.borrow_mut().remove(key);
    }

    /// Returns the bindings and keys that were read from buckets, in order, as `IMAGES:cat.jpg`.
    pub fn bucket_reads(&self) -> Vec<String> {
        self.state.bucket_reads.borrow().clone()
    }

    /// Answers each request for a picture with one pixel of this color, or this fault. A timeout takes its time.
    pub fn set_picture(&self, picture: Result<[u8; 4], PictureFault>) {
        *self.state.picture.borrow_mut() = Some(picture);
    }

    /// Returns what pictures were asked for, in order: `resizer <URL>`, `file <URL>` or `object <binding>:<key>`.
    pub fn pictures_asked(&self) -> Vec<String> {
        self.state.pictures_asked.borrow().clone()
    }

    /// Returns the number of requests to the origin.
    pub fn origin_fetches(&self) -> usize {
        self.state.origin_urls.borrow().len()
    }

    /// Returns the URLs that were requested from origins, in order. That of a service follows its binding and a space.
    pub fn origin_urls(&self) -> Vec<String> {
        self.state.origin_urls.borrow().clone()
    }

    /// Returns the number of KV reads, writes and deletions so far.
    pub fn kv_operations(&self) -> (u32, u32, u32) {
        let state = &self.state;
        (
            state.kv_reads.get(),
            state.kv_writes.get(),
            state.kv_deletions.get(),
        )
    }

    pub fn set_kv_fails(&self, fails: bool) {
        self.state.kv_fails.set(fails);
    }

    /// Sets what the rate limit returns from now on, once each; the last one for all further charges.
    pub fn set_admissions(&self, admissions: impl IntoIterator<Item = Result<bool, String>>) {
        *self.state.admissions.borrow_mut() = admissions.into_iter().collect();
    }

    /// Puts the platform's cache in front, which returns `result` to purges.
    pub fn set_edge_cache(&self, result: Result<(), String>) {
        *self.state.edge.borrow_mut() = Some(result);
    }

    /// The tags that were purged from the platform's cache since the last call.
    pub fn purged_tags(&self) -> Vec<String> {
        self.state.purged_tags.take()
    }

    /// The number of calls that purged tags.
    pub fn edge_calls(&self) -> u32 {
        self.state.edge_calls.get()
    }

    /// Binds a queue.
    pub fn bind_queue(&self) {
        *self.state.sent.borrow_mut() = Some(Vec::new());
    }

    /// The messages that were sent to the queue since the last call, each with its delay in seconds.
    pub fn sent(&self) -> Vec<(String, u64)> {
        let mut sent = self.state.sent.borrow_mut();
        sent.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The charges since the last call.
    pub fn charges(&self) -> Vec<Charge> {
        self.state.charges.take()
    }

    pub fn unbind_kv(&self) {
        self.state.kv_unbound.set(true);
    }

    pub fn set_kv_hangs(&self, hangs: bool) {
        self.state.kv_hangs.set(hangs);
    }

    /// Makes each read of a single key take this long after it has read its value.
    pub fn set_kv_latency(&self, ms: u64) {
        self.state.kv_latency_ms.set(ms);
    }

    /// Makes each location read a key again from its cache for the time that the read asks for, and for a minute at least. Writes and
    /// deletions are seen only after that.
    pub fn cache_kv_reads(&self) {
        *self.state.kv_read_cache.borrow_mut() = Some(HashMap::new());
    }

    /// Makes each read of a single key wait for the gate before it returns the value that it has already read.
    pub fn gate_kv_reads(&self, gate: Gate) {
        *self.state.kv_read_gate.borrow_mut() = Some(gate);
    }

    /// Makes each write wait for the gate before it takes effect.
    pub fn gate_kv_writes(&self, gate: Gate) {
        *self.state.kv_write_gate.borrow_mut() = Some(gate);
    }

    pub fn kv_put(&self, key: &str, stored: Stored) {
        self.state
            .kv
            .borrow_mut()
            .insert(key.to_owned(), (stored, 0));
    }

    /// Removes a key without counting it, like a purge in another isolate.
    pub fn kv_remove(&self, key: &str) {
        self.state.kv.borrow_mut().remove(key);
    }

    /// Returns a value and its TTL in seconds, without counting the read.
    pub fn kv_get(&self, key: &str) -> Option<(Stored, u64)> {
        self.state.kv.borrow().get(key).cloned()
    }

    /// Sets whether tasks launched from now on are dropped without ever finishing.
    pub fn set_leaders_lost(&self, lost: bool) {
        self.state.leaders_lost.set(lost);
    }

    pub fn log(&self) -> Vec<String> {
        self.state.log.borrow().clone()
    }

    /// Reads a key through the cache of the location, if reads are cached.
    fn kv_read(&self, key: &str, cache_ttl_s: u64) -> Stored {
        let stored = self.kv_get(key).map_or(Stored::Nothing, |found| found.0);
        let mut cache = self.state.kv_read_cache.borrow_mut();
        let Some(cache) = cache.as_mut() else {
            return stored;
        };
        let key = (self.location, key.to_owned());
        match cache.get(&key) {
            Some((cached, until_ms)) if self.now_ms() < *until_ms => cached.clone(),
            _ => {
                let until_ms = self.now_ms() + cache_ttl_s.max(60) * 1_000;
                cache.insert(key, (stored.clone(), until_ms));
                stored
            }
        }
    }

    async fn kv<T>(
        &self,
        count: &Cell<u32>,
        timeout_ms: u64,
        result: impl FnOnce() -> T,
    ) -> Result<T, KvFault> {
        if self.state.kv_unbound.get() {
            return Err(KvFault::Unbound);
        }
        count.set(count.get() + 1);
        if self.state.kv_hangs.get() {
            self.sleep(timeout_ms).await;
            return Err(KvFault::Timeout);
        }
        if self.state.kv_fails.get() {
            return Err(KvFault::Failed("KV GET failed: 503".to_owned()));
        }
        Ok(result())
    }
}

impl Ports for Runtime {}

impl Kv for Runtime {
    async fn read(&self, key: &str, cache_ttl_s: u64, timeout_ms: u64) -> Result<Stored, KvFault> {
        let read = || self.kv_read(key, cache_ttl_s);
        let stored = self.kv(&self.state.kv_reads, timeout_ms, read).await;
        let gate = self.state.kv_read_gate.borrow().clone();
        if let Some(gate) = gate {
            gate.0.await;
        }
        let latency_ms = self.state.kv_latency_ms.get();
        if latency_ms > 0 {
            self.sleep(latency_ms.min(timeout_ms)).await;
        }
        if latency_ms > timeout_ms {
            return Err(KvFault::Timeout);
        }
        stored
    }

    async fn read_many(
        &self,
        keys: &[Rc<str>],
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault> {
        let read = |key: &Rc<str>| self.kv_read(key, cache_ttl_s);
        let read_all = || keys.iter().map(read).collect();
        self.kv(&self.state.kv_reads, timeout_ms, read_all).await
    }

    async fn list(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault> {
        let page = || {
            let mut keys: Vec<String> = self.state.kv.borrow().keys().cloned().collect();
            keys.retain(|key| key.starts_with(prefix) && cursor.is_none_or(|last| &**key > last));
            keys.sort();
            let more = keys.len() > limit as usize;
            keys.truncate(limit as usize);
            let cursor = keys.last().filter(|_| more).cloned();
            Page { keys, cursor }
        };
        self.kv(&self.state.kv_reads, timeout_ms, page).await
    }

    async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault> {
        let gate = self.state.kv_write_gate.borrow().clone();
        if let Some(gate) = gate {
            gate.0.await;
        }
        let write = || {
            let stored = (Stored::Metadata(metadata.to_owned()), ttl_s);
            self.state.kv.borrow_mut().insert(key.to_owned(), stored);
        };
        self.kv(&self.state.kv_writes, timeout_ms, write).await
    }

    async fn delete(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault> {
        let delete = || self.state.kv.borrow_mut().remove(key);
        self.kv(&self.state.kv_deletions, timeout_ms, delete)
            .await
            .map(drop)
    }
}

impl Origin for Runtime {
    type Deadline = u64;

    fn deadline(&self, timeout_ms: u64) -> u64 {
        self.now_ms() + timeout_ms
    }

    async fn ask(
        &self,
        request: &OriginRequest<'_>,
        limits: Limits,
        deadline: &u64,
    ) -> Result<OriginResponse, OriginFault> {
        let service = request.service.map(|binding| format!("{binding} "));
        let url = [service.as_deref().unwrap_or_default(), &request.url].concat();
        self.state.origin_urls.borrow_mut().push(url);
        let response = {
            let mut responses = self.state.responses.borrow_mut();
            if responses.len() > 1 {
                responses.pop()
            } else {
                responses.last().cloned()
            }
        };
        let response = response.expect("the test sets a response of the origin");
        let file_size = match response {
            FakeResponse::File(.., bytes) => bytes,
            _ => 0,
        };
        let size = match response {
            FakeResponse::Size(width, height) | FakeResponse::File(width, height, _) => {
                (width, height)
            }
            FakeResponse::Gated(gate, width, height) => {
                gate.0.await;
                (width, height)
            }
            FakeResponse::Status(status) => {
                return Ok(OriginResponse {
                    status,
                    ..OriginResponse::default()
                });
            }
            FakeResponse::Unreachable => return Err(ErrorKind::OriginUnreachable.into()),
            FakeResponse::Timeout => {
                self.sleep(deadline - self.now_ms()).await;
                return Err(ErrorKind::OriginTimeout.into());
            }
        };
        let body = if request.probe.uses_resizer() {
            let original = json!({ "file_size": file_size, "width": size.0, "height": size.1, "format": "image/png" });
            json!({ "original": original }).to_string().into_bytes()
        } else {
            gif(size.0, size.1)
        };
        Ok(OriginResponse {
            status: 200,
            prefix: Some(BodyPrefix::whole(limits, None, &body)),
            ..OriginResponse::default()
        })
    }
}

/// Returns a GIF without its pixel data. The sides are below 65,536.
pub fn gif(width: u32, height: u32) -> Vec<u8> {
    let size = [width, height].map(|side| side.to_le_bytes()[..2].to_vec());
    let size = size.concat();
    [
        &b"GIF89a"[..],
        &size,
        b"\0\0\0,\0\0\0\0",
        &size,
        b"\0\x02\0;",
    ]
    .concat()
}

impl Bucket for Runtime {
    async fn open(
        &self,
        binding: &str,
        key: &str,
        mut prefix: BodyPrefix,
        _: u64,
    ) -> Result<Option<Object>, OriginFault> {
        let read = format!("{binding}:{key}");
        self.state.bucket_reads.borrow_mut().push(read);
        match self.state.bucket.borrow().get(key) {
            None => Ok(None),
            Some(None) => Err(ErrorKind::OriginUnreachable.into()),
            Some(Some(bytes)) => {
                prefix.push(bytes);
                prefix.end();
                Ok(Some(Object {
                    prefix,
                    size: bytes.len() as u64,
                    etag: "0123abc".into(),
                }))
            }
        }
    }
}

impl Pictures for Runtime {
    async fn picture(
        &self,
        source: PictureSource<'_>,
        timeout_ms: u64,
    ) -> Result<Pixels, PictureFault> {
        let asked = match source {
            PictureSource::Resizer(request) => format!("resizer {}", request.url),
            PictureSource::File(request) => format!("file {}", request.url),
            PictureSource::Object(binding, key) => format!("object {binding}:{key}"),
        };
        self.state.pictures_asked.borrow_mut().push(asked);
        let picture = self.state.picture.borrow().clone();
        match picture.expect("the test sets a picture") {
            Ok(color) => Ok(Pixels::new(1, 1, vec![color]).unwrap()),
            Err(PictureFault::Refused(fault)) if fault.error.kind == ErrorKind::OriginTimeout => {
                self.sleep(timeout_ms).await;
                Err(PictureFault::Refused(fault))
            }
            Err(fault) => Err(fault),
        }
    }
}

impl EdgeCache for Runtime {
    async fn purge_tags(&self, tags: &[String]) -> Result<bool, String> {
        let Some(edge) = self.state.edge.borrow().clone() else {
            return Ok(false);
        };
        let mut purged = self.state.purged_tags.borrow_mut();
        purged.extend_from_slice(tags);
        self.state.edge_calls.set(self.state.edge_calls.get() + 1);
        edge.map(|()| true)
    }
}

impl Queue for Runtime {
    fn has_queue(&self) -> bool {
        self.state.sent.borrow().is_some()
    }

    async fn send(&self, message: &str, delay_s: u64) -> Result<(), String> {
        if let Some(sent) = self.state.sent.borrow_mut().as_mut() {
            sent.push((message.to_owned(), delay_s));
        }
        Ok(())
    }
}

impl RateLimit for Runtime {
    async fn admits(&self, charge: Charge) -> Result<bool, String> {
        self.state.charges.borrow_mut().push(charge);
        let mut admissions = self.state.admissions.borrow_mut();
        match admissions.len() {
            0 => Ok(true),
            1 => admissions[0].clone(),
            _ => admissions.remove(0),
        }
    }
}

impl Clock for Runtime {
    fn now_ms(&self) -> u64 {
        self.state.now_ms.get()
    }

    async fn sleep(&self, ms: u64) {
        let (fire, fired) = oneshot::channel();
        let due_ms = self.now_ms() + ms;
        self.state.timers.borrow_mut().push((due_ms, fire));
        let _ = fired.await;
    }

    fn random(&self) -> f64 {
        0.5
    }
}

impl Tasks for Runtime {
    type Signal = Signal;

    fn launch(&self, work: impl Future<Output = ()> + 'static) -> Signal {
        let work = if self.state.leaders_lost.get() {
            drop(work);
            pending().boxed_local()
        } else {
            work.boxed_local()
        };
        // Like a promise, the signal can be awaited without driving the work.
        let (end, ended) = oneshot::channel::<()>();
        let work = work.map(|()| drop(end));
        self.spawner.spawn_local(work).unwrap();
        ended.map(drop).boxed_local().shared()
    }

    async fn ended(&self, signal: Signal, timeout_ms: u64) {
        select(signal, pin!(self.sleep(timeout_ms))).await;
    }
}

impl Log for Runtime {
    fn log(&self, _level: LogLevel, line: &str) {
        self.state.log.borrow_mut().push(line.to_owned());
    }
}

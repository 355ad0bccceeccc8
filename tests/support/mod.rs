//! A runtime for the service on the host: a clock that moves when told, a KV and an origin that
//! count, wait at gates and fail as told.

// Each test file uses its own part of it.
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
use optimized_metadata::origin::response::{Object, OriginResponse};
use optimized_metadata::path::ImagePath;
use optimized_metadata::service::Purged;
use optimized_metadata::service::ports::{Bucket, Clock, Kv, KvFault, Origin, Page, Stored, Tasks};
use optimized_metadata::telemetry::log::Log;
use serde_json::{Value, json};

/// Where the clock stands at the beginning.
pub const START_MS: u64 = 1_760_000_000_000;

pub type Signal = Shared<LocalBoxFuture<'static, ()>>;

/// What the origin does with a request.
#[derive(Clone)]
pub enum Answer {
    Status(u16),
    Size(u32, u32),
    Refuse,
    /// As `Size`, once the gate is opened.
    Behind(Gate, u32, u32),
    Never,
}

/// Something that waits until the test opens it.
#[derive(Clone)]
pub struct Gate(Shared<LocalBoxFuture<'static, ()>>);

impl Gate {
    pub fn new() -> (Self, oneshot::Sender<()>) {
        let (open, opened) = oneshot::channel();
        (Self(opened.map(drop).boxed_local().shared()), open)
    }
}

#[derive(Default)]
struct World {
    now_ms: Cell<u64>,
    timers: RefCell<Vec<(u64, oneshot::Sender<()>)>>,
    answers: RefCell<Vec<Answer>>,
    asked: RefCell<Vec<String>>,
    /// `None` is an object that cannot be read.
    bucket: RefCell<HashMap<String, Option<Vec<u8>>>>,
    opened: RefCell<Vec<String>>,
    kv: RefCell<HashMap<String, (Stored, u64)>>,
    kv_fault: Cell<bool>,
    kv_unbound: Cell<bool>,
    kv_hangs: Cell<bool>,
    kv_read_gate: RefCell<Option<Gate>>,
    kv_gate: RefCell<Option<Gate>>,
    kv_reads: Cell<u32>,
    kv_writes: Cell<u32>,
    kv_deletions: Cell<u32>,
    leaders_die: Cell<bool>,
    log: RefCell<Vec<String>>,
}

/// The ports of every request of a test, and the levers behind them.
#[derive(Clone)]
pub struct Runtime {
    world: Rc<World>,
    spawner: LocalSpawner,
}

/// A service in a world of its own.
pub struct Isolate {
    pub service: Rc<OptimizedMetadataService<Signal>>,
    pub runtime: Runtime,
    pool: LocalPool,
}

pub type Outcome = Result<Lookup, LookupError>;

impl Isolate {
    pub fn new(settings: Value) -> Self {
        let pool = LocalPool::new();
        let runtime = Runtime {
            world: Rc::default(),
            spawner: pool.spawner(),
        };
        runtime.world.now_ms.set(START_MS);
        Self {
            service: service(settings),
            runtime,
            pool,
        }
    }

    /// Begins a request and runs everything as far as it goes without the clock moving.
    pub fn begin(&mut self, path: &str) -> Pending<Outcome> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let path = ImagePath::from_raw(path).unwrap();
        self.spawn(async move { service.fetch_metadata(&path, &runtime).await })
    }

    /// A whole request, with all that it leaves behind.
    pub fn get(&mut self, path: &str) -> Outcome {
        let pending = self.begin(path);
        self.finish(pending)
    }

    /// The outcome of a request that can be finished without the clock moving.
    pub fn finish<T>(&mut self, mut pending: Pending<T>) -> T {
        self.pool.run_until_stalled();
        let outcome = (&mut pending.0).now_or_never();
        outcome.expect("the request still waits for something")
    }

    /// Begins a batch.
    pub fn begin_batch(&mut self, paths: &[&str]) -> Pending<Vec<Outcome>> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let paths: Vec<_> = paths
            .iter()
            .map(|path| ImagePath::from_raw(path).unwrap())
            .collect();
        self.spawn(async move { service.fetch_batch(&paths, &runtime).await })
    }

    pub fn spawn<T: 'static>(&mut self, work: impl Future<Output = T> + 'static) -> Pending<T> {
        let handle = self.runtime.spawner.spawn_local_with_handle(work);
        self.pool.run_until_stalled();
        Pending(Box::pin(handle.unwrap()))
    }

    /// Purges what is below a folder, or everything.
    pub fn purge_below(
        &mut self,
        folder: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Purged, KvFault> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let folder = folder.map(|folder| ImagePath::from_raw(folder).unwrap());
        let purge = service.purge_below(folder.as_ref(), cursor, &runtime);
        self.pool.run_until(purge)
    }

    /// Purges an image.
    pub fn purge(&mut self, path: &str) -> Result<(), KvFault> {
        let (service, runtime) = (Rc::clone(&self.service), self.runtime.clone());
        let path = ImagePath::from_raw(path).unwrap();
        self.pool
            .run_until(async move { service.purge(&path, &runtime).await })
    }

    /// Moves the clock step by step, so that timers fire in their order.
    pub fn advance(&mut self, ms: u64) {
        let world = Rc::clone(&self.runtime.world);
        let until_ms = world.now_ms.get() + ms;
        loop {
            self.pool.run_until_stalled();
            let next = world.timers.borrow().iter().map(|timer| timer.0).min();
            let Some(next_ms) = next.filter(|next_ms| *next_ms <= until_ms) else {
                break;
            };
            world.now_ms.set(next_ms.max(world.now_ms.get()));
            let due: Vec<_> = world
                .timers
                .borrow_mut()
                .extract_if(.., |timer| timer.0 <= next_ms)
                .collect();
            for (_, fire) in due {
                // Nobody may be waiting any more.
                let _ = fire.send(());
            }
        }
        world.now_ms.set(until_ms);
        self.pool.run_until_stalled();
    }

    /// A new isolate beside the same KV and origin.
    pub fn restart(&mut self, settings: Value) {
        self.service = service(settings);
    }
}

fn service(mut settings: Value) -> Rc<OptimizedMetadataService<Signal>> {
    if settings.get("originUrl").is_none() {
        settings["originUrl"] = json!("https://images.test");
    }
    OptimizedMetadataService::new(Config::from_json(&settings).unwrap())
}

pub struct Pending<T>(Pin<Box<dyn Future<Output = T>>>);

impl Runtime {
    /// What the origin answers from now on: each once, the last one for good.
    pub fn origin_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        answers.reverse();
        *self.world.answers.borrow_mut() = answers;
    }

    /// Puts an object into the bucket, or `None` for one that cannot be read.
    pub fn put_object(&self, key: &str, bytes: Option<&[u8]>) {
        let object = bytes.map(<[u8]>::to_vec);
        self.world.bucket.borrow_mut().insert(key.into(), object);
    }

    /// The keys that the bucket was asked for.
    pub fn opened(&self) -> Vec<String> {
        self.world.opened.borrow().clone()
    }

    pub fn asked(&self) -> usize {
        self.world.asked.borrow().len()
    }

    pub fn urls(&self) -> Vec<String> {
        self.world.asked.borrow().clone()
    }

    /// KV reads, writes and deletions so far.
    pub fn kv_operations(&self) -> (u32, u32, u32) {
        let world = &self.world;
        (
            world.kv_reads.get(),
            world.kv_writes.get(),
            world.kv_deletions.get(),
        )
    }

    pub fn kv_fails(&self, fails: bool) {
        self.world.kv_fault.set(fails);
    }

    pub fn kv_is_unbound(&self) {
        self.world.kv_unbound.set(true);
    }

    pub fn kv_hangs(&self, hangs: bool) {
        self.world.kv_hangs.set(hangs);
    }

    /// Lets every read of one key wait for a gate, with what it has read.
    pub fn kv_reads_wait(&self, gate: Gate) {
        *self.world.kv_read_gate.borrow_mut() = Some(gate);
    }

    /// Lets every write wait for a gate.
    pub fn kv_writes_wait(&self, gate: Gate) {
        *self.world.kv_gate.borrow_mut() = Some(gate);
    }

    pub fn put(&self, key: &str, stored: Stored) {
        self.world
            .kv
            .borrow_mut()
            .insert(key.to_owned(), (stored, 0));
    }

    /// As a purge elsewhere does it.
    pub fn remove(&self, key: &str) {
        self.world.kv.borrow_mut().remove(key);
    }

    pub fn stored(&self, key: &str) -> Option<(Stored, u64)> {
        self.world.kv.borrow().get(key).cloned()
    }

    /// Whether flights that are launched from now on are lost without a trace.
    pub fn leaders_die(&self, die: bool) {
        self.world.leaders_die.set(die);
    }

    pub fn log(&self) -> Vec<String> {
        self.world.log.borrow().clone()
    }

    async fn kv<T>(
        &self,
        count: &Cell<u32>,
        timeout_ms: u64,
        result: impl FnOnce() -> T,
    ) -> Result<T, KvFault> {
        if self.world.kv_unbound.get() {
            return Err(KvFault::Unbound);
        }
        count.set(count.get() + 1);
        if self.world.kv_hangs.get() {
            self.sleep(timeout_ms).await;
            return Err(KvFault::Timeout);
        }
        if self.world.kv_fault.get() {
            return Err(KvFault::Failed("KV GET failed: 503".to_owned()));
        }
        Ok(result())
    }
}

impl Kv for Runtime {
    async fn read(&self, key: &str, _: u64, timeout_ms: u64) -> Result<Stored, KvFault> {
        let read = || self.stored(key).map_or(Stored::Nothing, |found| found.0);
        let stored = self.kv(&self.world.kv_reads, timeout_ms, read).await;
        let gate = self.world.kv_read_gate.borrow().clone();
        if let Some(gate) = gate {
            gate.0.await;
        }
        stored
    }

    async fn read_many(
        &self,
        keys: &[Rc<str>],
        _: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault> {
        let read = |key: &Rc<str>| self.stored(key).map_or(Stored::Nothing, |found| found.0);
        let read_all = || keys.iter().map(read).collect();
        self.kv(&self.world.kv_reads, timeout_ms, read_all).await
    }

    async fn list(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault> {
        let page = || {
            let mut keys: Vec<String> = self.world.kv.borrow().keys().cloned().collect();
            keys.retain(|key| key.starts_with(prefix) && cursor.is_none_or(|last| &**key > last));
            keys.sort();
            let more = keys.len() > limit as usize;
            keys.truncate(limit as usize);
            let cursor = keys.last().filter(|_| more).cloned();
            Page { keys, cursor }
        };
        self.kv(&self.world.kv_reads, timeout_ms, page).await
    }

    async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault> {
        let gate = self.world.kv_gate.borrow().clone();
        if let Some(gate) = gate {
            gate.0.await;
        }
        let write = || {
            let stored = (Stored::Metadata(metadata.to_owned()), ttl_s);
            self.world.kv.borrow_mut().insert(key.to_owned(), stored);
        };
        self.kv(&self.world.kv_writes, timeout_ms, write).await
    }

    async fn delete(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault> {
        let delete = || self.world.kv.borrow_mut().remove(key);
        self.kv(&self.world.kv_deletions, timeout_ms, delete)
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
        url: &str,
        limits: Limits,
        deadline: &u64,
    ) -> Result<OriginResponse, OriginFault> {
        self.world.asked.borrow_mut().push(url.to_owned());
        let answer = {
            let mut answers = self.world.answers.borrow_mut();
            if answers.len() > 1 {
                answers.pop()
            } else {
                answers.last().cloned()
            }
        };
        let size = match answer.expect("the origin was asked and has no answer") {
            Answer::Size(width, height) => (width, height),
            Answer::Behind(gate, width, height) => {
                gate.0.await;
                (width, height)
            }
            Answer::Status(status) => {
                return Ok(OriginResponse {
                    status,
                    ..OriginResponse::default()
                });
            }
            Answer::Refuse => return Err(ErrorKind::OriginUnreachable.into()),
            Answer::Never => {
                self.sleep(deadline - self.now_ms()).await;
                return Err(ErrorKind::OriginTimeout.into());
            }
        };
        let body =
            json!({ "original": { "width": size.0, "height": size.1, "format": "image/png" } });
        Ok(OriginResponse {
            status: 200,
            prefix: Some(BodyPrefix::whole(limits, None, body.to_string().as_bytes())),
            ..OriginResponse::default()
        })
    }
}

impl Bucket for Runtime {
    async fn open(
        &self,
        key: &str,
        mut prefix: BodyPrefix,
        _: u64,
    ) -> Result<Option<Object>, OriginFault> {
        self.world.opened.borrow_mut().push(key.to_owned());
        match self.world.bucket.borrow().get(key) {
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

impl Clock for Runtime {
    fn now_ms(&self) -> u64 {
        self.world.now_ms.get()
    }

    async fn sleep(&self, ms: u64) {
        let (fire, fired) = oneshot::channel();
        let due_ms = self.now_ms() + ms;
        self.world.timers.borrow_mut().push((due_ms, fire));
        let _ = fired.await;
    }

    fn random(&self) -> f64 {
        0.5
    }
}

impl Tasks for Runtime {
    type Signal = Signal;

    fn launch(&self, work: impl Future<Output = ()> + 'static) -> Signal {
        let work = if self.world.leaders_die.get() {
            drop(work);
            pending().boxed_local()
        } else {
            work.boxed_local()
        };
        // As with a promise, whoever waits for it does not run the work.
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
        self.world.log.borrow_mut().push(line.to_owned());
    }
}

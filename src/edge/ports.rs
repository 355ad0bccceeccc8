//! Implements the service's ports for one request.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use futures::FutureExt;
use web_sys::AbortSignal;

use super::bound::Bound;
use super::clock::now_ms;
use super::console::Console;
use super::incoming::Incoming;
use super::kv::Namespace;
use super::tasks::Context;
use super::{edge_cache, header_probe, origin, picture, tasks, timer};
use crate::config::LogLevel;
use crate::image::header::Limits;
use crate::image::prefix::BodyPrefix;
use crate::origin::endpoint::Probe;
use crate::origin::error::{ErrorKind, OriginFault};
use crate::origin::request::OriginRequest;
use crate::origin::response::{Object, OriginResponse};
use crate::placeholder::pixels::Pixels;
use crate::service::picture::{PictureFault, PictureSource};
use crate::service::ports::{
    self, Charge, Clock, EdgeCache, Kv, KvFault, Origin, Page, Pictures, Queue, RateLimit, Stored,
    Tasks,
};
use crate::telemetry::log::Log;

/// The ports of one request, which use its I/O context.
#[derive(Clone)]
pub(super) struct RequestPorts {
    context: Context,
    bound: Rc<Bound>,
    watched: Option<Incoming>,
    has_launched: Rc<Cell<bool>>,
    /// The client to charge. A call from another Worker has none.
    client: Option<Rc<str>>,
}

impl RequestPorts {
    pub(super) fn new(context: Context, bound: &Rc<Bound>) -> Self {
        Self {
            context,
            bound: Rc::clone(bound),
            watched: None,
            has_launched: Rc::default(),
            client: None,
        }
    }

    /// Cancels `request` when its client disconnects, if it only waits for work of another request. If it has work of
    /// its own, its context continues until both are complete.
    pub(super) fn watching(self, request: &Incoming) -> Self {
        Self {
            watched: Some(request.clone()),
            ..self
        }
    }

    /// Charges this client for what its request causes.
    pub(super) fn charging(self, client: Option<String>) -> Self {
        Self {
            client: client.map(Rc::from),
            ..self
        }
    }

    fn kv(&self) -> Result<&Namespace, KvFault> {
        self.bound.kv.as_ref().ok_or(KvFault::Unbound)
    }
}

impl ports::Ports for RequestPorts {}

impl Kv for RequestPorts {
    async fn read(&self, key: &str, cache_ttl_s: u64, timeout_ms: u64) -> Result<Stored, KvFault> {
        self.kv()?.read(key, cache_ttl_s, timeout_ms).await
    }

    async fn read_many(
        &self,
        keys: &[Rc<str>],
        cache_ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<Vec<Stored>, KvFault> {
        self.kv()?.read_many(keys, cache_ttl_s, timeout_ms).await
    }

    async fn list(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
        timeout_ms: u64,
    ) -> Result<Page, KvFault> {
        self.kv()?.list(prefix, cursor, limit, timeout_ms).await
    }

    async fn write(
        &self,
        key: &str,
        metadata: &str,
        ttl_s: u64,
        timeout_ms: u64,
    ) -> Result<(), KvFault> {
        self.kv()?.write(key, metadata, ttl_s, timeout_ms).await
    }

    async fn delete(&self, key: &str, timeout_ms: u64) -> Result<(), KvFault> {
        self.kv()?.remove(key, timeout_ms).await
    }
}

impl Origin for RequestPorts {
    type Deadline = AbortSignal;

    fn deadline(&self, timeout_ms: u64) -> AbortSignal {
        origin::deadline(timeout_ms)
    }

    async fn ask(
        &self,
        request: &OriginRequest<'_>,
        limits: Limits,
        deadline: &AbortSignal,
    ) -> Result<OriginResponse, OriginFault> {
        let service = match request.service {
            None => None,
            // Always bound here: a service that is not bound is a configuration error.
            Some(name) => Some(
                self.bound
                    .service(name)
                    .ok_or(ErrorKind::OriginUnreachable)?,
            ),
        };
        if request.probe == Probe::Header {
            // Boxed for the same reason as the future of a bucket.
            let read = header_probe::read(service, request, limits, deadline);
            return read.boxed_local().await;
        }
        origin::ask(service, request, limits, deadline).await
    }
}

impl ports::Bucket for RequestPorts {
    async fn open(
        &self,
        binding: &str,
        key: &str,
        prefix: BodyPrefix,
        timeout_ms: u64,
    ) -> Result<Option<Object>, OriginFault> {
        // Always bound here: a configured bucket that is not bound is a configuration error.
        let bucket = self
            .bound
            .bucket(binding)
            .ok_or(ErrorKind::OriginUnreachable)?;
        // The future is boxed and thus a function of its own, which an isolate without a bucket does not compile.
        bucket.open(key, prefix, timeout_ms).boxed_local().await
    }
}

impl Pictures for RequestPorts {
    async fn picture(
        &self,
        source: PictureSource<'_>,
        timeout_ms: u64,
    ) -> Result<Pixels, PictureFault> {
        // Boxed for the same reason as the future of a bucket.
        picture::make(&self.bound, source, timeout_ms)
            .boxed_local()
            .await
    }
}

impl EdgeCache for RequestPorts {
    async fn purge_tags(&self, tags: &[String]) -> Result<bool, String> {
        edge_cache::purge_tags(tags).await
    }
}

impl Queue for RequestPorts {
    fn has_queue(&self) -> bool {
        self.bound.queue.is_some()
    }

    async fn send(&self, message: &str, delay_s: u64) -> Result<(), String> {
        match &self.bound.queue {
            Some(queue) => queue.send_message(message, delay_s).await,
            None => Ok(()),
        }
    }
}

impl RateLimit for RequestPorts {
    async fn admits(&self, charge: Charge) -> Result<bool, String> {
        let (Some(limiter), Some(client)) = (&self.bound.limiter, &self.client) else {
            return Ok(true);
        };
        let subject = match charge {
            Charge::Origin => "origin",
            Charge::Admin => "admin",
        };
        // Boxed, so that the Worker has its code once, and not in each caller.
        limiter
            .admits([subject, ":", client].concat())
            .boxed_local()
            .await
    }
}

impl Clock for RequestPorts {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    async fn sleep(&self, ms: u64) {
        timer::sleep(ms).await;
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }
}

impl Tasks for RequestPorts {
    type Signal = tasks::Signal;

    fn launch(&self, work: impl Future<Output = ()> + 'static) -> Self::Signal {
        self.has_launched.set(true);
        tasks::launch(&self.context, work)
    }

    async fn ended(&self, signal: Self::Signal, timeout_ms: u64) {
        if let Some(request) = self.watched.as_ref().filter(|_| !self.has_launched.get()) {
            request.watch();
        }
        tasks::ended(signal, timeout_ms).await;
    }
}

impl Log for RequestPorts {
    fn log(&self, level: LogLevel, line: &str) {
        Console.log(level, line);
    }
}

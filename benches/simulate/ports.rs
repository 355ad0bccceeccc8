//! A runtime whose clock the trace advances, and whose every response is ready immediately.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use futures::FutureExt;
use optimized_metadata::config::LogLevel;
use optimized_metadata::image::header::Limits;
use optimized_metadata::image::prefix::BodyPrefix;
use optimized_metadata::origin::error::OriginFault;
use optimized_metadata::origin::request::OriginRequest;
use optimized_metadata::origin::response::{Object, OriginResponse};
use optimized_metadata::placeholder::pixels::Pixels;
use optimized_metadata::service::picture::{PictureFault, PictureSource};
use optimized_metadata::service::ports::{
    Bucket, Charge, Clock, EdgeCache, Kv, KvFault, Origin, Page, Pictures, Ports, Queue, RateLimit,
    Stored, Tasks,
};
use optimized_metadata::telemetry::log::Log;

use super::origin::response;
use super::past::Past;
use super::store::{Location, Store, Value};

/// The clock, KV and the origin, which all isolates share, with counts of their operations.
pub struct World {
    pub now_ms: Cell<u64>,
    pub kv_reads: Cell<u64>,
    pub kv_writes: Cell<u64>,
    pub origin_fetches: Cell<u64>,
    pub store: RefCell<Store>,
    /// The initial content of KV. If `None`, KV begins empty.
    pub past: Option<Past>,
}

/// The ports for requests in one location.
#[derive(Clone)]
pub struct Runtime {
    pub world: Rc<World>,
    pub location: Location,
}

/// Returns the path of an image.
pub fn path_of(image: u32) -> String {
    format!("{image}.jpg")
}

fn image_of(key: &str) -> u32 {
    let number = key
        .strip_prefix("metadata:")
        .and_then(|path| path.strip_suffix(".jpg"));
    number
        .and_then(|number| number.parse().ok())
        .expect("a key of the trace")
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Ports for Runtime {}

impl Kv for Runtime {
    async fn read(&self, key: &str, _: u64, _: u64) -> Result<Stored, KvFault> {
        let (world, image) = (&self.world, image_of(key));
        count(&world.kv_reads);
        let past = || world.past.as_ref()?.value(image, key);
        let mut store = world.store.borrow_mut();
        let json = store.read(self.location, image, self.now_ms(), past);
        Ok(json.map_or(Stored::Nothing, |json| Stored::Metadata(json.to_string())))
    }

    async fn write(&self, key: &str, json: &str, ttl_s: u64, _: u64) -> Result<(), KvFault> {
        count(&self.world.kv_writes);
        let now_ms = self.now_ms();
        let value = Value {
            json: json.into(),
            expires_ms: now_ms + ttl_s * 1_000,
        };
        let mut store = self.world.store.borrow_mut();
        store.write(self.location, image_of(key), now_ms, value);
        Ok(())
    }

    async fn read_many(&self, _: &[Rc<str>], _: u64, _: u64) -> Result<Vec<Stored>, KvFault> {
        unreachable!("no trace has batches")
    }

    async fn list(&self, _: &str, _: Option<&str>, _: u32, _: u64) -> Result<Page, KvFault> {
        unreachable!("no trace purges")
    }

    async fn delete(&self, _: &str, _: u64) -> Result<(), KvFault> {
        unreachable!("no trace purges")
    }
}

impl Origin for Runtime {
    type Deadline = ();

    fn deadline(&self, _: u64) {}

    async fn ask(
        &self,
        _: &OriginRequest<'_>,
        limits: Limits,
        (): &(),
    ) -> Result<OriginResponse, OriginFault> {
        count(&self.world.origin_fetches);
        Ok(response(limits))
    }
}

impl Bucket for Runtime {
    async fn open(
        &self,
        _: &str,
        _: &str,
        _: BodyPrefix,
        _: u64,
    ) -> Result<Option<Object>, OriginFault> {
        unreachable!("there is no bucket")
    }
}

impl Pictures for Runtime {
    async fn picture(&self, _: PictureSource<'_>, _: u64) -> Result<Pixels, PictureFault> {
        unreachable!("no settings have placeholders")
    }
}

impl EdgeCache for Runtime {
    async fn purge_tags(&self, _: &[String]) -> Result<bool, String> {
        Ok(false)
    }
}

impl Queue for Runtime {
    fn has_queue(&self) -> bool {
        false
    }

    async fn send(&self, _: &str, _: u64) -> Result<(), String> {
        Ok(())
    }
}

impl RateLimit for Runtime {
    async fn admits(&self, _: Charge) -> Result<bool, String> {
        Ok(true)
    }
}

impl Clock for Runtime {
    fn now_ms(&self) -> u64 {
        self.world.now_ms.get()
    }

    async fn sleep(&self, _: u64) {
        unreachable!("nothing fails, so nothing is retried")
    }

    fn random(&self) -> f64 {
        0.5
    }
}

impl Tasks for Runtime {
    type Signal = ();

    fn launch(&self, work: impl Future<Output = ()> + 'static) {
        work.now_or_never()
            .expect("every response is ready immediately");
    }

    async fn ended(&self, (): (), _: u64) {}
}

impl Log for Runtime {
    fn log(&self, _: LogLevel, line: &str) {
        unreachable!("nothing fails: {line}")
    }
}

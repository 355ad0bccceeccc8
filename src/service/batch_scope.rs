//! What the fetches of one batch share: a bulk read of KV, and a queue for the origin.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};

use super::ports::{KvFault, Ports, Stored};
use super::semaphore::{FETCHES_AT_A_TIME, Permit, Semaphore};
use crate::config::QUEUE_MS;

type Readings = Result<Vec<(Rc<str>, Stored)>, KvFault>;

/// A scope must not outlive its request: its futures wake that request only.
#[derive(Debug, Clone)]
pub(super) struct BatchScope {
    keys: Rc<RefCell<Vec<Rc<str>>>>,
    readings: Shared<LocalBoxFuture<'static, Rc<Readings>>>,
    pub(super) semaphore: Semaphore,
}

impl BatchScope {
    pub(super) fn new<P: Ports>(ports: &P, cache_ttl_s: u64, timeout_ms: u64) -> Self {
        let keys = Rc::<RefCell<Vec<Rc<str>>>>::default();
        let (ports, wanted) = (ports.clone(), Rc::clone(&keys));
        // The first fetch that waits for it starts the read. By then all keys are added: the runtime runs no fetch before
        // the batch itself waits.
        let readings = async move {
            let wanted = wanted.take();
            Rc::new(
                ports
                    .read_many(&wanted, cache_ttl_s, timeout_ms)
                    .await
                    .map(|stored| wanted.into_iter().zip(stored).collect()),
            )
        };
        Self {
            keys,
            readings: readings.boxed_local().shared(),
            semaphore: Semaphore::new(FETCHES_AT_A_TIME),
        }
    }

    /// Waits for a turn at the origin. `None` if the wait took too long.
    pub(super) async fn turn(&self, ports: &impl Ports) -> Option<Permit> {
        let queued_ms = ports.now_ms();
        let permit = self.semaphore.acquire().await;
        let waited_ms = ports.now_ms().saturating_sub(queued_ms);
        (waited_ms <= QUEUE_MS).then_some(permit)
    }

    /// Adds a key to the bulk read.
    pub(super) fn add(&self, key: &Rc<str>) {
        self.keys.borrow_mut().push(Rc::clone(key));
    }

    /// Returns the record of `key`. `None` if the key was added after the bulk read had started.
    pub(super) async fn read(&self, key: &str) -> Option<Result<Stored, KvFault>> {
        match &*self.readings.clone().await {
            Ok(readings) => {
                let reading = readings.iter().find(|(read, _)| **read == *key);
                reading.map(|(_, stored)| Ok(stored.clone()))
            }
            Err(fault) => Some(Err(fault.clone())),
        }
    }
}

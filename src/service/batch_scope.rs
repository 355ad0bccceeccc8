//! The flights that one batch leads: they share one read of KV, and queue for the origin.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};

use super::ports::{KvFault, Ports, Stored};
use super::semaphore::{Permit, Semaphore};

/// How many images of one batch are fetched at a time. A Worker may wait for the headers of six
/// answers at once; more would only queue in the runtime, with their deadlines running.
const AT_A_TIME: usize = 6;

/// How long an image may queue for the origin before it is refused.
const QUEUE_MS: u64 = 15_000;

type Readings = Result<Vec<(Rc<str>, Stored)>, KvFault>;

/// What the flights of one batch share. It must not leave the request that began it.
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
        // Begun by the first flight that waits for it. Flights run after all have joined: the
        // runtime begins none of them before the batch itself waits.
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
            semaphore: Semaphore::new(AT_A_TIME),
        }
    }

    /// Waits for a turn at the origin; `None` if it comes too late.
    pub(super) async fn turn(&self, ports: &impl Ports) -> Option<Permit> {
        let queued_ms = ports.now_ms();
        let permit = self.semaphore.acquire().await;
        let waited_ms = ports.now_ms().saturating_sub(queued_ms);
        (waited_ms <= QUEUE_MS).then_some(permit)
    }

    /// Adds a key to the one read.
    pub(super) fn add(&self, key: &Rc<str>) {
        self.keys.borrow_mut().push(Rc::clone(key));
    }

    /// What KV holds under `key`; `None` where the key joined after the one read had begun.
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

//! What the leader of a flight does: look in memory again, read KV, ask the origin, keep the
//! result, and write KV behind the answer.

use std::rc::Rc;

use super::kv_layer::KvAnswer;
use super::{OptimizedMetadataService, Recall};
use crate::cache::entry::Entry;
use crate::cache::freshness::Freshness;
use crate::cache::negative_cache::CachedError;
use crate::cache::record::Record;
use crate::image::metadata::ImageMetadata;
use crate::image::prefix::BodyPrefix;
use crate::lookup::Layer;
use crate::origin::error::{ErrorKind, OriginError, OriginFault};
use crate::origin::id::OriginId;
use crate::path::ImagePath;
use crate::service::batch_scope::BatchScope;
use crate::service::fetch_outcome::{AfterKv, Fallback, FetchOutcome, FlightEnd};
use crate::service::ports::Ports;
use crate::service::single_flight::{Flight, Join};
use crate::telemetry::log::Event;

/// The pause before the one retry: this, and up to twice as much.
const RETRY_PAUSE_MS: f64 = 50.0;

/// Why a flight begins, and with what.
#[derive(Debug, Clone)]
pub(crate) enum Trigger {
    /// Memory has no answer, and a request waits for one. What memory holds may stand in.
    Miss(Option<Rc<Entry>>),
    /// Memory has answered with what is stale. KV may have something newer.
    StaleInMemory(Rc<Entry>),
    /// KV was read for a request that waits: only the origin is left.
    NotInKv(AfterKv),
    /// What KV holds is stale, too: only the origin is left.
    StaleInKv(AfterKv),
}

impl Trigger {
    /// Whether nobody waits for the outcome.
    fn is_refresh(&self) -> bool {
        matches!(self, Self::StaleInMemory(_) | Self::StaleInKv(_))
    }

    /// Whether KV is read.
    pub(crate) fn reads_kv(&self) -> bool {
        matches!(self, Self::Miss(_) | Self::StaleInMemory(_))
    }
}

/// What an origin returned, and which one it was.
struct Fetched {
    metadata: ImageMetadata,
    origin: Option<OriginId>,
}

/// One flight's work, and all it needs to outlive the request that began it.
#[derive(Clone)]
pub(crate) struct Fetch<P: Ports> {
    pub(super) service: Rc<OptimizedMetadataService<P::Signal>>,
    pub(super) flight: Rc<Flight<P::Signal, FlightEnd>>,
    pub(super) path: ImagePath,
    pub(super) key: Rc<str>,
    pub(super) batch: Option<BatchScope>,
    pub(super) ports: P,
}

impl<P: Ports> Fetch<P> {
    pub(crate) fn new(
        service: &Rc<OptimizedMetadataService<P::Signal>>,
        flight: Rc<Flight<P::Signal, FlightEnd>>,
        path: &ImagePath,
        key: &Rc<str>,
        batch: Option<&BatchScope>,
        ports: &P,
    ) -> Self {
        Self {
            service: Rc::clone(service),
            flight,
            path: path.clone(),
            key: Rc::clone(key),
            batch: batch.cloned(),
            ports: ports.clone(),
        }
    }

    /// Begins the work.
    pub(crate) fn launch(self, trigger: Trigger) {
        let flight = Rc::clone(&self.flight);
        let ports = self.ports.clone();
        flight.set_signal(ports.launch(async move { self.lead(trigger).await }));
    }

    async fn lead(self, trigger: Trigger) {
        let is_refresh = trigger.is_refresh();
        let end = match trigger {
            Trigger::Miss(held) => self.look(held).await,
            Trigger::StaleInMemory(entry) => self.look(Some(entry)).await,
            Trigger::NotInKv(known) | Trigger::StaleInKv(known) => self.in_turn(known).await,
        };
        self.service
            .flights
            .borrow_mut()
            .complete(&self.key, &self.flight, end.clone());
        // A purge that came meanwhile must not find its record again as what a refresh falls back on.
        if self.flight.is_invalidated() {
            return;
        }
        match end {
            FlightEnd::NeedsOrigin(known) if is_refresh => self.refresh_in_turn(known),
            FlightEnd::Completed(outcome) if outcome.layer == Layer::Kv => {
                if let Ok(entry) = outcome.result {
                    self.refresh_if_stale(entry, is_refresh);
                }
            }
            _ => {}
        }
    }

    /// Goes on to the origin for a record of KV that is stale, unless the origin failed a moment ago.
    fn refresh_if_stale(&self, entry: Rc<Entry>, is_refresh: bool) {
        let now_ms = self.ports.now_ms();
        let state = entry.state(&self.service.freshness, now_ms);
        let is_failing = || {
            let mut errors = self.service.negative_cache.borrow_mut();
            errors.get(&self.key, now_ms).is_some()
        };
        if state != Freshness::StaleWhileRevalidate || is_failing() {
            return;
        }
        let known = AfterKv {
            fallback: Some(Fallback::in_memory(entry)),
            in_kv: false,
            kv_ms: None,
        };
        let (key, batch) = (&self.key, self.batch.as_ref());
        let trigger = Trigger::StaleInKv(known);
        let began = self
            .service
            .refresh(&self.path, key, trigger, batch, &self.ports);
        // Where memory was stale, this goes on with a refresh that is counted already.
        if began && !is_refresh {
            self.service.metrics.refreshes.count();
        }
    }

    /// Refreshes once the batch has its turn. This is a task of its own, for which no request waits.
    fn refresh_in_turn(self, known: AfterKv) {
        let ports = self.ports.clone();
        ports.launch(async move {
            let Some(batch) = &self.batch else { return };
            let Some(_permit) = batch.turn(&self.ports).await else {
                return;
            };
            let (service, trigger) = (&self.service, Trigger::StaleInKv(known));
            let now_ms = self.ports.now_ms();
            let joining = service.flights.borrow_mut().join(&self.key, now_ms);
            if let Join::Lead(flight) = joining {
                let (path, key) = (&self.path, &self.key);
                Fetch::new(service, Rc::clone(&flight), path, key, None, &self.ports)
                    .launch(trigger);
                service.wait(&flight, now_ms, &self.ports).await;
            }
        });
    }

    /// Asks the origin, or says that the batch has no turn for it yet.
    async fn in_turn(&self, known: AfterKv) -> FlightEnd {
        // Another flight may have been there since KV was read.
        if let Some(outcome) = self.in_memory().or_else(|| self.while_origin_fails(&known)) {
            return FlightEnd::Completed(outcome);
        }
        let _permit = match &self.batch {
            None => None,
            Some(batch) => match batch.semaphore.try_acquire() {
                None => return FlightEnd::NeedsOrigin(known),
                permit => permit,
            },
        };
        self.ask_origin(known).await
    }

    fn in_memory(&self) -> Option<FetchOutcome> {
        match self.service.recall(&self.key, self.ports.now_ms()) {
            Recall::Hit(entry) => Some(FetchOutcome {
                result: Ok(entry),
                layer: Layer::Memory,
                kv_ms: None,
                origin_ms: None,
            }),
            _ => None,
        }
    }

    async fn look(&self, held: Option<Rc<Entry>>) -> FlightEnd {
        // Two followers of a lost leader take over one after the other where the first one's
        // flight lands between the second's waking up and its joining: the entry is there then.
        if let Some(outcome) = self.in_memory() {
            return FlightEnd::Completed(outcome);
        }
        let started_ms = self.ports.now_ms();
        let answer = self.read_kv().await;
        let kv_ms = self
            .service
            .config
            .cache_enabled
            .then(|| self.ports.now_ms().saturating_sub(started_ms));
        let held = held.map(Fallback::in_memory);
        let (fallback, in_kv) = match answer {
            KvAnswer::Usable(entry) => {
                let state = entry.state(&self.service.freshness, self.ports.now_ms());
                if state == Freshness::Fresh {
                    self.keep(&entry);
                } else {
                    self.keep_stale(&entry);
                }
                return FlightEnd::Completed(FetchOutcome {
                    result: Ok(entry),
                    layer: Layer::Kv,
                    kv_ms,
                    origin_ms: None,
                });
            }
            KvAnswer::LastResort(entry) => (Some(Fallback::newer(held, entry)), true),
            KvAnswer::Useless => (held, true),
            KvAnswer::Nothing => {
                self.evict();
                (None, false)
            }
            KvAnswer::Unknown => (held, false),
        };
        let known = AfterKv {
            fallback,
            in_kv,
            kv_ms,
        };
        self.in_turn(known).await
    }

    /// The outcome if the origin failed a moment ago: it is not asked again yet.
    fn while_origin_fails(&self, known: &AfterKv) -> Option<FetchOutcome> {
        let now_ms = self.ports.now_ms();
        let mut errors = self.service.negative_cache.borrow_mut();
        let cached = errors.get(&self.key, now_ms)?;
        let fallback = known.fallback.as_ref();
        let fallback = fallback.filter(|_| cached.error.allows_stale());
        let (result, layer) = match fallback {
            Some(fallback) => (Ok(Rc::clone(&fallback.entry)), fallback.layer),
            None => {
                errors.clear_fallback(&self.key);
                (Err(cached), Layer::Memory)
            }
        };
        drop(errors);
        if let Ok(entry) = &result {
            self.keep_stale(entry);
        }
        Some(FetchOutcome {
            result,
            layer,
            kv_ms: known.kv_ms,
            origin_ms: None,
        })
    }

    async fn ask_origin(&self, known: AfterKv) -> FlightEnd {
        let (in_kv, kv_ms) = (known.in_kv, known.kv_ms);
        let started_ms = self.ports.now_ms();
        let result = self.ask_with_one_retry().await;
        self.service.metrics.origin.count(result.is_ok());
        let now_ms = self.ports.now_ms();
        let outcome = |result, layer| FetchOutcome {
            result,
            layer,
            kv_ms,
            origin_ms: Some(now_ms.saturating_sub(started_ms)),
        };
        let OriginFault { error, message } = match result {
            Ok(Fetched { metadata, origin }) => {
                let entry = self.entry(metadata.clone(), now_ms);
                let stored = self.service.config.cache_enabled && !self.flight.is_invalidated();
                self.keep(&entry);
                self.write_kv_behind(&Record {
                    metadata,
                    last_fetched_ms: Some(now_ms),
                    origin,
                });
                return FlightEnd::Completed(outcome(Ok(entry), Layer::Origin { stored }));
            }
            Err(fault) => fault,
        };
        let event = Event::OriginFailure {
            path: &self.path.encoded(),
            error: &error,
            cause: message.as_deref(),
        };
        self.service.log(&event, &self.ports);
        let fallback = known.fallback.as_ref();
        let stands_in = error.allows_stale() && fallback.is_some();
        let cached = self.remember(error, stands_in, now_ms);
        if !error.allows_stale() {
            self.forget(in_kv || fallback.is_some());
        }
        let outcome = match fallback.filter(|_| stands_in) {
            Some(Fallback { entry, layer }) => {
                self.keep_stale(entry);
                outcome(Ok(Rc::clone(entry)), *layer)
            }
            None => outcome(Err(cached), Layer::Origin { stored: false }),
        };
        if error.is_private() {
            FlightEnd::Private(outcome, known)
        } else {
            FlightEnd::Completed(outcome)
        }
    }

    async fn ask_with_one_retry(&self) -> Result<Fetched, OriginFault> {
        let config = &self.service.config;
        let started_ms = self.ports.now_ms();
        let deadline = self.ports.deadline(config.origin_timeout_ms);
        let mut is_retry = false;
        // A loop, so that what it awaits is in the Worker once.
        loop {
            let result = match self.ask_bucket(started_ms).await {
                Some(result) => result,
                None => self.ask_url(&deadline).await,
            };
            let retries = |fault: &OriginFault| !is_retry && fault.error.is_worth_a_retry();
            if !result.as_ref().is_err_and(retries) {
                return result;
            }
            is_retry = true;
            let pause_ms = RETRY_PAUSE_MS * (1.0 + self.ports.random());
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 50 to 100
            self.ports.sleep(pause_ms as u64).await;
        }
    }

    /// What the bucket has; `None` where there is none, or it has nothing and there is an `originUrl` to ask.
    async fn ask_bucket(&self, started_ms: u64) -> Option<Result<Fetched, OriginFault>> {
        let config = &self.service.config;
        config.origin_bucket.as_ref()?;
        let spent_ms = self.ports.now_ms().saturating_sub(started_ms);
        let remaining_ms = config.origin_timeout_ms.saturating_sub(spent_ms);
        let prefix = BodyPrefix::new(config.header_limits, None);
        self.service.metrics.origin_fetches.count();
        let object = self
            .ports
            .open(self.path.as_str(), prefix, remaining_ms)
            .await;
        let result = match object {
            Ok(None) if config.origin_url.is_some() => return None,
            Ok(None) => Err(ErrorKind::NotFound.into()),
            Ok(Some(object)) => object.metadata().map_err(OriginFault::from),
            Err(fault) => Err(fault),
        };
        Some(self.fetched(result, self.service.origins.bucket))
    }

    async fn ask_url(&self, deadline: &P::Deadline) -> Result<Fetched, OriginFault> {
        let config = &self.service.config;
        let url = self
            .path
            .origin_url(config.origin_url.as_deref().unwrap_or_default());
        self.service.metrics.origin_fetches.count();
        let response = self.ports.ask(&url, config.header_limits, deadline).await;
        let result = response.and_then(|response| Ok(response.metadata()?));
        self.fetched(result, self.service.origins.url)
    }

    /// Names the origin of what was fetched, and counts a response that says nothing about the image.
    fn fetched(
        &self,
        result: Result<ImageMetadata, OriginFault>,
        origin: Option<OriginId>,
    ) -> Result<Fetched, OriginFault> {
        if result
            .as_ref()
            .is_err_and(|fault| fault.error.allows_stale())
        {
            self.service.metrics.origin_failures.count();
        }
        result.map(|metadata| Fetched { metadata, origin })
    }

    pub(super) fn entry(&self, metadata: ImageMetadata, last_fetched_ms: u64) -> Rc<Entry> {
        let lifetime_ms = self.service.freshness.lifetime_ms(&self.key);
        let now_ms = self.ports.now_ms();
        Entry::new(&self.path, metadata, last_fetched_ms, lifetime_ms, now_ms)
    }

    fn keep(&self, entry: &Rc<Entry>) {
        if !self.flight.is_invalidated() {
            self.keep_stale(entry);
            self.service.negative_cache.borrow_mut().remove(&self.key);
        }
    }

    /// As [`keep`](Self::keep), but the failure that made a stale entry the answer still stands.
    fn keep_stale(&self, entry: &Rc<Entry>) {
        if self.flight.is_invalidated() {
            return;
        }
        let (before, pruned) = {
            let mut memory = self.service.memory.borrow_mut();
            let before = memory.len();
            (
                before,
                memory.insert(Rc::clone(&self.key), Rc::clone(entry)),
            )
        };
        if pruned > 0 {
            let event = Event::Pruned { before, pruned };
            self.service.log(&event, &self.ports);
        }
    }

    fn remember(&self, error: OriginError, has_fallback: bool, now_ms: u64) -> CachedError {
        if self.flight.is_invalidated() || error.is_private() {
            return CachedError::once(error);
        }
        let mut errors = self.service.negative_cache.borrow_mut();
        errors.insert(&self.key, error, has_fallback, now_ms)
    }

    /// KV has no record where memory has an old one: it was purged elsewhere, and must not come back.
    fn evict(&self) {
        if !self.flight.is_invalidated() {
            self.service.memory.borrow_mut().remove(&*self.key);
        }
    }

    /// The origin says that there is nothing to know: a stale record must not come back.
    fn forget(&self, in_kv: bool) {
        if self.flight.is_invalidated() {
            return;
        }
        self.service.memory.borrow_mut().remove(&*self.key);
        if in_kv && self.service.config.cache_enabled {
            let fetch = self.clone();
            self.ports
                .launch(async move { fetch.delete_from_kv().await });
        }
    }
}

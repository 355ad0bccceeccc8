//! Handles a batch of messages: purges, and reads again what may have changed.

use std::collections::HashSet;
use std::rc::Rc;

use serde_json::Value;

use super::message::Message;
use super::plan::{Image, Plan, add};
use crate::cache::tags::{folder_tag, image_tag};
use crate::path::ImagePath;
use crate::path::purge_target::PurgeTarget;
use crate::service::ports::Ports;
use crate::service::{OptimizedMetadataService, join_all};
use crate::telemetry::event::Event;
use crate::telemetry::metrics::{EventAction, EventOutcome};

/// How many pages of a folder one batch purges. Each has up to 100 images, and the platform limits the operations of a batch.
const MAX_PAGES: usize = 5;

/// How many images are purged at a time. A batch may name 10,000, and each waits for KV in memory of its own.
const PURGED_AT_A_TIME: usize = 100;

/// How many images are warmed at a time. More would take the flights that clients need, up to `maxInFlight`. KV reads as many keys at
/// once.
const WARMED_AT_A_TIME: usize = 100;

/// The delay of the first retry; each further one takes twice as long.
const FIRST_DELAY_S: u64 = 10;
const MAX_DELAY_S: u64 = 600;

/// A message as the queue delivers it.
#[derive(Debug)]
pub struct Delivery {
    /// The body.
    pub body: Value,
    /// How often it was delivered, this time included.
    pub attempts: u32,
    /// When it was sent, in milliseconds since the epoch.
    pub sent_ms: u64,
}

/// A message that was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handled {
    /// What it asks for.
    pub action: EventAction,
    /// What was done.
    pub outcome: EventOutcome,
    /// After how many seconds the queue is to deliver it again. `None` acknowledges it.
    pub retry_after_s: Option<u64>,
    /// The time since it was sent, in seconds.
    pub age_s: u64,
}

/// Handles a batch. Returns what was done with each message, in their order.
pub async fn consume<P: Ports>(
    service: &Rc<OptimizedMetadataService<P::Signal>>,
    deliveries: &[Delivery],
    ports: &P,
) -> Vec<Handled> {
    let now_ms = ports.now_ms();
    let limit = service.config().batch_limit;
    let mut plan = Plan::default();
    let mut actions = Vec::with_capacity(deliveries.len());
    for (index, delivery) in deliveries.iter().enumerate() {
        let action = Message::parse(&delivery.body, limit)
            .and_then(|message| add(&mut plan, &service.config().origins, index, message));
        if let Err(reason) = action {
            let reason = reason.to_string();
            service.log(&Event::MalformedMessage { reason: &reason }, ports);
        }
        actions.push(action);
    }
    let failed = work(service, plan, ports).await;
    let handled = deliveries.iter().zip(actions).enumerate();
    handled
        .map(|(index, (delivery, action))| {
            let (action, outcome) = match action {
                Err(_) => (EventAction::Unknown, EventOutcome::Malformed),
                Ok(action) if failed.contains(&index) => (action, EventOutcome::Retried),
                Ok(action) => (action, EventOutcome::Done),
            };
            let age_s = now_ms.saturating_sub(delivery.sent_ms) / 1_000;
            service.metrics().count_event(action, outcome, age_s);
            let is_retried = outcome == EventOutcome::Retried;
            Handled {
                action,
                outcome,
                retry_after_s: is_retried.then(|| delay_s(delivery.attempts)),
                age_s,
            }
        })
        .collect()
}

fn delay_s(attempts: u32) -> u64 {
    let doubled = 1_u64
        .checked_shl(attempts.saturating_sub(1))
        .unwrap_or(u64::MAX);
    FIRST_DELAY_S.saturating_mul(doubled).min(MAX_DELAY_S)
}

/// Does the work of a plan. Returns the messages for which some of it failed.
async fn work<P: Ports>(
    service: &Rc<OptimizedMetadataService<P::Signal>>,
    plan: Plan,
    ports: &P,
) -> HashSet<usize> {
    let mut failed = HashSet::new();
    let mut tags = Vec::new();
    let purges = plan.images.iter().filter(|(_, work, _)| work.purges);
    let purges: Vec<_> = purges.collect();
    for some in purges.chunks(PURGED_AT_A_TIME) {
        let purged = some
            .iter()
            .map(|(path, ..)| purge(service, PurgeTarget::Image(path.clone()), ports));
        for ((path, _, messages), purged) in some.iter().zip(join_all(purged).await) {
            tags.push(image_tag(path));
            if !purged {
                failed.extend(messages);
            }
        }
    }
    for (folder, messages) in &plan.folders {
        tags.push(folder_tag(folder.as_ref()));
        if !purge(service, PurgeTarget::Below(folder.clone()), ports).await {
            failed.extend(messages);
        }
    }
    // Before images are read again, so that old responses are not served there in the meantime.
    if service.purge_tags(&tags, ports).await.is_err() {
        failed.extend(purges.iter().flat_map(|(_, _, messages)| messages));
        failed.extend(plan.folders.iter().flat_map(|(_, messages)| messages));
    }
    let (again, warm): (Vec<_>, Vec<_>) = plan
        .images
        .iter()
        .filter(|(_, work, _)| work.reads || work.warms)
        .partition(|(_, work, _)| work.purges);
    let paths = |images: &[&Image]| -> Vec<ImagePath> {
        images.iter().map(|(path, ..)| path.clone()).collect()
    };
    let read = service.read_again(&paths(&again), ports).await;
    let mut warmed = Vec::new();
    for some in paths(&warm).chunks(WARMED_AT_A_TIME) {
        warmed.extend(service.fetch_batch(some, ports).await);
    }
    let results = read.into_iter().chain(warmed);
    for ((_, _, messages), result) in again.iter().chain(&warm).zip(results) {
        if result.is_err_and(|error| error.cause.is_transient()) {
            failed.extend(messages);
        }
    }
    failed
}

/// Removes an image and its versions, or the images below a folder. Returns `false` if KV failed, or has more of them than one batch
/// deletes. Delivered again, the message goes on with what is left.
async fn purge<P: Ports>(
    service: &OptimizedMetadataService<P::Signal>,
    target: PurgeTarget,
    ports: &P,
) -> bool {
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = cursor.as_deref();
        let purged = match &target {
            PurgeTarget::Image(path) => service.purge_stored(path, page, ports).await,
            PurgeTarget::Below(folder) => {
                let folder = folder.as_ref();
                service.purge_stored_below(folder, page, ports).await
            }
        };
        match purged {
            Ok(purged) if purged.cursor.is_none() => return true,
            Ok(purged) => cursor = purged.cursor,
            Err(_) => return false,
        }
    }
    false
}

//! Purges, which need the admin token: `DELETE /metadata/…`.

use std::rc::Rc;

use serde::Serialize;

use super::admin;
use super::problem::Problem;
use super::request::Request;
use super::response::Response;
use super::site::Site;
use crate::path::purge_target::PurgeTarget;
use crate::queue::repeated_purge;
use crate::service::Purged;
use crate::service::ports::Ports;
use crate::telemetry::event::Event;
use crate::text::query;

/// When a purge is repeated. By then every flight that began before it has ended, and KV has propagated what it wrote.
const REPEAT_AFTER_S: u64 = 90;

/// `DELETE /metadata/<path>`, `DELETE /metadata/<folder>/*`
pub(super) async fn delete<P: Ports>(
    site: &Site<P::Signal>,
    raw: &str,
    request: &Request<'_>,
    ports: &P,
) -> Result<Response, Problem> {
    let service = site.service();
    admin::require_charged(request, service, ports).await?;
    let target = PurgeTarget::parse(raw)?;
    let cursor = query::pairs(request.query())
        .flatten()
        .find_map(|(name, value)| (name == "cursor").then_some(value));
    // `?cursor=` is what a loop sends first.
    let cursor = cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let purged = match target {
        PurgeTarget::Image(path) => {
            let path = site.version(&path, request.query())?;
            service.purge(&path, cursor, ports).await
        }
        PurgeTarget::Below(folder) => service.purge_below(folder.as_ref(), cursor, ports).await,
    };
    if let Ok(Purged { cursor: None, .. }) = &purged {
        repeat(site, raw, request.query(), ports);
    }
    purged
        .map(|purged| response(&purged))
        .map_err(|error| Problem::purge_failed(&error))
}

/// Sends the purge to the queue, if there is one, to be repeated once. A flight in another isolate that began before the purge may
/// write its record afterwards, and no isolate can reach it there.
fn repeat<P: Ports>(site: &Site<P::Signal>, raw: &str, query: &str, ports: &P) {
    if !ports.has_queue() {
        return;
    }
    let mark = if query.is_empty() { "" } else { "?" };
    let message = repeated_purge(&[raw, mark, query].concat());
    let (service, queue) = (Rc::clone(site.service()), ports.clone());
    ports.launch(async move {
        if let Err(cause) = queue.send(&message, REPEAT_AFTER_S).await {
            service.log(&Event::QueueFault { cause: &cause }, &queue);
        }
    });
}

fn response(purged: &Purged) -> Response {
    #[derive(Serialize)]
    struct Published<'a> {
        purged: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        edge: Option<bool>,
    }
    let published = Published {
        purged: purged.count,
        cursor: purged.cursor.as_deref(),
        edge: purged.edge,
    };
    // A struct of numbers and strings always serializes.
    let body = serde_json::to_string(&published).unwrap_or_default();
    Response::uncached("application/json", body)
}

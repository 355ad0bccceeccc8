//! Data points for Workers Analytics Engine: one per response about an image, one per error on any other
//! path, and one per message of the queue.
//!
//! The metrics of an isolate cover only its own requests. The dataset covers all isolates.

use super::problem::Problem;
use super::text::Text;
use crate::image::metadata::Format;
use crate::lookup::{Layer, Lookup, Timing};
use crate::queue::Handled;
use crate::telemetry::isolate::Isolate;
use crate::text::sanitize;

/// A dataset of Workers Analytics Engine. The runtime sends data points in the background, after the response.
pub trait Dataset {
    /// Writes a data point, the JSON of the argument of `writeDataPoint`.
    ///
    /// # Errors
    /// If the runtime rejects the data point. The error is its message.
    fn write(&self, point: &str) -> Result<(), String>;
}

/// Returns the JSON of a data point. Queries depend on the order of its fields: fields never move, and new ones are
/// added at the end.
///
/// The index is the layer, because datasets are sampled by index, separately for each value. So even if most memory
/// hits are dropped, the few responses from the origin remain.
pub(super) fn json(raw: &str, outcome: Result<&Lookup, &Problem>, isolate: &Isolate) -> String {
    let (layer, timing) = match outcome {
        Ok(lookup) => (Some(lookup.layer), lookup.timing),
        Err(problem) => match &problem.error {
            Some(error) => (Some(error.layer), error.timing),
            None => (None, Timing::default()),
        },
    };
    let state = match layer {
        _ if outcome.is_ok_and(Lookup::is_stale) => "stale",
        None => "none",
        Some(Layer::Memory | Layer::Kv) => "hit",
        Some(Layer::Origin { .. }) => "miss",
        Some(Layer::InFlight) => "collapsed",
    };
    let layer = layer.map_or("none", Layer::name);
    let format = outcome.ok().and_then(|lookup| lookup.metadata().format);
    let path = sanitize::excerpt(raw);
    let blobs = [
        layer,
        state,
        outcome.map_or_else(|problem| problem.code.name(), |_| ""),
        format.map_or("", Format::name),
        &path,
        &isolate.id,
        env!("CARGO_PKG_VERSION"),
    ];
    let doubles = [
        timing.total_ms,
        outcome.map_or(0, |lookup| lookup.entry.age_s(lookup.now_ms)),
        timing.kv_ms.unwrap_or_default(),
        timing.origin_ms.unwrap_or_default(),
        1,
    ];
    encode(layer, &blobs, &doubles)
}

/// Returns the JSON of the data point of a message of the queue: the index and the first blob are `queue`, the second its outcome, the
/// third its action, and the second number its age in seconds. The third is never empty, as it is in the points of responses with
/// metadata: queries count those by it.
pub(super) fn of_message(message: &Handled, isolate: &Isolate) -> String {
    let blobs = [
        "queue",
        message.outcome.name(),
        message.action.name(),
        "",
        "",
        &isolate.id,
        env!("CARGO_PKG_VERSION"),
    ];
    encode("queue", &blobs, &[0, message.age_s, 0, 0, 1])
}

/// None of the strings may contain a quotation mark or a backslash, so that they need no escaping.
fn encode(index: &str, blobs: &[&str], doubles: &[u64]) -> String {
    let mut json = Text::default();
    json.add(&["{\"indexes\":[\"", index, "\"],\"blobs\":[\""])
        .add(&[&blobs.join("\",\""), "\"],\"doubles\":["])
        .numbers(&mut doubles.iter().copied())
        .add(&["]}"]);
    json.0
}

//! Data points for Workers Analytics Engine: one for each answer about an image, and for each
//! problem. An isolate sees its own requests only; the dataset has those of all.

use super::problem::Problem;
use super::text::Text;
use crate::image::metadata::Format;
use crate::lookup::{Layer, Lookup, Timing};
use crate::telemetry::isolate::Isolate;
use crate::text::sanitize;

/// Takes data points, behind the answer.
pub trait Dataset {
    /// Writes one: the JSON of what `writeDataPoint` takes.
    ///
    /// # Errors
    /// What the runtime said against it.
    fn write(&self, point: &str) -> Result<(), String>;
}

/// The JSON of a data point. The order of its fields is what queries go by: none ever moves, and
/// further ones come at the end.
///
/// It is sampled by its index, and the layer is that: the many hits in memory may be thinned out
/// without the few answers of the origin becoming fewer.
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
    // None of the texts has a quotation mark or a backslash.
    let mut json = Text::default();
    json.add(&["{\"indexes\":[\"", layer, "\"],\"blobs\":[\""])
        .add(&[&blobs.join("\",\""), "\"],\"doubles\":["])
        .numbers(&mut doubles.into_iter())
        .add(&["]}"]);
    json.0
}

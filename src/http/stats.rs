//! `GET /stats`: the metrics as JSON.

use super::text::Text;
use crate::telemetry::families::{FAMILIES, Read, Snapshot};
use crate::telemetry::isolate::Isolate;

/// Returns the body of the response. Names are not escaped, because none needs it.
pub(super) fn json(now: &Snapshot<'_>, isolate: &Isolate, now_ms: u64) -> String {
    let mut json = Text::default();
    json.add(&["{\"isolate\":{\"id\":\"", &isolate.id, "\",\"startedAt\":"])
        .number(isolate.started_ms)
        .add(&[",\"ageMs\":"])
        .number(now_ms.saturating_sub(isolate.started_ms))
        .add(&["},\"version\":\"", env!("CARGO_PKG_VERSION"), "\""]);
    // The names of the objects that are not closed yet.
    let mut open: &[&str] = &[];
    for series in FAMILIES.iter().flat_map(|family| family.series) {
        let Some((name, objects)) = series.path.split_last() else {
            continue;
        };
        while !objects.starts_with(open) {
            open = open.split_last().map_or(&[], |(_, outer)| outer);
            json.add(&["}"]);
        }
        json.add(&[","]);
        for object in objects.iter().skip(open.len()) {
            json.add(&["\"", object, "\":{"]);
        }
        open = objects;
        json.add(&["\"", name, "\":"]);
        value(&mut json, &series.read, now);
    }
    for _ in open {
        json.add(&["}"]);
    }
    json.add(&["}"]);
    json.0
}

fn value(json: &mut Text, read: &Read, now: &Snapshot<'_>) {
    match read {
        Read::Counter(read) | Read::Gauge(read) => drop(json.number(read(now))),
        Read::Problems => {
            let mut separator = "{";
            for (code, number) in now.metrics.problems() {
                json.add(&[separator, "\"", code, "\":"]).number(number);
                separator = ",";
            }
            json.add(&[if separator == "{" { "{}" } else { "}" }]);
        }
        Read::Histogram(read, _) => {
            let histogram = read(now);
            json.add(&["{\"le\":["])
                .numbers(&mut histogram.bounds().iter().copied())
                .add(&["],\"counts\":["])
                .numbers(&mut histogram.counts())
                .add(&["],\"sum\":"])
                .number(histogram.sum())
                .add(&[",\"count\":"])
                .number(histogram.count())
                .add(&["}"]);
        }
    }
}

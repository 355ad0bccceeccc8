//! `GET /metrics`: the metrics in the Prometheus text format, version 0.0.4.

use super::text::Text;
use crate::telemetry::families::{FAMILIES, Read, Series, Snapshot};
use crate::telemetry::histogram::Histogram;
use crate::telemetry::isolate::Isolate;

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The prefix of all metric names.
const PREFIX: &str = "optimized_metadata_";

/// Returns the body of the response. Every series has the isolate as a label, because the next request may reach
/// another isolate with counters of its own.
pub(super) fn text(now: &Snapshot<'_>, isolate: &Isolate) -> String {
    let Isolate { id, started_ms } = isolate;
    let own_label = ["{isolate=\"", id, "\""].concat();
    let mut page = Page(Text::default());
    let name = "isolate_info";
    page.head(name, "gauge", "The isolate that reports these metrics.");
    let version = ["\",version=\"", env!("CARGO_PKG_VERSION"), "\""].concat();
    page.sample(&[name, "{id=\"", id, &version], 1, 1);
    let name = "start_time_seconds";
    page.head(
        name,
        "gauge",
        "Time of the isolate's first request, in seconds since the epoch.",
    );
    page.sample(&[name, &own_label], *started_ms, 1_000);
    for family in FAMILIES {
        let kind = family.series.first().map_or("", |one| kind(&one.read));
        page.head(family.name, kind, family.help);
        for series in family.series {
            page.series(family.name, &own_label, series, now);
        }
    }
    page.0.0
}

fn kind(read: &Read) -> &'static str {
    match read {
        Read::Counter(_) | Read::Problems => "counter",
        Read::Gauge(_) => "gauge",
        Read::Histogram(..) => "histogram",
    }
}

struct Page(Text);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let pieces = [
            "# HELP ",
            PREFIX,
            name,
            " ",
            help,
            "\n# TYPE ",
            PREFIX,
            name,
            " ",
            kind,
        ];
        self.0.add(&pieces).add(&["\n"]);
    }

    /// Adds a sample. `name_and_labels` is everything before the closing brace of the labels.
    fn sample(&mut self, name_and_labels: &[&str], number: u64, unit: u64) {
        self.0.add(&[PREFIX]).add(name_and_labels).add(&["} "]);
        decimal(&mut self.0, number, unit);
        self.0.add(&["\n"]);
    }

    fn series(&mut self, name: &str, own_label: &str, series: &Series, now: &Snapshot<'_>) {
        let labels = series.labels;
        let separator = if labels.is_empty() { "" } else { "," };
        match &series.read {
            Read::Counter(read) | Read::Gauge(read) => {
                self.sample(&[name, own_label, separator, labels], read(now), 1);
            }
            Read::Problems => {
                for (code, number) in now.metrics.problems() {
                    let pieces = [name, own_label, separator, labels, "=\"", code, "\""];
                    self.sample(&pieces, number, 1);
                }
            }
            Read::Histogram(read, unit) => {
                let labels = [own_label, separator, labels].concat();
                self.histogram(name, &labels, read(now), *unit);
            }
        }
    }

    /// Adds the samples of a histogram. Its buckets are cumulative: each includes the smaller ones.
    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram, unit: u64) {
        let mut bounds = histogram.bounds().iter();
        let mut total: u64 = 0;
        for count in histogram.counts() {
            total = total.saturating_add(count);
            let mut bound = Text::default();
            match bounds.next() {
                Some(number) => decimal(&mut bound, *number, unit),
                None => drop(bound.add(&["+Inf"])),
            }
            self.sample(
                &[name, "_bucket", labels, ",le=\"", &bound.0, "\""],
                total,
                1,
            );
        }
        self.sample(&[name, "_sum", labels], histogram.sum(), unit);
        self.sample(&[name, "_count", labels], total, 1);
    }
}

/// Adds `number / unit` as a decimal number. `unit` is 1 or 1,000.
fn decimal(text: &mut Text, number: u64, unit: u64) {
    text.number(number.checked_div(unit).unwrap_or_default());
    let rest = number.checked_rem(unit).unwrap_or_default();
    if rest != 0 {
        // The leading 1 preserves the zeros after the decimal point.
        let digits = rest.saturating_add(unit).to_string();
        let digits = digits.strip_prefix('1').unwrap_or_default();
        text.add(&[".", digits.trim_end_matches('0')]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_in_seconds() {
        for (number, unit, text) in [
            (0, 1_000, "0"),
            (1, 1_000, "0.001"),
            (100, 1_000, "0.1"),
            (250, 1_000, "0.25"),
            (1_110, 1_000, "1.11"),
            (10_000, 1_000, "10"),
            (1_760_000_000_020, 1_000, "1760000000.02"),
            (86_400, 1, "86400"),
        ] {
            let mut written = Text::default();
            decimal(&mut written, number, unit);
            assert_eq!(written.0, text);
        }
    }
}

//! Draws the results of the edge cache as an SVG: bars by the number of isolates, lines by the rate of requests.

use std::fmt::Write;

use super::edge_plan::{ISOLATES, LIFETIMES_S, RATES};
use super::edge_report::{GOAL, Rates};
use super::scenario::{Outcome, Scenario};

type Results = [(Scenario, Outcome)];

/// The background is part of the picture, so it is readable on any page. The colors follow the reader's scheme.
const HEAD: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 380" width="900" height="380" role="img" aria-labelledby="title">
<title id="title">Worker runs and KV reads per 1,000 requests, with and without the edge cache</title>
<style>
svg { color-scheme: light dark; font: 12px system-ui, sans-serif }
text { fill: #1f2328 } .note { fill: #59636e } .heading { font-weight: 600; font-size: 13px } .small { font-size: 10px }
.page { fill: #ffffff } .axis { stroke: #59636e } .grid { stroke: #d1d9e0 } .goal { stroke: #c93c37; stroke-dasharray: 6 4 }
.goal-text { fill: #c93c37 } .line { fill: none; stroke-width: 2 } .middle { text-anchor: middle } .end { text-anchor: end }
.a { fill: #afb8c1 } .b { fill: #0969da } .c { fill: #e3a06b } .d { fill: #bc4c00 }
.a.line, .b.line, .d.line { fill: none } .a.line { stroke: #6e7781 } .b.line { stroke: #0969da } .d.line { stroke: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .note { fill: #9198a1 } .page { fill: #0d1117 } .axis { stroke: #9198a1 } .grid { stroke: #3d444d }
.goal { stroke: #ff7b72 } .goal-text { fill: #ff7b72 } .a { fill: #59636e } .b { fill: #4493f8 } .c { fill: #8a5a34 } .d { fill: #f0883e }
.a.line { stroke: #9198a1 } .b.line { stroke: #4493f8 } .d.line { stroke: #f0883e }
}
</style>
<rect class="page" width="900" height="380" rx="6"/>
"#;

const TOP: f64 = 80.0;
const BOTTOM: f64 = 310.0;

/// One half of the picture.
struct Panel {
    left: f64,
    right: f64,
    /// The value at the top.
    max: f64,
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * value / self.max
    }

    fn frame(&self, out: &mut String, heading: &str, x_label: &str, step: usize) {
        let (left, right) = (self.left, self.right);
        let middle = f64::midpoint(left, right);
        for value in (0..=self.max as usize).step_by(step) {
            let y = self.y(value as f64);
            let class = if value == 0 { "axis" } else { "grid" };
            line(out, class, (left, y), (right, y));
            text(out, "note end", (left - 6.0, y + 4.0), &thousands(value));
        }
        text(out, "heading", (left - 40.0, 26.0), heading);
        text(out, "note middle", (middle, BOTTOM + 40.0), x_label);
        let (x, y) = (left - 48.0, f64::midpoint(TOP, BOTTOM));
        let _ = writeln!(
            out,
            r#"<text class="note middle" transform="translate({x:.1} {y:.1}) rotate(-90)">per 1,000 requests</text>"#
        );
    }
}

/// Draws `fleets`, in pairs without and with the edge, and `curves`, every lifetime with every rate.
pub fn svg(fleets: &Results, curves: &Results) -> String {
    let mut out = HEAD.to_owned();
    bars(&mut out, fleets);
    lines(&mut out, curves);
    out.push_str("</svg>\n");
    out
}

fn bars(out: &mut String, fleets: &Results) {
    const WIDTH: f64 = 21.0;
    let panel = Panel {
        left: 70.0,
        right: 440.0,
        max: 1_000.0,
    };
    let heading = "With and without the edge, at 100 requests/s";
    panel.frame(out, heading, "isolates", 200);
    let slot = (panel.right - panel.left) / ISOLATES.len() as f64;
    for (number, pair) in fleets.chunks_exact(2).enumerate() {
        let middle = panel.left + slot * (number as f64 + 0.5);
        let [without, with] = [0, 1].map(|which| Rates::of(&pair[which].1));
        let values = [
            ("a", without.runs),
            ("b", with.runs),
            ("c", without.kv_reads),
            ("d", with.kv_reads),
        ];
        for (index, (class, value)) in values.into_iter().enumerate() {
            let (x, y) = (middle + WIDTH * (index as f64 - 2.0) + 1.0, panel.y(value));
            let (width, height) = (WIDTH - 2.0, BOTTOM - y);
            let _ = writeln!(
                out,
                r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
            );
            let label = (x + width / 2.0, y - 4.0);
            text(
                out,
                "small middle",
                label,
                &thousands(value.round() as usize),
            );
        }
        let isolates = pair[0].0.isolates.to_string();
        text(out, "middle", (middle, BOTTOM + 18.0), &isolates);
    }
    let names = [
        ("a", "Worker runs, no edge"),
        ("b", "Worker runs"),
        ("c", "KV reads, no edge"),
        ("d", "KV reads"),
    ];
    for (index, (class, name)) in names.into_iter().enumerate() {
        let x = [30.0, 186.0, 290.0, 425.0][index];
        let _ = writeln!(
            out,
            r#"<rect class="{class}" x="{x:.1}" y="39" width="10" height="10" rx="2"/>"#
        );
        text(out, "", (x + 15.0, 48.0), name);
    }
}

fn lines(out: &mut String, curves: &Results) {
    let panel = Panel {
        left: 560.0,
        right: 830.0,
        max: 600.0,
    };
    let heading = "Worker runs with the edge, by edgeCacheTtl";
    panel.frame(out, heading, "requests per second, all locations", 100);
    let first = f64::from(RATES[0]).ln();
    let last = f64::from(RATES[RATES.len() - 1]).ln();
    let x =
        |rate: f64| panel.left + (panel.right - panel.left) * (rate.ln() - first) / (last - first);
    for rate in RATES {
        let at = x(f64::from(rate));
        line(out, "axis", (at, BOTTOM), (at, BOTTOM + 4.0));
        let label = thousands(rate as usize);
        text(out, "middle", (at, BOTTOM + 18.0), &label);
    }
    let classes = ["a", "b", "d"];
    for (points, (lifetime_s, class)) in curves
        .chunks_exact(RATES.len())
        .zip(LIFETIMES_S.into_iter().zip(classes))
    {
        let points: Vec<_> = points
            .iter()
            .map(|(scenario, outcome)| {
                (x(scenario.requests_per_s), panel.y(Rates::of(outcome).runs))
            })
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let path = path.join(" ");
        let _ = writeln!(out, r#"<polyline class="{class} line" points="{path}"/>"#);
        for (x, y) in &points {
            let _ = writeln!(
                out,
                r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#
            );
        }
        let (x, y) = points[points.len() - 1];
        // The lowest lines end close to each other.
        let below = if lifetime_s > 300 { 8.0 } else { 2.0 };
        let label = format!("{} s", thousands(lifetime_s as usize));
        text(out, "", (x + 8.0, y + below), &label);
    }
    let goal = panel.y(GOAL);
    line(out, "goal", (panel.left, goal), (panel.right, goal));
    let label = format!("goal: {GOAL}");
    text(out, "goal-text", (panel.left + 4.0, goal + 14.0), &label);
}

fn line(out: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        out,
        r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
    );
}

fn text(out: &mut String, class: &str, (x, y): (f64, f64), text: &str) {
    let _ = writeln!(
        out,
        r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#
    );
}

fn thousands(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

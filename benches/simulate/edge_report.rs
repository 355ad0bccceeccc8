//! Prints the results of the edge cache as tables.

use super::cost::{Month, break_even_share};
use super::edge::{Settings, expected_runs};
use super::fleet::ISOLATES_PER_LOCATION;
use super::scenario::{Outcome, SEED, Scenario};
use super::trace::{Shape, Trace};

/// The goal, in runs of the Worker per 1,000 requests.
pub const GOAL: f64 = 50.0;

type Results = [(Scenario, Outcome)];

/// An outcome per 1,000 requests.
pub struct Rates {
    pub runs: f64,
    pub kv_reads: f64,
    pub kv_writes: f64,
    pub origin_fetches: f64,
    lower: f64,
    upper: f64,
    collapsed: f64,
}

impl Rates {
    pub fn of(outcome: &Outcome) -> Self {
        let requests = outcome.requests() as f64;
        let rate = |count: u64| 1_000.0 * count as f64 / requests;
        Self {
            runs: rate(outcome.answers.requests),
            kv_reads: rate(outcome.kv_reads),
            kv_writes: rate(outcome.kv_writes),
            origin_fetches: rate(outcome.origin_fetches),
            lower: rate(outcome.edge.lower),
            upper: rate(outcome.edge.upper),
            collapsed: rate(outcome.edge.collapsed),
        }
    }
}

/// Returns the runs per 1,000 requests that the formula expects.
fn expected(scenario: &Scenario) -> Option<f64> {
    let edge = scenario.edge?;
    let memory_ttl_s = scenario.settings["memoryCacheTtl"].as_u64().unwrap_or(300);
    // Caches that do not share responses each get a part of the requests.
    let caches = scenario.edge_caches(edge);
    let lifetime_s = edge.ttl_s.min(memory_ttl_s) as f64 / caches as f64;
    let trace = Trace::new(
        scenario.shape,
        scenario.images,
        scenario.requests_per_s,
        SEED,
    );
    Some(1_000.0 * expected_runs(&trace, scenario.images, lifetime_s))
}

/// Returns the requests per stored response, of all images, at which the goal is met: requests per second × lifetime.
pub fn requests_for_goal() -> f64 {
    let trace = Trace::new(Shape::Zipf(1.0), 10_000, 1.0, SEED);
    let (mut low, mut high) = (0.0, 1e9);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if 1_000.0 * expected_runs(&trace, 10_000, middle) > GOAL {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn header(what: &str) {
    println!(
        "{what:42} {:>7} {:>9} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8}",
        "runs", "formula", "reads", "writes", "fetches", "lower", "upper", "waited"
    );
}

fn row(what: &str, scenario: &Scenario, outcome: &Outcome) {
    let rates = Rates::of(outcome);
    let expected = expected(scenario)
        .filter(|_| !scenario.deploys)
        .map_or(String::new(), |runs| format!("{runs:.1}"));
    println!(
        "{what:42} {:7.1} {expected:>9} {:7.1} {:7.1} {:7.1} {:8.1} {:8.1} {:8.1}",
        rates.runs,
        rates.kv_reads,
        rates.kv_writes,
        rates.origin_fetches,
        rates.lower,
        rates.upper,
        rates.collapsed,
    );
}

pub fn assumptions() {
    let Settings { ttl_s, .. } = Settings::default();
    println!(
        "The edge: Workers Cache in front of the Worker. The traces and fleets are those of the tables before. A location has\n\
         a lower tier and up to {ISOLATES_PER_LOCATION} isolates. All lower tiers ask one upper tier. A response is stored for {ttl_s} s at most, and\n\
         never longer than it is fresh. One from KV or memory is not stored for longer than memory keeps it. Nothing is\n\
         evicted earlier. Concurrent misses of a location wait for one run of the Worker, in the location of the request.\n\
         All figures are per 1,000 requests. Without the edge, every request is a run.\n"
    );
}

pub fn fleets(results: &Results) {
    table("zipf-1.0/10000/isolates", results, |scenario| {
        format!("{:3} isolates, {}", scenario.isolates, scenario.change)
    });
}

pub fn conditions(results: &Results) {
    table("zipf-1.0/10000/300, by change", results, label);
    if !results.is_empty() {
        let requests = requests_for_goal();
        println!(
            "{GOAL} runs per 1,000 requests need {requests:.0} requests per lifetime of a response: {:.0} s at 100 requests/s, or\n\
             {:.0} requests/s at 300 s.\n",
            requests / 100.0,
            requests / 300.0
        );
    }
}

pub fn deployments(results: &Results) {
    table("zipf-1.0/10000/300, after a deployment", results, label);
}

/// Prints counts, because they do not grow with the number of requests.
pub fn viral(results: &Results) {
    if results.is_empty() {
        return;
    }
    println!(
        "{:42} {:>9} {:>9} {:>7} {:>7} {:>7}",
        "one new image, 1,000 requests/s, 10 min", "requests", "runs", "reads", "writes", "fetches"
    );
    for (scenario, outcome) in results {
        println!(
            "{:42} {:9} {:9} {:7} {:7} {:7}",
            label(scenario),
            outcome.requests(),
            outcome.answers.requests,
            outcome.kv_reads,
            outcome.kv_writes,
            outcome.origin_fetches
        );
    }
    println!();
}

/// Prints the price of a month for the fleets, which are in pairs: without the edge, with it.
pub fn costs(results: &Results) {
    const MILLIONS: f64 = 100.0;
    const CPU_MS_PER_RUN: f64 = 1.0;
    if results.is_empty() {
        return;
    }
    println!(
        "USD for {MILLIONS} M requests a month with {CPU_MS_PER_RUN} ms of CPU per run, by the share that comes through a service binding:\n"
    );
    println!(
        "{:42} {:>8} {:>8} {:>8} {:>14}",
        "zipf-1.0/10000/isolates", "0 %", "20 %", "100 %", "break-even at"
    );
    let month = |(scenario, outcome): &(Scenario, Outcome), service_share| {
        let rates = Rates::of(outcome);
        Month {
            millions: MILLIONS,
            service_share,
            cpu_ms_per_run: CPU_MS_PER_RUN,
            has_edge: scenario.edge.is_some(),
            runs: rates.runs / 1_000.0,
            kv_reads: rates.kv_reads / 1_000.0,
            kv_writes: rates.kv_writes / 1_000.0,
        }
    };
    for pair in results.chunks_exact(2) {
        for result in pair {
            let usd = |service_share| month(result, service_share).usd();
            let break_even = if result.0.edge.is_some() {
                let share = break_even_share(&month(&pair[0], 0.0), &month(result, 0.0));
                format!("{:.0} %", 100.0 * share)
            } else {
                String::new()
            };
            println!(
                "{:42} {:8.2} {:8.2} {:8.2} {break_even:>14}",
                format!("{:3} isolates, {}", result.0.isolates, result.0.change),
                usd(0.0),
                usd(0.2),
                usd(1.0)
            );
        }
    }
    println!();
}

fn table(what: &str, results: &Results, name: fn(&Scenario) -> String) {
    if results.is_empty() {
        return;
    }
    header(what);
    for (scenario, outcome) in results {
        row(&name(scenario), scenario, outcome);
    }
    println!();
}

fn label(scenario: &Scenario) -> String {
    let (_, label) = scenario
        .change
        .split_once(": ")
        .unwrap_or(("", scenario.change));
    label.to_owned()
}

//! Prints the results as tables.

use super::fleet::{Answers, ISOLATES_PER_LOCATION};
use super::scenario::{Outcome, SEED, Scenario};
use super::store::{MAX_DELAY_MS, MISSING_MS};
use super::trace::Shape;

/// Formats a figure, with a mark if it meets the specification.
fn mark(figure: f64, meets: bool) -> String {
    format!("{figure:7.1} {}", if meets { '✓' } else { ' ' })
}

fn header(what: &str) {
    println!(
        "{what:38} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7}",
        "L1 % ", "KV % ", "origin % ", "reads ", "writes ", "fetches", "FIFO", "unbound", "1 by 1"
    );
    println!(
        "{:38} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7}",
        "", "of all ", "of rest ", "of all ", "/1000 ", "/1000 ", "/1000", "L1 %", "L1 %", "L1 %"
    );
    println!(
        "{:38} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "the specification", "60–80 ", "90–95 ", "5–10 ", "10–15 ", "5–10 "
    );
}

fn row(what: &str, outcome: &Outcome) {
    let Answers {
        requests,
        memory,
        kv,
        origin,
        models,
        ..
    } = outcome.answers;
    let ratio = |part: u64, whole: u64| part as f64 / whole as f64;
    let percent = |part| 100.0 * ratio(part, requests);
    let per_thousand = |part| 1_000.0 * ratio(part, requests);
    let kv_of_rest = 100.0 * ratio(kv, requests - memory);
    let kv_reads = per_thousand(outcome.kv_reads);
    let kv_writes = per_thousand(outcome.kv_writes);
    println!(
        "{what:38} {} {} {} {} {} {:7.1} {:7.1} {:7.1} {:7.1}",
        mark(percent(memory), percent(memory) >= 60.0),
        mark(kv_of_rest, kv_of_rest >= 90.0),
        mark(percent(origin), percent(origin) <= 10.0),
        mark(kv_reads, kv_reads <= 15.0),
        mark(kv_writes, kv_writes <= 10.0),
        per_thousand(outcome.origin_fetches),
        percent(models.fifo),
        percent(models.unbounded),
        percent(models.one_by_one),
    );
}

/// Prints the assumptions behind the numbers.
pub fn assumptions() {
    let scenario = Scenario::new(Shape::Zipf(1.0), 10_000, 10);
    println!(
        "Seed {SEED}. {} requests per second for the whole fleet, each to a random isolate. {} min of warm-up, then {} min\n\
         of measurement. Isolates live {} min on average (exponential distribution), {ISOLATES_PER_LOCATION} per location. KV begins with the\n\
         records of a long-running service. A write reaches other locations within {} s; a missing key is cached for {} s.\n\
         KV and the origin respond immediately. All settings have their defaults.\n",
        scenario.requests_per_s,
        scenario.warm_up_s / 60,
        scenario.measured_s / 60,
        scenario.mean_life_s / 60,
        MAX_DELAY_MS / 1_000,
        MISSING_MS / 1_000,
    );
}

pub fn fleets(results: &[(Scenario, Outcome)]) {
    if results.is_empty() {
        return;
    }
    header("trace/images/isolates");
    for (scenario, outcome) in results {
        row(&scenario.name(), outcome);
    }
    println!();
}

pub fn changes(results: &[(Scenario, Outcome)]) {
    if results.is_empty() {
        return;
    }
    println!("zipf-1.0/10000/10, by requests per second per isolate and by change:\n");
    header("req/s  change");
    for (scenario, outcome) in results {
        let each = scenario.requests_per_s / scenario.isolates as f64;
        row(&format!("{each:5}  {}", scenario.change), outcome);
    }
    println!();
}

/// Explains how to read the tables.
pub fn notes(results: &[(Scenario, Outcome)]) {
    let sum = |count: fn(&Answers) -> u64| -> u64 {
        results
            .iter()
            .map(|(_, outcome)| count(&outcome.answers))
            .sum()
    };
    let requests = sum(|answers| answers.requests);
    let disagreements = sum(|answers| answers.disagreements);
    println!(
        "✓: meets the figure of the specification. Those figures contradict each other: 60–80 % in L1 and 90–95 % of the\n\
         rest in KV leave 1–4 % for the origin, not 5–10 %; 20–40 % that miss L1 are 200–400 KV reads per 1,000, not 10–15.\n\
         Fetches include background refreshes. FIFO, unbounded and \"1 by 1\" (an LRU that evicts one entry at a time, not\n\
         a fifth) replace L1 and have its size and TTL. A model of L1 itself agrees with the core on all but\n\
         {disagreements} of {requests} requests: there, a background refresh had renewed an entry."
    );
    assert!(
        disagreements * 500 <= requests,
        "the models and the core disagree too often"
    );
}

//! The tables that are printed.

use super::fleet::{Answers, ISOLATES_PER_LOCATION};
use super::scenario::{Outcome, SEED, Scenario};
use super::store::{MAX_DELAY_MS, MISSING_MS};
use super::trace::Shape;

/// A figure, marked where it is as good as the specification's or better.
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

/// What is assumed, for the numbers to be read at all.
pub fn assumptions() {
    let scenario = Scenario::new(Shape::Zipf(1.0), 10_000, 10);
    println!(
        "Seed {SEED}. {} requests a second on the whole fleet, each to an isolate at random, {} min to warm up, then {} min\n\
         that count. Isolates live {} min on average (exponential), {ISOLATES_PER_LOCATION} to a location. KV holds what a service that has been\n\
         running for long leaves there; a write reaches other locations within {} s, a missing key is remembered for {} s.\n\
         KV and the origin answer at once. Settings are the defaults.\n",
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
    println!("zipf-1.0/10000/10, by requests a second for each isolate and what is changed:\n");
    header("req/s  changed");
    for (scenario, outcome) in results {
        let each = scenario.requests_per_s / scenario.isolates as f64;
        row(&format!("{each:5}  {}", scenario.change), outcome);
    }
    println!();
}

/// How to read the tables.
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
        "✓: as good as the specification's figure, or better. These figures contradict each other: 60–80 % in L1 and 90–95 %\n\
         of the rest in KV leave the origin 1–4 %, not 5–10 %, and 20–40 % past L1 are 200–400 KV reads per 1,000, not 10–15.\n\
         Fetches include those behind stale answers. FIFO, unbounded and \"1 by 1\" (an LRU that evicts one entry at a time,\n\
         not a fifth) stand in the place of L1, with its size and time limit. A model of L1 itself agrees with the core on\n\
         all but {disagreements} of {requests} requests: there, a refresh behind a stale answer had renewed an entry."
    );
    assert!(
        disagreements * 500 <= requests,
        "the models are not to be trusted"
    );
}

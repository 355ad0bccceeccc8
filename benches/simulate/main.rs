//! `npm run simulate`: hit rates of a fleet of isolates on a virtual clock that the trace advances.
//!
//! Each isolate is the real service on [`ports`] that respond immediately. [`store`] models KV with
//! its delays. It is a bench target so that cargo builds it in release mode and `cargo test` does
//! not run it.
//!
//! `npm run simulate -- zipf-1.0/10000` runs only the scenarios with this text in their names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

pub mod cost;
pub mod edge;
pub mod edge_plan;
pub mod edge_report;
pub mod fleet;
pub mod model;
pub mod origin;
pub mod past;
pub mod plan;
pub mod plot;
pub mod ports;
pub mod report;
pub mod scenario;
pub mod store;
pub mod trace;

use std::fs;
use std::num::NonZero;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use scenario::{Outcome, Scenario};

pub fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` passes this flag; `cargo test --all-targets` does not.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    args.retain(|arg| !arg.starts_with("--"));
    let wanted = |scenario: &Scenario| args.iter().all(|part| scenario.name().contains(part));
    let (mut fleets, mut changes) = (plan::fleets(), plan::changes());
    fleets.retain(wanted);
    changes.retain(wanted);

    let started = Instant::now();
    let split = fleets.len();
    let results = run_all(fleets.into_iter().chain(changes).collect());
    let (fleets, changes) = results.split_at(split);
    if !results.is_empty() {
        report::assumptions();
        report::fleets(fleets);
        report::changes(changes);
        report::notes(&results);
    }
    let runs = results.len() + edge(&wanted, args.is_empty());
    if runs == 0 {
        println!("No scenario name contains: {}", args.join(" "));
        return;
    }
    println!("{runs} runs in {:.0} s", started.elapsed().as_secs_f64());
}

/// Runs and prints the scenarios of the edge cache, and draws the plot if it has all of them. Returns their number.
fn edge(wanted: &impl Fn(&Scenario) -> bool, all: bool) -> usize {
    let run = |mut scenarios: Vec<Scenario>| {
        scenarios.retain(wanted);
        run_all(scenarios)
    };
    let fleets = run(edge_plan::fleets());
    let conditions = run(edge_plan::conditions());
    let viral = run(edge_plan::viral());
    let deployments = run(edge_plan::deployments());
    let curves = if all {
        run(edge_plan::curves())
    } else {
        Vec::new()
    };
    let groups = [&fleets, &conditions, &viral, &deployments, &curves];
    let runs = groups.map(Vec::len).iter().sum();
    if runs > 0 {
        println!();
        edge_report::assumptions();
    }
    edge_report::fleets(&fleets);
    edge_report::conditions(&conditions);
    edge_report::viral(&viral);
    edge_report::deployments(&deployments);
    edge_report::costs(&fleets);
    if all {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/images/edge-cache.svg");
        fs::write(path, plot::svg(&fleets, &curves)).expect("docs/images can be written");
        println!("The plot is in docs/images/edge-cache.svg.");
    }
    runs
}

/// Runs the scenarios on all cores. Each run is deterministic.
fn run_all(scenarios: Vec<Scenario>) -> Vec<(Scenario, Outcome)> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let todo = Mutex::new(scenarios.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((index, scenario)) = todo.lock().unwrap().next() else {
                        break;
                    };
                    let outcome = scenario.run();
                    done.lock().unwrap().push((index, scenario, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, ..)| *index);
    done.into_iter()
        .map(|(_, scenario, outcome)| (scenario, outcome))
        .collect()
}

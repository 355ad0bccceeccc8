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

pub mod fleet;
pub mod model;
pub mod origin;
pub mod past;
pub mod plan;
pub mod ports;
pub mod report;
pub mod scenario;
pub mod store;
pub mod trace;

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
    if results.is_empty() {
        println!("No scenario name contains: {}", args.join(" "));
        return;
    }
    report::assumptions();
    report::fleets(fleets);
    report::changes(changes);
    report::notes(&results);
    println!(
        "{} runs in {:.0} s",
        results.len(),
        started.elapsed().as_secs_f64()
    );
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

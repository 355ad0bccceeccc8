//! `npm run simulate`: hit rates of a fleet of isolates, on a clock that the trace moves.
//!
//! Each isolate is the real service on [`ports`] that answer at once; [`store`] is KV, with its
//! delays. A bench, so that it is built for release and `cargo test` leaves it alone.
//!
//! `npm run simulate -- zipf-1.0/10000` runs only what has this in its name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

pub mod fleet;
pub mod model;
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
    // `cargo test --all-targets` runs benches without this.
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
        println!("Nothing has this in its name: {}", args.join(" "));
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

/// Runs them on all processors; each run is the same wherever and whenever it is made.
fn run_all(scenarios: Vec<Scenario>) -> Vec<(Scenario, Outcome)> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let todo = Mutex::new(scenarios.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((place, scenario)) = todo.lock().unwrap().next() else {
                        break;
                    };
                    let outcome = scenario.run();
                    done.lock().unwrap().push((place, scenario, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(place, ..)| *place);
    done.into_iter()
        .map(|(_, scenario, outcome)| (scenario, outcome))
        .collect()
}

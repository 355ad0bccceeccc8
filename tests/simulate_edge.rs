//! Tests the model of the edge cache in `npm run simulate`, rule by rule.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

#[allow(dead_code)] // the tests use only parts of it
#[path = "../benches/simulate/main.rs"]
mod simulate;

use serde_json::json;
use simulate::cost::{Month, break_even_share};
use simulate::edge::{Answer, Counts, Edge, Past, Response, Settings, Source, expected_runs};
use simulate::edge_plan::{self, ISOLATES, LIFETIMES_S, RATES};
use simulate::edge_report::requests_for_goal;
use simulate::model::{Model, Order};
use simulate::plot;
use simulate::scenario::{Outcome, SEED, Scenario};
use simulate::trace::{Shape, Trace};

const DAY_MS: u64 = 86_400_000;
const FROM_ORIGIN: Response = Response {
    source: Source::Origin,
    fresh_left_ms: DAY_MS,
    run_ms: 100,
};

fn copy(residence_left_ms: u64) -> Response {
    Response {
        source: Source::Copy { residence_left_ms },
        ..FROM_ORIGIN
    }
}

fn edge(settings: Settings) -> Edge {
    Edge::new(settings, None)
}

/// A scenario with the edge, a minute long.
fn short(isolates: usize) -> Scenario {
    Scenario {
        warm_up_s: 60,
        measured_s: 60,
        edge: Some(Settings::default()),
        ..Scenario::new(Shape::Zipf(1.0), 10_000, isolates)
    }
}

#[test]
fn a_response_from_the_origin_is_stored_for_the_ttl_and_never_longer_than_it_is_fresh() {
    let fresh_for = |fresh_left_ms| Response {
        fresh_left_ms,
        ..FROM_ORIGIN
    };
    assert_eq!(fresh_for(DAY_MS).lifetime_ms(300), 300_000);
    assert_eq!(fresh_for(20_000).lifetime_ms(300), 20_000);
    assert_eq!(fresh_for(20_999).lifetime_ms(300), 20_000, "whole seconds");
    assert_eq!(fresh_for(0).lifetime_ms(300), 0, "stale");
}

#[test]
fn a_response_from_memory_or_kv_is_stored_for_the_rest_of_its_time_in_memory() {
    assert_eq!(copy(20_999).lifetime_ms(300), 20_000);
    assert_eq!(copy(3_600_000).lifetime_ms(300), 300_000, "at most the ttl");
    let nearly_stale = Response {
        fresh_left_ms: 5_000,
        ..copy(20_000)
    };
    assert_eq!(nearly_stale.lifetime_ms(300), 5_000);
}

#[test]
fn the_time_left_in_memory_counts_from_the_insertion() {
    let mut memory = Model::new(Order::Lru, 10, 1, 300_000);
    assert_eq!(memory.residence_left_ms(7, 0), 0, "not cached");
    for now_ms in [1_000, 200_000] {
        memory.ask(7, now_ms);
    }
    let left = [1_000, 200_000, 301_000, 400_000].map(|now| memory.residence_left_ms(7, now));
    assert_eq!(left, [300_000, 101_000, 0, 0]);
}

#[test]
fn a_stored_response_answers_until_it_expires() {
    let mut edge = edge(Settings::default());
    assert_eq!(edge.ask(0, 7, 0), Answer::Miss);
    edge.store(0, 7, 0, &FROM_ORIGIN);
    assert_eq!(edge.ask(0, 7, 100), Answer::Lower);
    assert_eq!(edge.ask(0, 7, 300_099), Answer::Lower);
    assert_eq!(edge.ask(0, 7, 300_100), Answer::Miss);
    assert_eq!(edge.ask(0, 8, 100), Answer::Miss, "another image");
    let counts = Counts {
        lower: 2,
        runs: 3,
        ..Counts::default()
    };
    assert_eq!(edge.counts, counts);
}

#[test]
fn a_location_that_misses_gets_the_response_of_another_from_the_upper_tier() {
    let mut edge = edge(Settings::default());
    edge.store(0, 7, 0, &FROM_ORIGIN);
    assert_eq!(edge.ask(1, 7, 200_000), Answer::Upper);
    assert_eq!(edge.ask(1, 7, 200_001), Answer::Lower);
    assert_eq!(
        edge.ask(1, 7, 300_100),
        Answer::Miss,
        "the upper tier does not renew it"
    );
}

#[test]
fn locations_with_another_upper_tier_or_none_do_not_share_responses() {
    for (upper_tiers, answers) in [
        (0, [Answer::Miss, Answer::Miss]),
        (2, [Answer::Miss, Answer::Upper]),
    ] {
        let mut edge = edge(Settings {
            upper_tiers,
            ..Settings::default()
        });
        edge.store(0, 7, 0, &FROM_ORIGIN);
        assert_eq!([1, 2].map(|location| edge.ask(location, 7, 100)), answers);
        assert_eq!(edge.ask(0, 7, 100), Answer::Lower);
    }
}

#[test]
fn concurrent_misses_of_a_location_wait_for_one_run() {
    let mut edge = edge(Settings::default());
    assert_eq!(edge.ask(0, 7, 0), Answer::Miss);
    edge.store(0, 7, 0, &FROM_ORIGIN);
    assert_eq!(edge.ask(0, 7, 0), Answer::Collapsed);
    assert_eq!(edge.ask(0, 7, 99), Answer::Collapsed);
    assert_eq!(edge.ask(0, 7, 100), Answer::Lower);
}

#[test]
fn concurrent_misses_of_two_locations_wait_for_one_run_if_the_upper_tier_collapses() {
    for (upper_collapses, answer) in [(true, Answer::Collapsed), (false, Answer::Miss)] {
        let mut edge = edge(Settings {
            upper_collapses,
            ..Settings::default()
        });
        edge.store(0, 7, 0, &FROM_ORIGIN);
        assert_eq!(edge.ask(1, 7, 50), answer);
    }
}

#[test]
fn requests_do_not_wait_for_a_response_that_is_not_stored() {
    let mut edge = edge(Settings::default());
    edge.store(0, 7, 0, &copy(999));
    assert_eq!(edge.ask(0, 7, 50), Answer::Miss);
    assert_eq!(edge.ask(1, 7, 50), Answer::Miss);
}

#[test]
fn a_deployment_empties_the_edge() {
    let trace = Trace::new(Shape::Zipf(1.0), 1, 1_000.0, 1);
    let past = Past {
        trace,
        caches: 1,
        lifetime_ms: DAY_MS,
        seed: 1,
    };
    let mut edge = Edge::new(Settings::default(), Some(past));
    assert_eq!(edge.ask(0, 0, 0), Answer::Upper, "it begins with a past");
    edge.deploy();
    assert_eq!(edge.ask(0, 0, 1), Answer::Miss);
    assert_eq!(edge.ask(1, 0, 1), Answer::Miss);
}

#[test]
fn a_hit_at_the_edge_does_not_run_the_worker() {
    let Outcome {
        answers,
        kv_reads,
        edge,
        ..
    } = short(30).run();
    assert_eq!(answers.requests, edge.runs);
    assert!(edge.lower > edge.runs && edge.upper > 0);
    let beyond_memory = answers.requests - answers.memory;
    assert!((beyond_memory..beyond_memory + 50).contains(&kv_reads));
    let without = Scenario {
        edge: None,
        ..short(30)
    };
    let without = without.run();
    assert_eq!(without.edge, Counts::default());
    let requests = edge.lower + edge.upper + edge.collapsed + edge.runs;
    assert_eq!(without.answers.requests, requests);
    assert_eq!(without.requests(), requests);
}

#[test]
fn runs_follow_the_formula_for_every_rate_lifetime_and_number_of_tiers() {
    let long_memory = json!({ "memoryCacheTtl": 1_800 });
    for (requests_per_s, ttl_s, upper_tiers, settings) in [
        (100.0, 300, 1, json!({})),
        (100.0, 60, 1, json!({})),
        (20.0, 300, 1, json!({})),
        (100.0, 300, 0, json!({})),
        (100.0, 300, 2, json!({})),
        (100.0, 1_800, 1, long_memory),
        // Answers from KV are not stored for longer than memory keeps them.
        (100.0, 1_800, 1, json!({})),
    ] {
        let memory_ttl_s = settings["memoryCacheTtl"].as_u64().unwrap_or(300);
        let edge = Settings {
            ttl_s,
            upper_tiers,
            ..Settings::default()
        };
        let scenario = Scenario {
            requests_per_s,
            settings,
            warm_up_s: 100,
            measured_s: 300,
            edge: Some(edge),
            ..Scenario::new(Shape::Zipf(1.0), 10_000, 40)
        };
        let outcome = scenario.run();
        let caches = scenario.edge_caches(edge) as f64;
        let trace = Trace::new(scenario.shape, scenario.images, requests_per_s, SEED);
        let lifetime_s = ttl_s.min(memory_ttl_s) as f64 / caches;
        let expected = expected_runs(&trace, scenario.images, lifetime_s);
        let measured = outcome.edge.runs as f64 / outcome.requests() as f64;
        assert!(
            (measured / expected - 1.0).abs() < 0.05,
            "{requests_per_s} {edge:?}: {measured} instead of {expected}"
        );
    }
}

#[test]
fn the_goal_of_50_runs_per_1000_needs_155033_requests_per_lifetime() {
    let requests = requests_for_goal();
    assert!((requests - 155_033.0).abs() < 1.0, "{requests}");
}

#[test]
fn a_viral_image_runs_the_worker_once_per_lifetime_of_its_response() {
    let outcomes = edge_plan::viral().into_iter().map(|scenario| {
        let scenario = Scenario {
            measured_s: 60,
            ..scenario
        };
        scenario.run()
    });
    let [without, with, uncollapsed] = outcomes.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(without.answers.requests, without.requests());
    assert!(
        (300..330).contains(&without.kv_reads),
        "one for each isolate, and for some successors"
    );
    assert_eq!((with.edge.runs, with.origin_fetches), (1, 1));
    assert_eq!(with.requests(), without.requests());
    assert!(
        (2..=30).contains(&uncollapsed.edge.runs),
        "one per location"
    );
}

#[test]
fn a_deployment_empties_the_edge_and_memory_but_not_kv() {
    let deployed = Scenario {
        deploys: true,
        ..short(30)
    };
    let (deployed, steady) = (deployed.run(), short(30).run());
    assert!(deployed.edge.runs > 2 * steady.edge.runs);
    assert!(deployed.origin_fetches < steady.origin_fetches + 10);

    let memory_hits = |deploys| {
        let scenario = Scenario {
            deploys,
            edge: None,
            ..short(3)
        };
        scenario.run().answers.memory
    };
    assert!(memory_hits(true) < memory_hits(false));
}

#[test]
fn a_run_with_the_edge_is_deterministic() {
    assert_eq!(short(30).run(), short(30).run());
}

/// The counts are those of the simulation before it had an edge.
#[test]
fn a_fleet_without_the_edge_is_unchanged() {
    let scenario = Scenario {
        warm_up_s: 30,
        measured_s: 60,
        ..Scenario::new(Shape::Zipf(1.0), 10_000, 30)
    };
    let outcome = scenario.run();
    let counts = [
        outcome.answers.requests,
        outcome.answers.memory,
        outcome.kv_reads,
        outcome.kv_writes,
        outcome.origin_fetches,
    ];
    assert_eq!(counts, [6_120, 2_591, 3_553, 11, 11]);
}

#[test]
fn the_price_is_that_of_the_platforms_examples() {
    let example_4 = Month {
        millions: 100.0,
        service_share: 0.0,
        cpu_ms_per_run: 7.0,
        has_edge: false,
        runs: 1.0,
        kv_reads: 0.0,
        kv_writes: 0.0,
    };
    let example_5 = Month {
        has_edge: true,
        runs: 0.2,
        ..example_4
    };
    assert_eq!(format!("{:.2}", example_4.usd()), "45.40");
    assert_eq!(format!("{:.2}", example_5.usd()), "34.20");
}

#[test]
fn calls_through_a_service_binding_are_billed_with_the_edge_only() {
    let without = Month {
        millions: 100.0,
        service_share: 0.2,
        cpu_ms_per_run: 1.0,
        has_edge: false,
        runs: 1.0,
        kv_reads: 0.7,
        kv_writes: 0.02,
    };
    let with = Month {
        has_edge: true,
        ..without
    };
    let difference = with.usd() - without.usd();
    assert!((difference - 20.0 * 0.30).abs() < 1e-9, "{difference}");
    let kv_usd = 60.0 * 0.50 + 1.0 * 5.0;
    let usd = 5.0 + 70.0 * 0.30 + 70.0 * 0.02 + kv_usd;
    assert!((without.usd() - usd).abs() < 1e-9, "{}", without.usd());

    let saves = Month {
        runs: 0.1,
        kv_reads: 0.4,
        kv_writes: 0.01,
        ..with
    };
    let share = break_even_share(&without, &saves);
    assert!((0.0..1.0).contains(&share), "{share}");
    let at_break_even = |month: Month| Month {
        service_share: share,
        ..month
    };
    // So many requests that the included units do not matter.
    let large = |month: Month| Month {
        millions: 1_000_000.0,
        ..at_break_even(month)
    };
    let difference = large(without).usd() / large(saves).usd() - 1.0;
    assert!(difference.abs() < 0.001, "{difference}");
}

#[test]
fn the_plot_shows_every_scenario() {
    let outcome = Outcome {
        kv_reads: 706,
        ..short(30).run()
    };
    let results = |scenarios: Vec<Scenario>| -> Vec<_> {
        let with_outcome = |scenario| (scenario, outcome);
        scenarios.into_iter().map(with_outcome).collect()
    };
    let fleets = results(edge_plan::fleets());
    let curves = results(edge_plan::curves());
    let svg = plot::svg(&fleets, &curves);
    let number_of = |tag: &str| svg.matches(tag).count();
    assert_eq!(number_of("<polyline"), LIFETIMES_S.len());
    assert_eq!(number_of("<circle"), LIFETIMES_S.len() * RATES.len());
    let (page, legend) = (1, 4);
    assert_eq!(number_of("<rect"), page + legend + 4 * ISOLATES.len());
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

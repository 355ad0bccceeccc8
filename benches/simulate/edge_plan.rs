//! The scenarios of the edge cache: fleets with and without it, and changes of one condition at a time.

use serde_json::{Value, json};

use super::edge::Settings;
use super::scenario::Scenario;
use super::trace::Shape;

pub const ISOLATES: [usize; 4] = [1, 10, 100, 300];

/// The rates, in requests per second, and the lifetimes, in seconds, of the plot.
pub const RATES: [u32; 7] = [10, 20, 50, 100, 200, 500, 1_000];
pub const LIFETIMES_S: [u64; 3] = [60, 300, 3_600];

const DEFAULT_TTL_S: u64 = 300;

/// Zipf(1.0) over 10,000 images on fleets of every size: without the edge, then with it.
pub fn fleets() -> Vec<Scenario> {
    let pair = |isolates| {
        let without = Scenario::new(Shape::Zipf(1.0), 10_000, isolates);
        let with = Scenario {
            edge: Some(Settings::default()),
            ..without.clone()
        };
        [named("no edge", without), named("edge", with)]
    };
    ISOLATES.into_iter().flat_map(pair).collect()
}

/// The edge on 300 isolates, with one change at a time.
pub fn conditions() -> Vec<Scenario> {
    let with = |change, requests_per_s, edge, settings| Scenario {
        requests_per_s,
        settings,
        ..on(change, edge, Shape::Zipf(1.0), 10_000)
    };
    let images = |change, shape, images| on(change, Settings::default(), shape, images);
    let edge = Settings::default();
    let tiers = |upper_tiers| Settings {
        upper_tiers,
        ..edge
    };
    vec![
        with("edge: none", 100.0, edge, json!({})),
        with("edge: 10 requests/s", 10.0, edge, json!({})),
        with("edge: 1000 requests/s", 1_000.0, edge, json!({})),
        lasting("edge: edgeCacheTtl 60", 100.0, 60, json!({})),
        lasting("edge: edgeCacheTtl 1800", 100.0, 1_800, json!({})),
        kept("edge: … and memoryCacheTtl 1800", 100.0, 1_800),
        kept("edge: both 3600", 100.0, 3_600),
        with("edge: 5 upper tiers", 100.0, tiers(5), json!({})),
        with("edge: no upper tier", 100.0, tiers(0), json!({})),
        images("edge: 1,000 images", Shape::Zipf(1.0), 1_000),
        images("edge: 1,000,000 images", Shape::Zipf(1.0), 1_000_000),
        images("edge: Zipf(0.8)", Shape::Zipf(0.8), 10_000),
        images("edge: Zipf(1.2)", Shape::Zipf(1.2), 10_000),
    ]
}

/// One image that nobody has requested before, 1,000 times a second for ten minutes, on 300 isolates.
pub fn viral() -> Vec<Scenario> {
    let viral = |change, edge| Scenario {
        change,
        edge,
        requests_per_s: 1_000.0,
        warm_up_s: 0,
        measured_s: 600,
        kv_begins_empty: true,
        ..Scenario::new(Shape::Zipf(1.0), 1, 300)
    };
    let alone = Settings {
        upper_collapses: false,
        ..Settings::default()
    };
    vec![
        viral("viral: no edge", None),
        viral("viral: edge", Some(Settings::default())),
        viral("viral: edge, upper tier does not collapse", Some(alone)),
    ]
}

/// A deployment on 300 isolates. It empties the edge and the isolates' memory, but not KV.
pub fn deployments() -> Vec<Scenario> {
    let after = |change, edge, measured_s| Scenario {
        change,
        edge,
        measured_s,
        deploys: true,
        ..Scenario::new(Shape::Zipf(1.0), 10_000, 300)
    };
    let edge = Some(Settings::default());
    vec![
        after("deployment: no edge, first minute", None, 60),
        after("deployment: no edge, first 5 minutes", None, 300),
        after("deployment: edge, first minute", edge, 60),
        after("deployment: edge, first 5 minutes", edge, 300),
        after("deployment: edge, first 20 minutes", edge, 1_200),
    ]
}

/// Every rate with every lifetime, for the plot.
pub fn curves() -> Vec<Scenario> {
    let of_lifetime = |lifetime_s| {
        RATES.into_iter().map(move |rate| {
            let rate = f64::from(rate);
            if lifetime_s > DEFAULT_TTL_S {
                kept("edge: curve", rate, lifetime_s)
            } else {
                lasting("edge: curve", rate, lifetime_s, json!({}))
            }
        })
    };
    LIFETIMES_S.into_iter().flat_map(of_lifetime).collect()
}

fn named(change: &'static str, scenario: Scenario) -> Scenario {
    Scenario { change, ..scenario }
}

fn on(change: &'static str, edge: Settings, shape: Shape, images: u32) -> Scenario {
    Scenario {
        change,
        edge: Some(edge),
        ..Scenario::new(shape, images, 300)
    }
}

fn lasting(change: &'static str, requests_per_s: f64, ttl_s: u64, settings: Value) -> Scenario {
    let edge = Settings {
        ttl_s,
        ..Settings::default()
    };
    Scenario {
        requests_per_s,
        settings,
        ..on(change, edge, Shape::Zipf(1.0), 10_000)
    }
}

/// Raises `edgeCacheTtl` and `memoryCacheTtl`. One without the other does not store answers from KV for longer.
fn kept(change: &'static str, requests_per_s: f64, ttl_s: u64) -> Scenario {
    let settings = json!({ "memoryCacheTtl": ttl_s });
    lasting(change, requests_per_s, ttl_s, settings)
}

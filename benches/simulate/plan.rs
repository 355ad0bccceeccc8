//! The scenarios: every trace against fleets of every size, and one of them with changed settings.

use serde_json::json;

use super::scenario::Scenario;
use super::trace::Shape;

/// The scenarios with default settings.
pub fn fleets() -> Vec<Scenario> {
    let mut fleets = Vec::new();
    for shape in [
        Shape::Zipf(0.8),
        Shape::Zipf(1.0),
        Shape::Zipf(1.2),
        Shape::Scan,
    ] {
        for images in [10_000, 1_000_000] {
            for isolates in [1, 10, 100, 300] {
                fleets.push(Scenario::new(shape, images, isolates));
            }
        }
    }
    fleets
}

/// Zipf(1.0) over 10,000 images on ten isolates, with one change at a time, at two request rates.
/// The size of L1 matters only if an isolate sees many images within its TTL.
pub fn changes() -> Vec<Scenario> {
    let mut changes = changes_at(1.0);
    changes.extend(changes_at(10.0));
    changes.push(Scenario {
        change: "memoryCacheSize 5000",
        settings: json!({ "memoryCacheSize": 5_000 }),
        ..Scenario::new(Shape::Zipf(1.0), 10_000, 1)
    });
    changes.push(Scenario {
        change: "1 M images, kvCacheTtl 604800",
        settings: json!({ "kvCacheTtl": 604_800 }),
        ..Scenario::new(Shape::Zipf(1.0), 1_000_000, 10)
    });
    changes
}

fn changes_at(requests_per_s_each: f64) -> Vec<Scenario> {
    let base = Scenario {
        change: "none",
        requests_per_s: 10.0 * requests_per_s_each,
        ..Scenario::new(Shape::Zipf(1.0), 10_000, 10)
    };
    let with = |change, settings| Scenario {
        change,
        settings,
        ..base.clone()
    };
    // Entries of the same age expire together: measure one whole TTL, after the first.
    let with_hour = |change, settings| Scenario {
        warm_up_s: 3_600,
        measured_s: 3_600,
        ..with(change, settings)
    };
    let hour = json!({ "memoryCacheTtl": 3_600 });
    let hour_and_large = json!({ "memoryCacheTtl": 3_600, "memoryCacheSize": 5_000 });
    vec![
        base.clone(),
        with("memoryCacheSize 500", json!({ "memoryCacheSize": 500 })),
        with("memoryCacheSize 5000", json!({ "memoryCacheSize": 5_000 })),
        with("memoryCacheTtl 60", json!({ "memoryCacheTtl": 60 })),
        with_hour("memoryCacheTtl 3600", hour),
        with_hour("memoryCacheTtl 3600, Size 5000", hour_and_large.clone()),
        Scenario {
            mean_life_s: 7_200,
            ..with_hour("… and isolates live 2 h", hour_and_large)
        },
        with_hour("memoryCacheTtl 86400", json!({ "memoryCacheTtl": 86_400 })),
        Scenario {
            mean_life_s: 300,
            ..with("isolates live 5 min", json!({}))
        },
        Scenario {
            mean_life_s: 7_200,
            ..with("isolates live 2 h", json!({}))
        },
        with("kvCacheTtl 3600", json!({ "kvCacheTtl": 3_600 })),
        Scenario {
            kv_begins_empty: true,
            warm_up_s: 0,
            ..with("KV begins empty", json!({}))
        },
    ]
}

//! The bound after a purge, on random schedules of several isolates that share a KV with a cache for reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod support;

use std::rc::Rc;

use optimized_metadata::config::{Config, PurgeBound};
use optimized_metadata::http::{Method, Request, RequestBody, Response, Routes};
use optimized_metadata::telemetry::isolate::Isolate;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use support::{FakeResponse, Pending, Runtime, START_MS, Signal, TestIsolate};

/// The widths before and after the image changed.
const OLD: u32 = 1;
const NEW: u32 = 2;

/// The batch has more images than it fetches at a time, so that the last one waits for its turn.
const BATCH: &str = r#"{"paths":["b1","b2","b3","b4","b5","b6","b7","a.jpg"]}"#;

/// The locations of the isolates. Those at the same location share a cache for reads of KV.
const LOCATIONS: [usize; 4] = [0, 0, 1, 1];

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    OriginFails,
    OriginHangs,
    ImageIsInvalid,
    KvFails,
    KvHangs,
    /// A read takes this many thousandths of its time limit.
    KvIsSlow(u64),
    ClientIsRefused,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Get(usize),
    Batch(usize),
    Advance(u64),
    Fault(Fault),
}

/// A response, and when it was complete.
type Timed = (u64, Response);

struct Fleet {
    isolates: Vec<(TestIsolate, Rc<Routes<Signal>>)>,
    settings: Value,
    pending: Vec<Pending<Timed>>,
    width: u32,
}

impl Fleet {
    fn new(settings: Value) -> Self {
        let first = TestIsolate::new(settings.clone());
        first.runtime.cache_kv_reads();
        let others = LOCATIONS.map(|location| first.sibling(settings.clone(), location));
        let with_routes = |isolate: TestIsolate| {
            let id = Isolate::new([0.5, 0.5], START_MS);
            let routes = Routes::new(Rc::clone(&isolate.service), id, None, false);
            (isolate, Rc::new(routes))
        };
        let isolates = others.into_iter().map(with_routes).collect();
        let fleet = Self {
            isolates,
            settings,
            pending: Vec::new(),
            width: OLD,
        };
        fleet.set_fault(Fault::None);
        fleet
    }

    fn runtime(&self) -> &Runtime {
        &self.isolates[0].0.runtime
    }

    fn set_fault(&self, fault: Fault) {
        let runtime = self.runtime();
        let kv_timeout_ms = self.config().kv_timeout_ms;
        runtime.mock_origin([match fault {
            Fault::OriginFails => FakeResponse::Status(500),
            Fault::OriginHangs => FakeResponse::Timeout,
            Fault::ImageIsInvalid => FakeResponse::Size(0, 0),
            _ => FakeResponse::Size(self.width, 1),
        }]);
        runtime.set_admissions([Ok(!matches!(fault, Fault::ClientIsRefused))]);
        runtime.set_kv_fails(matches!(fault, Fault::KvFails));
        runtime.set_kv_hangs(matches!(fault, Fault::KvHangs));
        runtime.set_kv_latency(match fault {
            Fault::KvIsSlow(thousandths) => kv_timeout_ms * thousandths / 1_000,
            _ => 0,
        });
    }

    fn config(&self) -> Config {
        self.isolates[0].0.service.config().clone()
    }

    fn advance(&mut self, ms: u64) {
        self.isolates[0].0.advance(ms);
    }

    fn request(&mut self, isolate: usize, method: Method, path: &'static str, body: &'static str) {
        let (isolate, routes) = &mut self.isolates[isolate];
        let (routes, runtime) = (Rc::clone(routes), isolate.runtime.clone());
        let pending = isolate.spawn(async move {
            let request = Request {
                method,
                url: path,
                body: RequestBody::Bytes(body.into()),
                ..Request::default()
            };
            let response = routes.response(&request, &runtime).await;
            (now_ms(&runtime), response)
        });
        self.pending.push(pending);
    }

    fn get(&mut self, isolate: usize) {
        let path = "https://metadata.test/metadata/a.jpg";
        self.request(isolate, Method::Get, path, "");
    }

    /// Gets the image from an isolate and returns its width. Nothing may wait.
    fn width(&mut self, isolate: usize) -> Option<u32> {
        self.get(isolate);
        let pending = self.pending.pop().unwrap();
        let (_, response) = self.isolates[0].0.finish(pending);
        width(&response)
    }

    fn run(&mut self, steps: &[Step]) {
        let config = self.config();
        // Longer than any request: images of a batch wait for up to 15 seconds.
        let drain_ms = 2 * (config.kv_timeout_ms + config.origin_timeout_ms) + 20_000;
        for step in steps {
            match *step {
                Step::Get(isolate) => self.get(isolate),
                Step::Batch(isolate) => {
                    let path = "https://metadata.test/metadata";
                    self.request(isolate, Method::Post, path, BATCH);
                }
                Step::Advance(ms) => self.advance(ms),
                Step::Fault(fault) => {
                    // KV and the origin may not fail for the same look-up.
                    self.set_fault(Fault::None);
                    self.advance(drain_ms);
                    self.set_fault(fault);
                }
            }
        }
    }

    /// Changes the image at the origin and purges it. Returns the time of the response.
    fn purge(&mut self) -> u64 {
        self.width = NEW;
        self.set_fault(Fault::None);
        self.isolates[0].0.purge("a.jpg").unwrap();
        now_ms(self.runtime())
    }

    fn responses(mut self) -> Vec<Timed> {
        self.set_fault(Fault::None);
        self.advance(1_000_000);
        let isolate = &mut self.isolates[0].0;
        let pending = self.pending.into_iter();
        pending.map(|pending| isolate.finish(pending)).collect()
    }

    fn bound(&self) -> PurgeBound {
        let mut settings = self.settings.clone();
        settings["originUrl"] = json!("https://images.test");
        PurgeBound::of(&Config::from_json(&settings).unwrap())
    }
}

fn now_ms(runtime: &Runtime) -> u64 {
    use optimized_metadata::service::ports::Clock;
    runtime.now_ms()
}

/// Returns the width of the image in the response for it, or for a batch.
fn width(response: &Response) -> Option<u32> {
    let body: Value = serde_json::from_str(response.text().unwrap()).unwrap();
    let item = body["results"].get(7).unwrap_or(&body);
    let width = item["metadata"]["width"].as_u64()?;
    u32::try_from(width).ok()
}

/// Returns a directive of a header for caches, in milliseconds.
fn directive_ms(response: &Response, header: &str, name: &str) -> u64 {
    let value = response.headers.get(header).unwrap_or_default();
    let mut directives = value.split(", ").filter_map(|part| part.split_once('='));
    let seconds = directives.find_map(|(found, seconds)| (found == name).then_some(seconds));
    seconds.map_or(0, |seconds| seconds.parse::<u64>().unwrap() * 1_000)
}

/// Checks that a response with old metadata is within the bound, and everything that caches may do with it.
fn check(
    bound: &PurgeBound,
    purged_ms: u64,
    (at_ms, response): &Timed,
) -> Result<(), TestCaseError> {
    // At the very time of the purge it may have been complete before.
    if *at_ms <= purged_ms || width(response) != Some(OLD) {
        return Ok(());
    }
    let elapsed_ms = at_ms - purged_ms;
    let within = |what: &str, until_ms: u64, bound_s: u64| {
        prop_assert!(
            until_ms <= bound_s * 1_000,
            "{what}: {until_ms} ms, but at most {bound_s} s"
        );
        Ok(())
    };
    within("memory", elapsed_ms, bound.memory_s)?;
    let control = |name| directive_ms(response, "Cache-Control", name);
    let client_ms = control("max-age") + control("stale-while-revalidate");
    within("client", elapsed_ms + client_ms, bound.clients_s)?;
    let edge = |name| directive_ms(response, "Cloudflare-CDN-Cache-Control", name);
    let edge_ms = edge("max-age") + edge("stale-while-revalidate") + edge("stale-if-error");
    if edge_ms > 0 {
        within("edge", elapsed_ms + edge_ms, bound.edge_s.unwrap())?;
    }
    Ok(())
}

fn settings() -> impl Strategy<Value = Value> {
    let short = || select(&[0, 1, 7, 60, 200, 1_000]);
    let windows = (
        select(&[60, 100, 400, 3_000, 86_400]),
        select(&[30, 60, 90, 300]),
        short(),
        short(),
    );
    let others = (
        short(),
        short(),
        select(&[1, 400, 5_000]),
        select(&[1, 400, 20_000]),
        any::<bool>(),
        short(),
    );
    (windows, others).prop_map(
        |(
            (kv, read, while_revalidate, if_error),
            (memory, error, kv_timeout, origin_timeout, edge, max_age),
        )| {
            json!({
                "kvCacheTtl": kv, "kvReadCacheTtl": read, "staleWhileRevalidate": while_revalidate, "staleIfError": if_error,
                "memoryCacheTtl": memory, "errorTtl": error, "kvTimeoutMs": kv_timeout, "originTimeoutMs": origin_timeout,
                "edgeCache": edge, "clientMaxAge": max_age, "logLevel": "error",
            })
        },
    )
}

fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let isolate = || 0..LOCATIONS.len();
    let fault = prop_oneof![
        2 => Just(Fault::None),
        2 => Just(Fault::OriginFails),
        1 => Just(Fault::OriginHangs),
        1 => Just(Fault::ImageIsInvalid),
        1 => Just(Fault::KvFails),
        1 => Just(Fault::KvHangs),
        1 => Just(Fault::ClientIsRefused),
        2 => select(&[500, 999, 1_000, 1_001]).prop_map(Fault::KvIsSlow),
    ];
    let ms = select(&[
        1, 500, 999, 1_000, 6_000, 20_000, 59_999, 60_000, 99_000, 200_000, 299_999, 600_000,
    ]);
    let step = prop_oneof![
        5 => isolate().prop_map(Step::Get),
        1 => isolate().prop_map(Step::Batch),
        4 => ms.prop_map(Step::Advance),
        1 => fault.prop_map(Step::Fault),
    ];
    vec(step, 0..count)
}

proptest! {
    #[test]
    fn no_old_metadata_is_returned_after_the_bound(
        settings in settings(), before in steps(12), after in steps(40)
    ) {
        let mut fleet = Fleet::new(settings);
        let bound = fleet.bound();
        fleet.run(&before);
        let purged_ms = fleet.purge();
        fleet.run(&after);
        for response in fleet.responses() {
            check(&bound, purged_ms, &response)?;
        }
    }
}

/// Leaves a record in the read cache of location 1, which it reads again until `kvReadCacheTtl` after the purge.
fn purge_just_after_a_read(settings: Value) -> (Fleet, u64) {
    let mut fleet = Fleet::new(settings);
    fleet.run(&[Step::Get(0), Step::Get(2)]);
    assert_eq!(fleet.width(2), Some(OLD));
    let purged_ms = fleet.purge();
    (fleet, purged_ms)
}

#[test]
fn old_metadata_can_be_returned_until_almost_the_bound() {
    let (mut fleet, purged_ms) =
        purge_just_after_a_read(json!({ "edgeCache": true, "edgeCacheTtl": 3_600 }));
    let bound = fleet.bound();
    assert_eq!((bound.kv_s, bound.memory_s), (300, 601));
    fleet.advance(299_999);
    fleet.set_fault(Fault::KvIsSlow(1_000));
    fleet.get(3);
    fleet.advance(500);
    fleet.set_fault(Fault::None);
    fleet.advance(299_999);
    assert_eq!(fleet.width(3), Some(OLD), "600.498 seconds after the purge");
    fleet.advance(1);
    assert_eq!(fleet.width(3), Some(NEW));

    // The first of these responses may stay in the platform's cache for as long, and the last one longest with a client.
    let responses = fleet.responses();
    let old: Vec<&Timed> = responses
        .iter()
        .filter(|(at_ms, response)| *at_ms > purged_ms && width(response) == Some(OLD))
        .collect();
    let (at_ms, response) = old[0];
    let edge_ms = directive_ms(response, "Cloudflare-CDN-Cache-Control", "max-age");
    let edge_until_ms = at_ms - purged_ms + edge_ms;
    assert!(edge_until_ms > bound.edge_s.unwrap() * 1_000 - 1_000);
    let control = |name| directive_ms(response, "Cache-Control", name);
    assert_eq!(
        600_499 + control("max-age") + control("stale-while-revalidate"),
        bound.clients_s * 1_000 - 501
    );
}

#[test]
fn an_error_of_the_origin_keeps_old_metadata_until_almost_the_bound() {
    let settings = json!({
        "memoryCacheTtl": 1, "errorTtl": 1_000, "kvCacheTtl": 60, "staleWhileRevalidate": 0, "kvReadCacheTtl": 90,
    });
    let (mut fleet, _) = purge_just_after_a_read(settings);
    let bound = fleet.bound();
    fleet.advance(89_999);
    fleet.set_fault(Fault::OriginFails);
    assert_eq!(fleet.width(3), Some(OLD));
    fleet.set_fault(Fault::None);
    fleet.advance(999_999);
    assert_eq!(fleet.width(3), Some(OLD));
    // The bound includes the longest look-up.
    assert_eq!(bound.memory_s, 90 + 1_000 + 1 + 15 + 5);
    fleet.advance(1);
    assert_eq!(fleet.width(3), Some(NEW));
}

#[test]
fn an_image_that_waits_too_long_for_its_turn_is_not_served_from_memory_after_a_purge() {
    let settings = json!({ "memoryCacheTtl": 1, "kvReadCacheTtl": 30, "originTimeoutMs": 20_000 });
    let (mut fleet, purged_ms) = purge_just_after_a_read(settings);
    fleet.advance(60_000);
    fleet.set_fault(Fault::OriginHangs);
    fleet.run(&[Step::Batch(2)]);
    fleet.advance(60_000);
    let responses = fleet.responses();
    let (at_ms, response) = responses.last().unwrap();
    assert_eq!(at_ms - purged_ms, 80_000);
    assert_eq!(width(response), None, "{:?}", response.text());
}

//! What is published of an isolate's work, beside its answers: `/metrics`, `/stats`, data points and
//! lines of the log. Whoever goes by these names and this order finds them again in the next version.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::executor::block_on;
use optimized_metadata::http::{Bindings, Dataset, Method, Request, RequestBody, Routes};
use optimized_metadata::service::ports::Stored;
use optimized_metadata::telemetry::isolate::Isolate as Name;
use serde_json::{Value, json};
use support::{Answer, Gate, Isolate, START_MS, Signal};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const TOKEN: &str = "token";

/// A dataset that keeps what is written, or fails.
#[derive(Clone, Default)]
struct Points {
    written: Rc<RefCell<Vec<String>>>,
    fails: Rc<Cell<bool>>,
}

impl Dataset for Points {
    fn write(&self, point: &str) -> Result<(), String> {
        self.written.borrow_mut().push(point.to_owned());
        if self.fails.get() {
            return Err("asked to".to_owned());
        }
        Ok(())
    }
}

struct Published {
    isolate: Isolate,
    routes: Rc<Routes<Signal>>,
    points: Points,
}

impl Published {
    fn new(settings: Value) -> Self {
        let isolate = Isolate::new(settings);
        isolate.runtime.origin_answers([Answer::Size(800, 600)]);
        let points = Points::default();
        let name = Name::new([0.5, 0.25], START_MS - 1_500);
        let dataset = Box::new(points.clone());
        let routes = Routes::new(Rc::clone(&isolate.service), name, Some(dataset));
        Self {
            isolate,
            routes: Rc::new(routes),
            points,
        }
    }

    /// A request, and all that it leaves behind; the body of the answer.
    fn request(&mut self, method: Method, path: &str, body: &str) -> String {
        let (routes, runtime) = (Rc::clone(&self.routes), self.isolate.runtime.clone());
        let url = format!("https://metadata.test{path}");
        let body = body.as_bytes().to_vec();
        let pending = self.isolate.spawn(async move {
            let request = Request {
                method,
                url: &url,
                authorization: Some("Bearer token"),
                body: RequestBody::Bytes(body),
                bindings: Bindings {
                    kv: true,
                    admin_token: Some(TOKEN.to_owned()),
                },
                ..Request::default()
            };
            let answer = routes.response(&request, &runtime).await;
            answer.text().unwrap_or_default().to_owned()
        });
        self.isolate.finish(pending)
    }

    fn get(&mut self, path: &str) -> String {
        self.request(Method::Get, path, "")
    }

    /// The data points since the last call, as one JSON text each.
    fn points(&self) -> Vec<String> {
        self.points.written.take()
    }
}

/// A hit, a miss and a problem.
fn story() -> Published {
    let mut published = Published::new(json!({ "memoryCacheSize": 5 }));
    published.get("/metadata/a");
    published.isolate.advance(90_000);
    published.get("/metadata/a");
    published.get("/metadata/a//b");
    published
}

#[test]
fn the_names_of_prometheus() {
    let text = story().get("/metrics");
    let heads: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE optimized_metadata_"))
        .collect();
    assert_eq!(
        heads,
        [
            "isolate_info gauge",
            "start_time_seconds gauge",
            "answers_total counter",
            "stale_answers_total counter",
            "errors_total counter",
            "lookups_total counter",
            "kv_operations_total counter",
            "kv_failures_total counter",
            "origin_fetches_total counter",
            "origin_failures_total counter",
            "coalesced_total counter",
            "refreshes_total counter",
            "memory_evictions_total counter",
            "in_flight gauge",
            "memory_entries gauge",
            "memory_capacity gauge",
            "answer_duration_seconds histogram",
            "answer_age_seconds histogram",
        ]
    );
    let samples: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket"))
        .map(|line| line.replace("isolate=\"8000000040000000\"", "I"))
        .collect();
    let version = format!(
        "optimized_metadata_isolate_info{{id=\"8000000040000000\",version=\"{VERSION}\"}} 1"
    );
    assert_eq!(
        samples,
        [
            &version,
            "optimized_metadata_start_time_seconds{I} 1759999998.5",
            "optimized_metadata_answers_total{I,source=\"memory\"} 1",
            "optimized_metadata_answers_total{I,source=\"kv\"} 0",
            "optimized_metadata_answers_total{I,source=\"origin\"} 1",
            "optimized_metadata_answers_total{I,source=\"inflight\"} 0",
            "optimized_metadata_stale_answers_total{I} 0",
            "optimized_metadata_errors_total{I,code=\"invalid-path\"} 1",
            "optimized_metadata_lookups_total{I,layer=\"memory\",result=\"hit\"} 1",
            "optimized_metadata_lookups_total{I,layer=\"memory\",result=\"miss\"} 1",
            "optimized_metadata_lookups_total{I,layer=\"kv\",result=\"hit\"} 0",
            "optimized_metadata_lookups_total{I,layer=\"kv\",result=\"miss\"} 1",
            "optimized_metadata_lookups_total{I,layer=\"origin\",result=\"hit\"} 1",
            "optimized_metadata_lookups_total{I,layer=\"origin\",result=\"miss\"} 0",
            "optimized_metadata_kv_operations_total{I,operation=\"read\"} 1",
            "optimized_metadata_kv_operations_total{I,operation=\"write\"} 1",
            "optimized_metadata_kv_operations_total{I,operation=\"delete\"} 0",
            "optimized_metadata_kv_failures_total{I} 0",
            "optimized_metadata_origin_fetches_total{I} 1",
            "optimized_metadata_origin_failures_total{I} 0",
            "optimized_metadata_coalesced_total{I} 0",
            "optimized_metadata_refreshes_total{I} 0",
            "optimized_metadata_memory_evictions_total{I} 0",
            "optimized_metadata_in_flight{I} 0",
            "optimized_metadata_memory_entries{I} 1",
            "optimized_metadata_memory_capacity{I} 5",
            "optimized_metadata_answer_duration_seconds_sum{I,source=\"memory\"} 0",
            "optimized_metadata_answer_duration_seconds_count{I,source=\"memory\"} 1",
            "optimized_metadata_answer_duration_seconds_sum{I,source=\"kv\"} 0",
            "optimized_metadata_answer_duration_seconds_count{I,source=\"kv\"} 0",
            "optimized_metadata_answer_duration_seconds_sum{I,source=\"origin\"} 0",
            "optimized_metadata_answer_duration_seconds_count{I,source=\"origin\"} 1",
            "optimized_metadata_answer_duration_seconds_sum{I,source=\"inflight\"} 0",
            "optimized_metadata_answer_duration_seconds_count{I,source=\"inflight\"} 0",
            "optimized_metadata_answer_age_seconds_sum{I} 90",
            "optimized_metadata_answer_age_seconds_count{I} 2",
        ]
    );
    let ages: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("optimized_metadata_answer_age_seconds_bucket"))
        .map(|line| line.replace("{isolate=\"8000000040000000\",le=", ""))
        .collect();
    assert_eq!(ages[..3], ["\"60\"} 1", "\"300\"} 2", "\"900\"} 2"]);
    assert_eq!(ages.last().unwrap(), "\"+Inf\"} 2");
    assert!(text.contains(
        "answer_duration_seconds_bucket{isolate=\"8000000040000000\",source=\"kv\",le=\"0.001\"} 0\n"
    ));
    assert!(text.ends_with('\n'));
}

#[test]
fn the_names_of_stats() {
    let stats: Value = serde_json::from_str(&story().get("/stats")).unwrap();
    let durations = |counts: Value, count: u64| {
        json!({
            "le": [1, 2, 5, 15, 30, 60, 100, 250, 400, 600, 1000, 2500, 5000, 10000],
            "counts": counts, "sum": 0, "count": count,
        })
    };
    let one = durations(json!([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1);
    let none = durations(json!([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 0);
    assert_eq!(
        stats,
        json!({
            "isolate": { "id": "8000000040000000", "startedAt": START_MS - 1_500, "ageMs": 91_500 },
            "version": VERSION,
            "answers": { "memory": 1, "kv": 0, "origin": 1, "inflight": 0 },
            "stale": 0,
            "errors": { "invalid-path": 1 },
            "layers": {
                "memory": { "hits": 1, "misses": 1 },
                "kv": { "hits": 0, "misses": 1 },
                "origin": { "hits": 1, "misses": 0 },
            },
            "kv": { "reads": 1, "writes": 1, "deletes": 0, "failures": 0 },
            "origin": { "fetches": 1, "failures": 0 },
            "coalesced": 0, "refreshes": 0, "evictions": 0, "inFlight": 0, "entries": 1, "capacity": 5,
            "durationsMs": { "memory": one, "kv": none, "origin": one, "inflight": none },
            "agesS": {
                "le": [60, 300, 900, 3600, 10800, 21600, 43200, 86400, 172_800, 604_800],
                "counts": [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "sum": 90, "count": 2,
            },
        })
    );
    let fresh: Value = serde_json::from_str(&Published::new(json!({})).get("/stats")).unwrap();
    assert_eq!(fresh["errors"], json!({}));
}

#[test]
fn a_data_point_has_its_fields_in_their_order() {
    let mut published = Published::new(json!({}));
    let point = |source: &str, blobs: &str, doubles: &str| {
        format!(
            r#"{{"indexes":["{source}"],"blobs":["{source}",{blobs},"8000000040000000","{VERSION}"],"doubles":[{doubles}]}}"#
        )
    };
    let image = r#""","png","a""#;

    published.get("/metadata/a");
    published.isolate.advance(90_000);
    published.get("/metadata/a");
    let miss = point("origin", &format!(r#""miss",{image}"#), "0,0,0,0,1");
    let hit = point("memory", &format!(r#""hit",{image}"#), "0,90,0,0,1");
    assert_eq!(published.points(), [miss, hit.clone()]);

    let url = "https://metadata.test/metadata/a";
    let request = Request {
        url,
        ..Request::default()
    };
    let now_ms = START_MS + 90_000;
    let log = &published.isolate.runtime;
    assert!(published.routes.recall(&request, now_ms, log).is_some());
    assert_eq!(published.points(), [hit]);

    published
        .isolate
        .runtime
        .origin_answers([Answer::Status(500)]);
    published.get("/metadata/b");
    published.get("/metadata/b");
    published.get("/metadata/a/../%22");
    published.get("/nowhere");
    published.get("/health");
    published.get("/stats");
    published.request(Method::Options, "/metadata/a", "");
    let error = |source, state| {
        let blobs = format!(r#""{state}","origin-error","","b""#);
        point(source, &blobs, "0,0,0,0,1")
    };
    let problem = |code: &str, path: &str| {
        let blobs = format!(r#""none","{code}","","{path}""#);
        point("none", &blobs, "0,0,0,0,1")
    };
    assert_eq!(
        published.points(),
        [
            error("origin", "miss"),
            error("memory", "hit"),
            problem("invalid-path", "a/../%22"),
            problem("no-route", "/nowhere"),
        ]
    );

    published.request(Method::Post, "/metadata", r#"{"paths":["a","b","a//b"]}"#);
    let paths: Vec<_> = published
        .points()
        .iter()
        .map(|point| blob(point, 4))
        .collect();
    assert_eq!(paths, ["a", "b", "a//b"], "one for each of a batch");

    let stale = json!({
        "width": 800, "height": 600, "lastFetched": START_MS - 86_500_000,
        "confidence": "high", "source": "format-json"
    });
    let stored = Stored::Metadata(stale.to_string());
    published.isolate.runtime.put("metadata:c", stored);
    let (routes, runtime) = (
        Rc::clone(&published.routes),
        published.isolate.runtime.clone(),
    );
    let call = async move { routes.call("c", Ok(None), &runtime).await.is_ok() };
    let pending = published.isolate.spawn(call);
    assert!(published.isolate.finish(pending));
    let points = published.points();
    let fields = [
        blob(&points[0], 0),
        blob(&points[0], 1),
        blob(&points[0], 3),
    ];
    assert_eq!(fields, ["kv", "stale", ""]);
    block_on(
        published
            .routes
            .call("", Ok(None), &published.isolate.runtime),
    )
    .unwrap_err();
    assert_eq!(blob(&published.points()[0], 2), "invalid-path");
}

fn blob(point: &str, at: usize) -> String {
    let point: Value = serde_json::from_str(point).unwrap();
    point["blobs"][at].as_str().unwrap().to_owned()
}

#[test]
fn times_of_layers_are_in_data_points_also_of_problems() {
    let mut published = Published::new(json!({}));
    published.isolate.runtime.origin_answers([Answer::Never]);
    published.isolate.runtime.kv_hangs(true);
    let (routes, runtime) = (
        Rc::clone(&published.routes),
        published.isolate.runtime.clone(),
    );
    let call = async move { routes.call("a", Ok(None), &runtime).await.is_ok() };
    let pending = published.isolate.spawn(call);
    published.isolate.advance(5_500);
    assert!(!published.isolate.finish(pending));
    let points = published.points();
    assert_eq!(blob(&points[0], 2), "origin-timeout");
    assert!(
        points[0].ends_with(r#""doubles":[5500,0,500,5000,1]}"#),
        "{}",
        points[0]
    );
}

#[test]
fn a_dataset_that_fails_is_told_of_once_and_costs_no_answer() {
    let mut published = Published::new(json!({}));
    published.points.fails.set(true);
    for _ in 0..3 {
        assert!(published.get("/metadata/a").contains("\"width\":800"));
        published.isolate.advance(120_000);
    }
    assert_eq!(published.points().len(), 3);
    assert_eq!(
        published.isolate.runtime.log(),
        [r#"{"cause":"asked to","event":"dataset-fault","level":"warn"}"#]
    );
}

#[test]
fn what_an_admin_does_is_logged_and_what_others_do_is_not() {
    let mut published = Published::new(json!({}));
    published.get("/metadata/a");
    published.get("/metadata/a//b");
    published.get("/metrics");
    published.request(Method::Post, "/metadata", "{}");
    assert!(published.isolate.runtime.log().is_empty());
    published.request(Method::Delete, "/metadata/a%20b?token=secret", "");
    let url = "https://metadata.test/stats";
    let bindings = Bindings {
        kv: true,
        admin_token: Some("another".to_owned()),
    };
    let request = Request {
        url,
        authorization: Some("Bearer token"),
        bindings,
        ..Request::default()
    };
    block_on(
        published
            .routes
            .response(&request, &published.isolate.runtime),
    );
    assert_eq!(
        published.isolate.runtime.log(),
        [
            r#"{"event":"request","level":"info","method":"DELETE","path":"/metadata/a%20b","status":200}"#,
            r#"{"code":"forbidden","event":"request","level":"info","method":"GET","path":"/stats","status":403}"#,
        ]
    );
}

#[test]
fn at_debug_every_request_has_one_line_and_so_has_the_metadata_that_it_returns() {
    let mut published = Published::new(json!({ "logLevel": "debug" }));
    let long = format!("/metadata/{}", "é".repeat(300));
    published.get("/metadata/a");
    published.get(&long);
    let url = "https://metadata.test/metadata/a?aspect=1:1";
    let request = Request {
        url,
        ..Request::default()
    };
    let log = &published.isolate.runtime;
    let _ = published.routes.recall(&request, START_MS, log).unwrap();
    block_on(published.routes.call("a\n\"", Ok(None), log)).unwrap_err();
    let cut = format!("/metadata/{}", "%C3%A9".repeat(41));
    let lines = published.isolate.runtime.log();
    assert_eq!(
        lines,
        [
            r#"{"durationMs":0,"event":"cache-miss","level":"debug","path":"a","source":"origin"}"#,
            r#"{"cacheStatus":"OptimizedMetadata; fwd=miss; fwd-status=200; stored; detail=origin","event":"request","level":"debug","method":"GET","path":"/metadata/a","serverTiming":"memory;dur=0, kv;dur=0, origin;dur=0, total;dur=0","status":200}"#,
            &format!(
                r#"{{"durationMs":0,"event":"cache-miss","level":"debug","path":"{}","source":"origin"}}"#,
                "%C3%A9".repeat(42) + "%C3%"
            ),
            &format!(
                r#"{{"cacheStatus":"OptimizedMetadata; fwd=miss; fwd-status=200; stored; detail=origin","event":"request","level":"debug","method":"GET","path":"{cut}","serverTiming":"memory;dur=0, kv;dur=0, origin;dur=0, total;dur=0","status":200}}"#
            ),
            r#"{"durationMs":0,"event":"cache-hit","level":"debug","path":"a","source":"memory"}"#,
            r#"{"cacheStatus":"OptimizedMetadata; hit; ttl=83289; detail=memory","event":"request","level":"debug","method":"GET","path":"/metadata/a","serverTiming":"memory;dur=0, total;dur=0","status":200}"#,
            r#"{"code":"invalid-path","event":"request","level":"debug","method":"RPC","path":"a%0A%22","status":400}"#,
        ]
    );
}

#[test]
fn at_debug_the_log_has_pruning_coalescing_and_the_source_of_each_image() {
    let mut published = Published::new(json!({ "logLevel": "debug", "memoryCacheSize": 1 }));
    let lines = |published: &Published| {
        let lines = published.isolate.runtime.log().into_iter();
        lines
            .filter(|line| !line.contains("\"request\""))
            .collect::<Vec<_>>()
    };
    published.get("/metadata/a");
    published.isolate.advance(0);
    let batch = r#"{"paths":["b","a"]}"#;
    published.request(Method::Post, "/metadata", batch);
    assert_eq!(
        lines(&published),
        [
            r#"{"durationMs":0,"event":"cache-miss","level":"debug","path":"a","source":"origin"}"#,
            r#"{"before":1,"event":"pruning","level":"debug","pruned":1}"#,
            r#"{"durationMs":0,"event":"cache-miss","level":"debug","path":"b","source":"origin"}"#,
            r#"{"durationMs":0,"event":"cache-hit","level":"debug","path":"a","source":"memory"}"#,
        ]
    );

    let (gate, open) = Gate::new();
    published.isolate.runtime.kv_reads_wait(gate);
    let calls = ["a", "a"].map(|path| {
        let (routes, runtime) = (
            Rc::clone(&published.routes),
            published.isolate.runtime.clone(),
        );
        published
            .isolate
            .spawn(async move { routes.call(path, Ok(None), &runtime).await.is_ok() })
    });
    published.isolate.advance(20);
    open.send(()).unwrap();
    for call in calls {
        assert!(published.isolate.finish(call));
    }
    assert_eq!(
        lines(&published)[4..],
        [
            r#"{"event":"coalescing","key":"metadata:a","level":"debug"}"#,
            r#"{"before":1,"event":"pruning","level":"debug","pruned":1}"#,
            r#"{"durationMs":20,"event":"cache-hit","level":"debug","path":"a","source":"kv"}"#,
            r#"{"durationMs":20,"event":"coalesced-request","level":"debug","path":"a","source":"inflight"}"#,
        ]
    );
}

#[test]
fn health_tells_the_version_and_the_optional_parts() {
    let mut published = Published::new(json!({ "originBucket": "IMAGES" }));
    let health = published.get("/health");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        health,
        format!(
            r#"{{"bindings":{{"adminToken":true,"analytics":true,"bucket":true,"kv":true}},"status":"ok","version":"{version}"}}"#
        )
    );
    assert!(
        Published::new(json!({}))
            .get("/health")
            .contains(r#""bucket":false"#)
    );
}

//! Golden tests of the published names and orders: `/metrics`, `/stats`, `/health`, data points and log lines.
//! Dashboards and queries depend on them, so a later version must not change them.

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
use optimized_metadata::http::{Bindings, Dataset, Extras, Method, Request, RequestBody, Routes};
use optimized_metadata::queue::Delivery;
use optimized_metadata::service::ports::{Clock, Stored};
use optimized_metadata::telemetry::isolate::Isolate;
use serde_json::{Value, json};
use support::{FakeResponse, Gate, START_MS, Signal, TestIsolate};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const TOKEN: &str = "token";

/// A dataset that records each data point that is written, and can be made to fail.
#[derive(Clone, Default)]
struct Points {
    written: Rc<RefCell<Vec<String>>>,
    fails: Rc<Cell<bool>>,
}

impl Dataset for Points {
    fn write(&self, point: &str) -> Result<(), String> {
        self.written.borrow_mut().push(point.to_owned());
        if self.fails.get() {
            return Err("write failed".to_owned());
        }
        Ok(())
    }
}

struct TestServer {
    isolate: TestIsolate,
    routes: Rc<Routes<Signal>>,
    points: Points,
}

impl TestServer {
    fn new(settings: Value) -> Self {
        let isolate = TestIsolate::new(settings);
        isolate.runtime.mock_origin([FakeResponse::Size(800, 600)]);
        let points = Points::default();
        let id = Isolate::new([0.5, 0.25], START_MS - 1_500);
        let dataset = Box::new(points.clone());
        let routes = Routes::new(Rc::clone(&isolate.service), id, Some(dataset), false);
        Self {
            isolate,
            routes: Rc::new(routes),
            points,
        }
    }

    /// Sends a request, runs it and its background work to the end, and returns the body of the response.
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
                    queue: true,
                    rate_limit: true,
                    admin_token: Some(TOKEN.to_owned()),
                },
                ..Request::default()
            };
            let response = routes.response(&request, &runtime).await;
            response.text().unwrap_or_default().to_owned()
        });
        self.isolate.finish(pending)
    }

    fn get(&mut self, path: &str) -> String {
        self.request(Method::Get, path, "")
    }

    /// Delivers a message of the queue, 7 seconds after it was sent.
    fn deliver(&mut self, body: Value) {
        let (routes, runtime) = (Rc::clone(&self.routes), self.isolate.runtime.clone());
        let sent_ms = runtime.now_ms() - 7_000;
        let delivery = Delivery {
            body,
            attempts: 1,
            sent_ms,
        };
        let pending = self
            .isolate
            .spawn(async move { routes.consume(&[delivery], &runtime).await.len() });
        assert_eq!(self.isolate.finish(pending), 1);
    }

    /// Returns the data points since the last call, each as JSON.
    fn points(&self) -> Vec<String> {
        self.points.written.take()
    }
}

/// A server that has had a miss, a hit, an error and a message of the queue.
fn server_with_traffic() -> TestServer {
    let mut server = TestServer::new(json!({ "memoryCacheSize": 5 }));
    server.get("/metadata/a");
    server.isolate.advance(90_000);
    server.get("/metadata/a");
    server.get("/metadata/a//b");
    server.deliver(json!({ "action": "purge", "paths": ["b"] }));
    server
}

#[test]
fn the_metrics_endpoint_lists_its_families_and_samples_in_order() {
    let text = server_with_traffic().get("/metrics");
    let types: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE optimized_metadata_"))
        .collect();
    assert_eq!(
        types,
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
            "pictures_total counter",
            "coalesced_total counter",
            "refreshes_total counter",
            "memory_evictions_total counter",
            "in_flight gauge",
            "memory_entries gauge",
            "memory_capacity gauge",
            "answer_duration_seconds histogram",
            "answer_age_seconds histogram",
            "events_total counter",
            "event_age_seconds histogram",
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
            "optimized_metadata_kv_operations_total{I,operation=\"delete\"} 1",
            "optimized_metadata_kv_failures_total{I} 0",
            "optimized_metadata_origin_fetches_total{I} 1",
            "optimized_metadata_origin_failures_total{I} 0",
            "optimized_metadata_pictures_total{I,result=\"made\"} 0",
            "optimized_metadata_pictures_total{I,result=\"refused\"} 0",
            "optimized_metadata_pictures_total{I,result=\"failed\"} 0",
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
            "optimized_metadata_events_total{I,action=\"write\",outcome=\"done\"} 0",
            "optimized_metadata_events_total{I,action=\"write\",outcome=\"retried\"} 0",
            "optimized_metadata_events_total{I,action=\"delete\",outcome=\"done\"} 0",
            "optimized_metadata_events_total{I,action=\"delete\",outcome=\"retried\"} 0",
            "optimized_metadata_events_total{I,action=\"purge\",outcome=\"done\"} 1",
            "optimized_metadata_events_total{I,action=\"purge\",outcome=\"retried\"} 0",
            "optimized_metadata_events_total{I,action=\"warm\",outcome=\"done\"} 0",
            "optimized_metadata_events_total{I,action=\"warm\",outcome=\"retried\"} 0",
            "optimized_metadata_events_total{I,action=\"unknown\",outcome=\"malformed\"} 0",
            "optimized_metadata_event_age_seconds_sum{I} 7",
            "optimized_metadata_event_age_seconds_count{I} 1",
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
fn the_stats_endpoint_returns_all_its_fields() {
    let stats: Value = serde_json::from_str(&server_with_traffic().get("/stats")).unwrap();
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
            "kv": { "reads": 1, "writes": 1, "deletes": 1, "failures": 0 },
            "origin": { "fetches": 1, "failures": 0 },
            "pictures": { "made": 0, "refused": 0, "failed": 0 },
            "coalesced": 0, "refreshes": 0, "evictions": 0, "inFlight": 0, "entries": 1, "capacity": 5,
            "durationsMs": { "memory": one, "kv": none, "origin": one, "inflight": none },
            "agesS": {
                "le": [60, 300, 900, 3600, 10800, 21600, 43200, 86400, 172_800, 604_800],
                "counts": [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "sum": 90, "count": 2,
            },
            "events": {
                "write": { "done": 0, "retried": 0 },
                "delete": { "done": 0, "retried": 0 },
                "purge": { "done": 1, "retried": 0 },
                "warm": { "done": 0, "retried": 0 },
                "malformed": 0,
            },
            "eventAgesS": {
                "le": [1, 2, 5, 15, 30, 60, 120, 300, 900, 3600],
                "counts": [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], "sum": 7, "count": 1,
            },
        })
    );
    let fresh: Value = serde_json::from_str(&TestServer::new(json!({})).get("/stats")).unwrap();
    assert_eq!(fresh["errors"], json!({}));
}

#[test]
fn a_data_point_has_its_fields_in_a_fixed_order() {
    let mut server = TestServer::new(json!({}));
    let point = |source: &str, blobs: &str, doubles: &str| {
        format!(
            r#"{{"indexes":["{source}"],"blobs":["{source}",{blobs},"8000000040000000","{VERSION}"],"doubles":[{doubles}]}}"#
        )
    };
    let image = r#""","png","a""#;

    server.get("/metadata/a");
    server.isolate.advance(90_000);
    server.get("/metadata/a");
    let miss = point("origin", &format!(r#""miss",{image}"#), "0,0,0,0,1");
    let hit = point("memory", &format!(r#""hit",{image}"#), "0,90,0,0,1");
    assert_eq!(server.points(), [miss, hit.clone()]);

    let url = "https://metadata.test/metadata/a";
    let request = Request {
        url,
        ..Request::default()
    };
    let now_ms = START_MS + 90_000;
    let log = &server.isolate.runtime;
    assert!(
        server
            .routes
            .response_from_memory(&request, now_ms, log)
            .is_some()
    );
    assert_eq!(server.points(), [hit]);

    server
        .isolate
        .runtime
        .mock_origin([FakeResponse::Status(500)]);
    server.get("/metadata/b");
    server.get("/metadata/b");
    server.get("/metadata/a/../%22");
    server.get("/nowhere");
    server.get("/health");
    server.get("/stats");
    server.request(Method::Options, "/metadata/a", "");
    let error = |source, state| {
        let blobs = format!(r#""{state}","origin-error","","b""#);
        point(source, &blobs, "0,0,0,0,1")
    };
    let problem = |code: &str, path: &str| {
        let blobs = format!(r#""none","{code}","","{path}""#);
        point("none", &blobs, "0,0,0,0,1")
    };
    assert_eq!(
        server.points(),
        [
            error("origin", "miss"),
            error("memory", "hit"),
            problem("invalid-path", "a/../%22"),
            problem("no-route", "/nowhere"),
        ]
    );

    server.request(Method::Post, "/metadata", r#"{"paths":["a","b","a//b"]}"#);
    let paths: Vec<_> = server.points().iter().map(|point| blob(point, 4)).collect();
    assert_eq!(
        paths,
        ["a", "b", "a//b"],
        "one data point per path of the batch"
    );

    let stale = json!({
        "width": 800, "height": 600, "lastFetched": START_MS - 86_500_000,
        "confidence": "high", "source": "format-json"
    });
    let stored = Stored::Metadata(stale.to_string());
    server.isolate.runtime.kv_put("metadata:c", stored);
    let (routes, runtime) = (Rc::clone(&server.routes), server.isolate.runtime.clone());
    let call = async move {
        routes
            .call("c", Ok(Extras::default()), &runtime)
            .await
            .is_ok()
    };
    let pending = server.isolate.spawn(call);
    assert!(server.isolate.finish(pending));
    let points = server.points();
    let fields = [
        blob(&points[0], 0),
        blob(&points[0], 1),
        blob(&points[0], 3),
    ];
    assert_eq!(fields, ["kv", "stale", ""]);
    block_on(
        server
            .routes
            .call("", Ok(Extras::default()), &server.isolate.runtime),
    )
    .unwrap_err();
    assert_eq!(blob(&server.points()[0], 2), "invalid-path");
}

#[test]
fn a_data_point_of_a_message_has_its_fields_in_a_fixed_order() {
    let mut server = TestServer::new(json!({}));
    let point = |outcome: &str, action: &str| {
        format!(
            r#"{{"indexes":["queue"],"blobs":["queue","{outcome}","{action}","","","8000000040000000","{VERSION}"],"doubles":[0,7,0,0,1]}}"#
        )
    };
    server.deliver(json!({ "action": "warm", "paths": ["a"] }));
    server.deliver(json!("text"));
    server
        .isolate
        .runtime
        .mock_origin([FakeResponse::Status(500)]);
    server.deliver(json!({ "action": "warm", "paths": ["b"] }));
    assert_eq!(
        server.points(),
        [
            point("done", "warm"),
            point("malformed", "unknown"),
            point("retried", "warm"),
        ]
    );
}

fn blob(point: &str, at: usize) -> String {
    let point: Value = serde_json::from_str(point).unwrap();
    point["blobs"][at].as_str().unwrap().to_owned()
}

#[test]
fn a_data_point_of_an_error_has_the_layer_durations() {
    let mut server = TestServer::new(json!({}));
    server.isolate.runtime.mock_origin([FakeResponse::Timeout]);
    server.isolate.runtime.set_kv_hangs(true);
    let (routes, runtime) = (Rc::clone(&server.routes), server.isolate.runtime.clone());
    let call = async move {
        routes
            .call("a", Ok(Extras::default()), &runtime)
            .await
            .is_ok()
    };
    let pending = server.isolate.spawn(call);
    server.isolate.advance(5_500);
    assert!(!server.isolate.finish(pending));
    let points = server.points();
    assert_eq!(blob(&points[0], 2), "origin-timeout");
    assert!(
        points[0].ends_with(r#""doubles":[5500,0,500,5000,1]}"#),
        "{}",
        points[0]
    );
}

#[test]
fn a_dataset_failure_is_logged_once_and_does_not_affect_the_response() {
    let mut server = TestServer::new(json!({}));
    server.points.fails.set(true);
    for _ in 0..3 {
        assert!(server.get("/metadata/a").contains("\"width\":800"));
        server.isolate.advance(120_000);
    }
    assert_eq!(server.points().len(), 3);
    assert_eq!(
        server.isolate.runtime.log(),
        [r#"{"cause":"write failed","event":"dataset-fault","level":"warn"}"#]
    );
}

#[test]
fn admin_requests_are_logged_at_info_and_other_requests_are_not() {
    let mut server = TestServer::new(json!({}));
    server.get("/metadata/a");
    server.get("/metadata/a//b");
    server.get("/metrics");
    server.request(Method::Post, "/metadata", "{}");
    assert!(server.isolate.runtime.log().is_empty());
    server.request(Method::Delete, "/metadata/a%20b?token=secret", "");
    let url = "https://metadata.test/stats";
    let bindings = Bindings {
        kv: true,
        queue: true,
        rate_limit: true,
        admin_token: Some("another".to_owned()),
    };
    let request = Request {
        url,
        authorization: Some("Bearer token"),
        bindings,
        ..Request::default()
    };
    block_on(server.routes.response(&request, &server.isolate.runtime));
    assert_eq!(
        server.isolate.runtime.log(),
        [
            r#"{"event":"request","level":"info","method":"DELETE","path":"/metadata/a%20b","status":200}"#,
            r#"{"code":"forbidden","event":"request","level":"info","method":"GET","path":"/stats","status":403}"#,
        ]
    );
}

#[test]
fn at_debug_every_request_and_every_lookup_has_one_log_line() {
    let mut server = TestServer::new(json!({ "logLevel": "debug" }));
    let long = format!("/metadata/{}", "é".repeat(300));
    server.get("/metadata/a");
    server.get(&long);
    let url = "https://metadata.test/metadata/a?aspect=1:1";
    let request = Request {
        url,
        ..Request::default()
    };
    let log = &server.isolate.runtime;
    let _ = server
        .routes
        .response_from_memory(&request, START_MS, log)
        .unwrap();
    block_on(server.routes.call("a\n\"", Ok(Extras::default()), log)).unwrap_err();
    let cut = format!("/metadata/{}", "%C3%A9".repeat(41));
    let lines = server.isolate.runtime.log();
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
fn at_debug_the_log_has_evictions_coalesced_requests_and_the_source_of_each_image() {
    let mut server = TestServer::new(json!({ "logLevel": "debug", "memoryCacheSize": 1 }));
    let lines = |server: &TestServer| {
        let lines = server.isolate.runtime.log().into_iter();
        lines
            .filter(|line| !line.contains("\"request\""))
            .collect::<Vec<_>>()
    };
    server.get("/metadata/a");
    server.isolate.advance(0);
    let batch = r#"{"paths":["b","a"]}"#;
    server.request(Method::Post, "/metadata", batch);
    assert_eq!(
        lines(&server),
        [
            r#"{"durationMs":0,"event":"cache-miss","level":"debug","path":"a","source":"origin"}"#,
            r#"{"before":1,"event":"pruning","level":"debug","pruned":1}"#,
            r#"{"durationMs":0,"event":"cache-miss","level":"debug","path":"b","source":"origin"}"#,
            r#"{"durationMs":0,"event":"cache-hit","level":"debug","path":"a","source":"memory"}"#,
        ]
    );

    let (gate, open) = Gate::new();
    server.isolate.runtime.gate_kv_reads(gate);
    let calls = ["a", "a"].map(|path| {
        let (routes, runtime) = (Rc::clone(&server.routes), server.isolate.runtime.clone());
        server.isolate.spawn(async move {
            routes
                .call(path, Ok(Extras::default()), &runtime)
                .await
                .is_ok()
        })
    });
    server.isolate.advance(20);
    open.send(()).unwrap();
    for call in calls {
        assert!(server.isolate.finish(call));
    }
    assert_eq!(
        lines(&server)[4..],
        [
            r#"{"event":"coalescing","key":"metadata:a","level":"debug"}"#,
            r#"{"before":1,"event":"pruning","level":"debug","pruned":1}"#,
            r#"{"durationMs":20,"event":"cache-hit","level":"debug","path":"a","source":"kv"}"#,
            r#"{"durationMs":20,"event":"coalesced-request","level":"debug","path":"a","source":"inflight"}"#,
        ]
    );
}

#[test]
fn the_health_endpoint_returns_the_version_the_bindings_and_the_origins() {
    let mut server = TestServer::new(json!({
        "originBucket": "IMAGES",
        "origins": [
            { "prefix": "og", "service": "RENDERER" },
            { "prefix": "cdn/avatars", "bucket": "AVATARS" },
        ],
    }));
    let health = server.get("/health");
    let version = env!("CARGO_PKG_VERSION");
    let bindings = r#"{"adminToken":true,"analytics":true,"bucket":true,"images":false,"kv":true,"queue":true,"rateLimit":true}"#;
    let origins = concat!(
        r#"[{"kind":"bucket","prefix":"cdn/avatars"},{"kind":"service","prefix":"og"},"#,
        r#"{"kind":"bucket","prefix":""},{"kind":"url","prefix":""}]"#
    );
    assert_eq!(
        health,
        format!(
            r#"{{"bindings":{bindings},"origins":{origins},"status":"ok","version":"{version}"}}"#
        )
    );
    let health = TestServer::new(json!({})).get("/health");
    assert!(health.contains(r#""bucket":false"#), "{health}");
    let origins = r#""origins":[{"kind":"url","prefix":""}]"#;
    assert!(health.contains(origins), "{health}");
}

#[test]
fn the_bodies_of_versions_have_the_query_after_the_path() {
    let mut server = TestServer::new(json!({ "query": ["v"] }));
    let metadata = r#""metadata":{"width":800,"height":600,"format":"png","mimeType":"image/png","confidence":"medium","source":"format-json"}"#;
    let image = server.get("/metadata/a.jpg?utm=1&v=3");
    assert_eq!(
        image,
        format!(r#"{{"path":"a.jpg","query":"v=3",{metadata}}}"#)
    );
    let batch = server.request(
        Method::Post,
        "/metadata",
        r#"{"paths":["a.jpg?v=3","a%3Fv=3"]}"#,
    );
    let found = format!(r#"{{"status":200,"path":"a.jpg","query":"v=3",{metadata}}}"#);
    assert!(batch.contains(&found), "{batch}");
    assert!(batch.contains(r#""path":"a?v=3","#), "{batch}");
    let purged = server.request(Method::Delete, "/metadata/a.jpg", "");
    assert_eq!(purged, r#"{"purged":2}"#);
}

#[test]
fn a_path_without_an_origin_and_a_malformed_version_have_problems_of_their_own() {
    let mut server = TestServer::new(json!({
        "originUrl": null,
        "origins": [{ "prefix": "cdn", "url": "https://cdn.test", "query": ["v"] }],
    }));
    for (path, code, detail) in [
        (
            "/metadata/a.jpg",
            "not-found",
            "No origin is configured for this path. Check the path, or add an origin for it to the setting 'origins'.",
        ),
        (
            "/metadata/cdn/a.jpg?v=a%20b",
            "invalid-parameter",
            "The parameter 'v' takes 1 to 64 letters, digits or characters of '-._~'.",
        ),
        (
            "/metadata/cdn/a.jpg?v=1&v=2",
            "invalid-parameter",
            "The parameter 'v' is given more than once; give it once.",
        ),
    ] {
        let problem: Value = serde_json::from_str(&server.get(path)).unwrap();
        assert_eq!(
            (&problem["code"], &problem["detail"]),
            (&json!(code), &json!(detail))
        );
    }
    let batch = r#"{"paths":["a.jpg?v=3","cdn/a.jpg?v="]}"#;
    let batch: Value =
        serde_json::from_str(&server.request(Method::Post, "/metadata", batch)).unwrap();
    let codes = [0, 1].map(|n| batch["results"][n]["problem"]["code"].clone());
    assert_eq!(codes, ["not-found", "invalid-parameter"]);
}

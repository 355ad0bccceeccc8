import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale } from "./harness/expect.mjs";
import { Gate, within } from "./harness/gate.mjs";
import { failure, gated } from "./harness/origin.mjs";
import { parsePrometheus } from "./harness/prometheus.mjs";
import { deploy } from "./harness/site.mjs";

const ADMIN_TOKEN = "correct horse battery staple";
const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
const config = { memoryCacheSize: 5, memoryCacheTtl: 86_400, kvCacheTtl: 1000, staleWhileRevalidate: 1000, staleIfError: 1000 };

const deployAdmin = (t, options) => deploy(t, { env: { ADMIN_TOKEN }, ...options });
const statsOf = async (site) => (await site.get("/stats", headers)).json;

/** The statistics once `writes` writes are counted. KV's response to the last one may still be on its way to the Worker. */
function statsAfter(site, writes) {
  const counted = async () => {
    const stats = await statsOf(site);
    return stats.kv.writes >= writes ? stats : counted();
  };
  return within(counted(), `${writes} writes counted`);
}

/** A fixed scenario with all kinds of responses, on a clock that is advanced only once. */
async function runScenario(t) {
  const site = await deployAdmin(t, { caller: true, clock: true, queue: "consumer", config });
  await site.clock.freeze();
  const get = (name) => site.get(`/metadata/${name}`);

  // Another isolate fetches it first: the next isolate starts empty and finds it in KV.
  await get("a");
  await site.kv.written("metadata:a");
  const before = await statsAfter(site, 1);
  await site.restart();
  assertFound(await get("a"), "kv");
  for (let n = 0; n < 3; n++) assertFound(await get("a"), "memory");

  const gate = new Gate();
  site.origin.on("/assets/b", gated(gate));
  const herd = await site.herd(20, "/metadata/b");
  await gate.arrived();
  const during = await statsOf(site);
  gate.open();
  await herd.answers;

  site.origin.on("/assets/missing", failure(404));
  await get("missing");
  await get("missing");
  await site.request("POST", "/metadata", { body: JSON.stringify({ paths: ["c", "missing", "x//y", "c"] }) });
  await site.call("fetchMetadata", "d");
  await site.call("fetchMetadata", "d");
  await site.call("fetchMetadata", "..");
  site.origin.on("/assets/broken", failure(500));
  assertProblem(await get("broken"), 502, "origin-error");
  await site.kv.allWritten(4);

  site.kv.intercept("get", () => ({ status: 503 }));
  site.kv.intercept("put", () => ({ status: 503 }));
  await get("e");
  await site.logged({ event: "kv-fault", operation: "write" });
  site.kv.intercept("get");
  site.kv.intercept("put");
  await get("f");
  await site.kv.written("metadata:f");

  await site.clock.advance(1500);
  assertStale(await get("f"), { path: "f" });
  await site.kv.allWritten(7);
  assertFound(await get("f"), "memory");
  await site.get("/nowhere");
  await site.get("/stats");
  await site.request("DELETE", "/metadata/f", { headers });

  site.kv.intercept("delete", ({ key }) => (key === "metadata:kept" ? { status: 503 } : undefined));
  const sent = site.clock.now() - 7000;
  const bodies = [{ action: "purge", paths: ["none"] }, { action: "purge", paths: ["kept"] }, null];
  await site.deliver(bodies.map((body) => ({ body, sent })));
  return { site, before, during };
}

test("/stats has the expected counts after a fixed scenario", async (t) => {
  const { site, before, during } = await runScenario(t);
  assert.deepEqual([before.answers.origin, before.kv.writes, before.entries], [1, 1, 1]);
  assert.equal(during.inFlight, 1);
  const { isolate, version, durationsMs, agesS, eventAgesS, errors, ...stats } = await statsAfter(site, 6);
  assert.match(isolate.id, /^[0-9a-f]{16}$/);
  assert.notEqual(isolate.id, before.isolate.id);
  assert.equal(isolate.ageMs, 1_500_000);
  assert.equal(isolate.startedAt + isolate.ageMs, site.clock.now());
  assert.match(version, /^\d+\.\d+\.\d+$/);

  // The harness requests an invalid path twice to detect that the herd has started.
  assert.deepEqual(errors, {
    "invalid-path": 2 + 1 + 1,
    "not-found": 3,
    "origin-error": 1,
    "no-route": 1,
    unauthorized: 1,
  });
  const answers = { memory: 3 + 1 + 1 + 1, kv: 1, origin: 1 + 2 + 1 + 1 + 1, inflight: 19 };
  assert.deepEqual(stats, {
    answers,
    stale: 1,
    layers: {
      // a, b 20 times, missing, c, d, broken, e, f
      memory: { hits: 3 + 2 + 1 + 2, misses: 1 + 20 + 1 + 1 + 1 + 1 + 1 + 1 },
      // f is read again because memory has it stale.
      kv: { hits: 1 + 1, misses: 7 },
      origin: { hits: 6, misses: 2 },
    },
    kv: { reads: 9, writes: 6, deletes: 1 + 2, failures: 2 + 1 },
    origin: { fetches: 8, failures: 1 },
    pictures: { made: 0, refused: 0, failed: 0 },
    coalesced: 19,
    refreshes: 1,
    evictions: 1,
    inFlight: 0,
    entries: 4,
    capacity: 5,
    events: {
      write: { done: 0, retried: 0 },
      delete: { done: 0, retried: 0 },
      purge: { done: 1, retried: 1 },
      warm: { done: 0, retried: 0 },
      malformed: 1,
    },
  });
  for (const [source, { le, counts, sum, count }] of Object.entries(durationsMs)) {
    assert.equal(counts.length, le.length + 1);
    assert.deepEqual([count, counts[0], sum], [answers[source], answers[source], 0], source);
  }
  assert.equal(agesS.count, 32);
  assert.equal(agesS.sum, 1500);
  assert.equal(agesS.counts[agesS.le.indexOf(3600)], 1);
  assert.deepEqual([eventAgesS.count, eventAgesS.sum, eventAgesS.counts[eventAgesS.le.indexOf(15)]], [3, 21, 3]);
});

test("A duration is counted in the histogram of its layer", async (t) => {
  const site = await deployAdmin(t, { clock: true });
  await site.clock.freeze();
  const gate = new Gate();
  site.origin.on("/assets/a", gated(gate));
  const slow = site.get("/metadata/a");
  await gate.arrived();
  await site.clock.advance(0.3);
  gate.open();
  await slow;
  const { le, counts, sum } = (await statsOf(site)).durationsMs.origin;
  assert.deepEqual([sum, counts[le.indexOf(400)]], [300, 1]);
  const families = parsePrometheus((await site.get("/metrics", headers)).text);
  const sample = (name, labels) => value(families.get("optimized_metadata_answer_duration_seconds"), name, { source: "origin", ...labels });
  assert.equal(sample("_sum"), 0.3);
  assert.deepEqual([sample("_bucket", { le: "0.25" }), sample("_bucket", { le: "0.4" })], [0, 1]);
});

/** The value of the only sample with exactly these labels and that of the isolate. */
function value({ name, samples }, suffix, labels) {
  const wanted = Object.entries(labels);
  const found = samples.filter(
    (sample) =>
      sample.name === name + suffix &&
      wanted.every(([label, value]) => sample.labels[label] === value) &&
      Object.keys(sample.labels).length === wanted.length + 1,
  );
  assert.equal(found.length, 1, `${name}${suffix} ${JSON.stringify(labels)}`);
  return found[0].value;
}

suite("/metrics", () => {
  test("/metrics has exactly the numbers of /stats", async (t) => {
    const { site } = await runScenario(t);
    const [metrics, stats] = [await site.get("/metrics", headers), await statsOf(site)];
    assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    const families = parsePrometheus(metrics.text);
    const family = (name) => families.get(`optimized_metadata_${name}`);
    const { id } = stats.isolate;
    for (const { name, samples } of families.values())
      for (const { labels } of samples) assert.equal(name.endsWith("_info") ? labels.id : labels.isolate, id, name);
    assert.deepEqual(family("isolate_info").samples[0].labels, { id, version: stats.version });
    assert.equal(value(family("start_time_seconds"), "", {}), stats.isolate.startedAt / 1000);

    const read = new Set(["isolate_info", "start_time_seconds"]);
    const same = (name, labels, number) => {
      read.add(name);
      assert.equal(value(family(name), "", labels), number, `${name} ${JSON.stringify(labels)}`);
    };
    for (const [source, number] of Object.entries(stats.answers)) same("answers_total", { source }, number);
    for (const [code, number] of Object.entries(stats.errors)) same("errors_total", { code }, number);
    for (const [layer, { hits, misses }] of Object.entries(stats.layers)) {
      same("lookups_total", { layer, result: "hit" }, hits);
      same("lookups_total", { layer, result: "miss" }, misses);
    }
    const { reads, writes, deletes, failures } = stats.kv;
    for (const [operation, number] of Object.entries({ read: reads, write: writes, delete: deletes }))
      same("kv_operations_total", { operation }, number);
    for (const [result, number] of Object.entries(stats.pictures)) same("pictures_total", { result }, number);
    for (const [name, number] of Object.entries({
      stale_answers_total: stats.stale,
      kv_failures_total: failures,
      origin_fetches_total: stats.origin.fetches,
      origin_failures_total: stats.origin.failures,
      coalesced_total: stats.coalesced,
      refreshes_total: stats.refreshes,
      memory_evictions_total: stats.evictions,
      in_flight: stats.inFlight,
      memory_entries: stats.entries,
      memory_capacity: stats.capacity,
    }))
      same(name, {}, number);

    const histogram = (name, labels, { le, counts, sum, count }, unit) => {
      read.add(name);
      assert.equal(value(family(name), "_sum", labels), sum / unit);
      assert.equal(value(family(name), "_count", labels), count);
      const bounds = [...le.map((bound) => String(bound / unit)), "+Inf"];
      let below = 0;
      bounds.forEach((bound, n) => assert.equal(value(family(name), "_bucket", { ...labels, le: bound }), (below += counts[n])));
    };
    for (const [source, own] of Object.entries(stats.durationsMs)) histogram("answer_duration_seconds", { source }, own, 1000);
    histogram("answer_age_seconds", {}, stats.agesS, 1);
    const { malformed, ...actions } = stats.events;
    for (const [action, outcomes] of Object.entries(actions))
      for (const [outcome, number] of Object.entries(outcomes)) same("events_total", { action, outcome }, number);
    same("events_total", { action: "unknown", outcome: "malformed" }, malformed);
    histogram("event_age_seconds", {}, stats.eventAgesS, 1);
    assert.deepEqual([...families.keys()].sort(), [...read].map((name) => `optimized_metadata_${name}`).sort());
  });

  test("promtool accepts /metrics", async (t) => {
    const { error } = spawnSync("promtool", ["--version"]);
    if (error) return t.skip("promtool not found (apt-get install prometheus); the strict parser of these tests covers the format");
    const { site } = await runScenario(t);
    const { text: input } = await site.get("/metrics", headers);
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  });

  test("/metrics is valid from the first request on", async (t) => {
    const site = await deployAdmin(t);
    const families = parsePrometheus((await site.get("/metrics", headers)).text);
    assert.deepEqual(families.get("optimized_metadata_errors_total").samples, []);
  });
});

for (const path of ["/stats", "/metrics"]) {
  suite(`Access to ${path}`, () => {
    test(`Without ADMIN_TOKEN ${path} is a 404 for every method`, async (t) => {
      const site = await deploy(t);
      for (const method of ["GET", "HEAD", "OPTIONS", "POST"])
        assert.equal((await site.request(method, path, { headers, body: method === "POST" ? "" : undefined })).status, 404, method);
      assertProblem(await site.get(path, headers), 404, "no-route");
    });

    test(`${path} needs the admin token and allows GET, HEAD and OPTIONS`, async (t) => {
      const site = await deployAdmin(t);
      const missing = await site.get(path);
      assertProblem(missing, 401, "unauthorized");
      assert.equal(missing.headers["www-authenticate"], "Bearer");
      assertProblem(await site.get(path, { Authorization: "Bearer wrong" }), 403, "forbidden");
      assertProblem(await site.request("POST", path, { headers, body: "" }), 405, "method-not-allowed");
      const preflight = await site.request("OPTIONS", path);
      assert.deepEqual([preflight.status, preflight.headers.allow], [204, "GET, HEAD, OPTIONS"]);
      assert.match(preflight.headers["access-control-allow-headers"], /\bAuthorization\b/);
    });

    test(`The response of ${path} is not cacheable, and HEAD has no body`, async (t) => {
      const site = await deployAdmin(t);
      const answer = await site.get(path, headers);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers["access-control-allow-origin"], "*");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      const head = await site.request("HEAD", path, { headers });
      assert.deepEqual([head.status, head.text], [200, ""]);
    });
  });
}

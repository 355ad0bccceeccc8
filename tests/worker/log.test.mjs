import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import test, { suite } from "node:test";
import { assertProblem } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { root } from "./harness/modules.mjs";
import { failure, gated } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ADMIN_TOKEN = "correct horse battery staple";
const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };

/** Sends requests of all kinds and returns the lines that the Worker logged. */
async function linesAt(t, logLevel) {
  const site = await deploy(t, { caller: true, config: { logLevel }, env: { ADMIN_TOKEN } });
  site.origin.on("/assets/broken", failure(500));
  await site.get(`${PATH}?token=secret`);
  await site.get(PATH);
  await site.request("HEAD", PATH);
  await site.request("POST", "/metadata", { body: '{"paths":["a","b"]}' });
  await site.get("/metadata/broken");
  await site.call("fetchMetadata", "photos/cat.jpg");
  await site.get("/stats", { Authorization: "Bearer wrong-token" });
  await site.request("DELETE", PATH, { headers });
  await site.get("/stats", headers);
  await site.stop();
  assert.doesNotMatch(site.transcript(), /correct horse|wrong-token|secret/);
  return site.log.map(({ level, event, method, path }) => [level, event, method, path].filter(Boolean).join(" "));
}

suite("The log of requests", () => {
  test("At debug each request and each look-up has one line", async (t) => {
    const lines = await linesAt(t, "debug");
    assert.deepEqual(lines, [
      "debug cache-miss photos/cat.jpg",
      `debug request GET ${PATH}`,
      "debug cache-hit photos/cat.jpg",
      `debug request GET ${PATH}`,
      "debug cache-hit photos/cat.jpg",
      `debug request HEAD ${PATH}`,
      "debug cache-miss a",
      "debug cache-miss b",
      "debug request POST /metadata",
      "warn origin-failure broken",
      "debug request GET /metadata/broken",
      "debug cache-hit photos/cat.jpg",
      "debug request RPC photos/cat.jpg",
      "info request GET /stats",
      `info request DELETE ${PATH}`,
      "debug request GET /stats",
    ]);
  });

  test("At info only changing or failing admin requests are logged", async (t) => {
    const lines = await linesAt(t, "info");
    assert.deepEqual(lines, ["warn origin-failure broken", "info request GET /stats", `info request DELETE ${PATH}`]);
  });

  test("At warn requests are not logged", async (t) => {
    assert.deepEqual(await linesAt(t, "warn"), ["warn origin-failure broken"]);
  });

  test("At error neither requests nor warnings are logged", async (t) => {
    assert.deepEqual(await linesAt(t, "error"), []);
  });
});

test("Without ADMIN_TOKEN an admin route is a 404, and the missing token is logged once", async (t) => {
  const site = await deploy(t);
  for (const [method, path] of [
    ["GET", "/stats"],
    ["GET", "/metrics"],
    ["DELETE", PATH],
    ["DELETE", "/metadata/*"],
  ]) {
    assertProblem(await site.request(method, path, { headers }), 404, "no-route");
  }
  await site.get(PATH);
  const { level, detail } = await site.logged({ event: "admin-token-missing" });
  assert.equal(level, "info");
  assert.match(detail, /wrangler secret put ADMIN_TOKEN/);
  await site.stop();
  assert.equal(site.log.filter(({ event }) => event === "admin-token-missing").length, 1);
});

test("The log line of a request has the Cache-Status and Server-Timing of its response", async (t) => {
  const site = await deploy(t, { config: { logLevel: "debug" } });
  for (const layer of ["origin", "memory"]) {
    const answer = await site.get(PATH);
    const entry = await site.logged({ event: "request", cacheStatus: answer.headers["cache-status"] });
    assert.equal(answer.layer, layer);
    assert.equal(entry.serverTiming, answer.headers["server-timing"]);
    assert.equal(entry.status, 200);
  }
});

test("At debug evictions and coalesced requests are logged", async (t) => {
  const site = await deploy(t, { config: { logLevel: "debug", memoryCacheSize: 1 } });
  await site.get("/metadata/first");
  const gate = new Gate();
  site.origin.on("/assets/photos/cat.jpg", gated(gate));
  const herd = await site.herd(3, PATH);
  await gate.arrived();
  gate.open();
  await herd.answers;
  await site.stop();
  const count = (event) => site.log.filter((line) => line.event === event).length;
  const key = "metadata:photos/cat.jpg";
  assert.deepEqual(
    site.log.filter(({ event }) => event === "coalescing").map((line) => line.key),
    [key, key],
  );
  assert.deepEqual([count("cache-miss"), count("coalesced-request")], [2, 2]);
  const { before, pruned } = site.log.find(({ event }) => event === "pruning");
  assert.deepEqual([before, pruned], [1, 1]);
});

test("A failed look-up has Server-Timing with the durations of its layers", async (t) => {
  const site = await deploy(t);
  site.origin.on("/assets/photos/cat.jpg", failure(404));
  const first = await site.get(PATH);
  assert.deepEqual(Object.keys(first.serverTiming), ["memory", "kv", "origin", "total"]);
  assert.equal(first.headers["timing-allow-origin"], "*");
  assert.deepEqual((await site.get(PATH)).serverTiming, { memory: 0, total: 0 });
  assert.deepEqual((await site.get("/metadata/a//b")).serverTiming, {});
});

test("wrangler.toml enables the platform's log", () => {
  const toml = readFileSync(path.join(root, "wrangler.toml"), "utf8");
  assert.match(toml, /^\[observability\]\nenabled = true$/m);
});

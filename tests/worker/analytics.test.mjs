import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image, delayed } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const ADMIN_TOKEN = "correct horse battery staple";

/** An entrypoint that runs the Worker with the given expression bound as the dataset. */
const bound = (name, dataset) => ({
  name,
  fetch: `
    const env = { ...this.env, METADATA_ANALYTICS: ${dataset} };
    return new worker(this.ctx, env).fetch(request);`,
});

suite("Analytics Engine", () => {
  test("A miss and a memory hit each write a data point with all fields", async (t) => {
    const site = await deploy(t, { analytics: true, clock: true });
    await site.clock.freeze();
    await site.get(PATH);
    const [{ isolate, version, ...miss }] = await site.analytics.points(1);
    assert.match(isolate, /^[0-9a-f]{16}$/);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    const common = { code: "", format: "jpeg", path: "photos/cat.jpg", durationMs: 0, kvMs: 0, originMs: 0, count: 1 };
    assert.deepEqual(miss, { index: "origin", source: "origin", state: "miss", ageS: 0, ...common });

    site.analytics.clearPoints();
    await site.clock.advance(30);
    for (let n = 0; n < 3; n++) assertFound(await site.get(PATH), "memory");
    await site.request("HEAD", PATH);
    const hits = await site.analytics.points(4);
    const hit = { index: "memory", source: "memory", state: "hit", ageS: 30, ...common, isolate, version };
    assert.deepEqual(hits, [hit, hit, hit, hit]);
  });

  test("A data point has the durations of KV and the origin", async (t) => {
    const site = await deploy(t, { analytics: true });
    site.origin.on(delayed(30));
    await site.get(PATH);
    const [{ durationMs, kvMs, originMs }] = await site.analytics.points(1);
    assert.ok(originMs >= 29 && durationMs >= kvMs + originMs, JSON.stringify({ durationMs, kvMs, originMs }));
  });

  test("Each of a herd of requests writes its own data point", async (t) => {
    const site = await deploy(t, { analytics: true });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const herd = await site.herd(20, PATH);
    gate.open();
    await herd.answers;
    // The two others are the harness's own requests, which have an invalid path.
    const points = (await site.analytics.points(22)).filter((point) => point.code === "");
    assert.deepEqual(tally(points, (point) => point.state), { miss: 1, collapsed: 19 });
  });

  test("Each item of a batch and each RPC call writes a data point", async (t) => {
    const site = await deploy(t, { analytics: true, caller: true });
    site.origin.on("/assets/missing.jpg", failure(404));
    const paths = ["photos/cat.jpg", "missing.jpg", "a//b", "photos/cat.jpg"];
    await site.request("POST", "/metadata", { body: JSON.stringify({ paths }) });
    const points = await site.analytics.points(4);
    const fields = ({ path, source, code }) => [path, source, code].join(" ");
    assert.deepEqual(points.map(fields).sort(), [
      "a//b none invalid-path",
      "missing.jpg origin not-found",
      "photos/cat.jpg origin ",
      "photos/cat.jpg origin ",
    ]);
    site.analytics.clearPoints();
    await site.call("fetchMetadata", "photos/cat.jpg");
    await site.call("fetchAndProcessMetadata", "photos/cat.jpg", { aspect: "0:1" });
    await site.call("fetchMetadata", "missing.jpg");
    assert.deepEqual((await site.analytics.points(3)).map(fields).sort(), [
      "missing.jpg memory not-found",
      "photos/cat.jpg memory ",
      "photos/cat.jpg none invalid-parameter",
    ]);
  });

  test("A batch of 100 images writes 100 data points, within the runtime's limit", async (t) => {
    const site = await deploy(t, { analytics: true });
    const paths = Array.from({ length: 100 }, (_, n) => `${n}.jpg`);
    assert.equal((await site.request("POST", "/metadata", { body: JSON.stringify({ paths }) })).status, 200);
    assert.equal((await site.analytics.points(100)).length, 100);
  });

  test("Requests that do not look up an image write no data point, but an unknown route does", async (t) => {
    const site = await deploy(t, { analytics: true, env: { ADMIN_TOKEN } });
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    for (const path of ["/health", "/stats", "/metrics"]) assert.equal((await site.get(path, headers)).status, 200);
    await site.request("OPTIONS", PATH);
    assert.equal((await site.request("DELETE", PATH, { headers })).status, 200);
    await site.get("/nowhere");
    const points = await site.analytics.points(1);
    assert.deepEqual(points.map(({ path, code, index }) => [path, code, index]), [["/nowhere", "no-route", "none"]]);
  });

  test("The path in a data point is percent-encoded and truncated to 256 characters", async (t) => {
    const site = await deploy(t, { analytics: true });
    await site.get(`/metadata/${"%C3%A9".repeat(300)}?token=secret`);
    await site.get('/metadata/a"b\\c');
    const paths = (await site.analytics.points(2)).map((point) => point.path);
    assert.deepEqual(paths.sort(), ["%C3%A9".repeat(43).slice(0, 256), "a%22b%5Cc"].sort());
  });
});

test("A dataset that throws does not affect synchronous or asynchronous responses, and is logged once", async (t) => {
  const Throwing = bound("Throwing", `{ writeDataPoint() { throw new Error("thrown by the test"); } }`);
  const site = await deploy(t, { entrypoint: Throwing });
  const get = () => site.at.Throwing.get(PATH);
  assertFound(await get(), "origin");
  for (let n = 0; n < 3; n++) assertFound(await get(), "memory");
  assert.equal((await site.at.Throwing.get("/metadata/a//b")).status, 400);
  const entry = await site.logged({ event: "dataset-fault" });
  assert.deepEqual([entry.level, entry.cause], ["warn", "thrown by the test"]);
  await site.stop();
  assert.equal(site.log.filter(({ event }) => event === "dataset-fault").length, 1);
});

test("A binding that is not a dataset is ignored without a log entry", async (t) => {
  const site = await deploy(t, { entrypoint: bound("Odd", `"a text"`) });
  assertFound(await site.at.Odd.get(PATH), "origin");
  assertFound(await site.at.Odd.get(PATH), "memory");
  await site.kv.written("metadata:photos/cat.jpg");
  await site.stop();
  assert.deepEqual(site.log, []);
});

test("writeDataPoint receives an object with the lists indexes, blobs and doubles", async (t) => {
  const Logging = bound("Logging", `{ writeDataPoint(point) { console.warn(JSON.stringify({ event: "point", ...point })); } }`);
  const site = await deploy(t, { entrypoint: Logging });
  site.origin.on(ORIGIN_PATH, image({ format: "image/webp" }));
  await site.at.Logging.get(PATH);
  const { indexes, blobs, doubles } = await site.logged({ event: "point" });
  assert.deepEqual(indexes, ["origin"]);
  assert.deepEqual(blobs.slice(0, 5), ["origin", "miss", "", "webp", "photos/cat.jpg"]);
  assert.equal(blobs.length, 7);
  assert.equal(doubles.length, 5);
  assert.ok(doubles.every((number) => typeof number === "number"));
});

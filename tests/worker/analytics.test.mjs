import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image, delayed } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const ADMIN_TOKEN = "correct horse battery staple";

/** The Worker with a binding of the test's own making in place of the dataset. */
const bound = (name, dataset) => ({
  name,
  fetch: `
    const env = { ...this.env, METADATA_ANALYTICS: ${dataset} };
    return new worker(this.ctx, env).fetch(request);`,
});

suite("every answer about an image is a data point of Analytics Engine", () => {
  test("with its fields, at a miss and at a hit that memory answers at once", async (t) => {
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

  test("with the times of the layers", async (t) => {
    const site = await deploy(t, { analytics: true });
    site.origin.on(delayed(30));
    await site.get(PATH);
    const [{ durationMs, kvMs, originMs }] = await site.analytics.points(1);
    assert.ok(originMs >= 29 && durationMs >= kvMs + originMs, JSON.stringify({ durationMs, kvMs, originMs }));
  });

  test("one for each of a herd", async (t) => {
    const site = await deploy(t, { analytics: true });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const herd = await site.herd(20, PATH);
    gate.open();
    await herd.answers;
    // Those that the harness sends to learn that all have begun are for a bad path.
    const points = (await site.analytics.points(22)).filter((point) => point.code === "");
    assert.deepEqual(tally(points, (point) => point.state), { miss: 1, collapsed: 19 });
  });

  test("one for each item of a batch and for each call of another Worker", async (t) => {
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

  test("a full batch is within the runtime's limit", async (t) => {
    const site = await deploy(t, { analytics: true });
    const paths = Array.from({ length: 100 }, (_, n) => `${n}.jpg`);
    assert.equal((await site.request("POST", "/metadata", { body: JSON.stringify({ paths }) })).status, 200);
    assert.equal((await site.analytics.points(100)).length, 100);
  });

  test("none for what asks for nothing about an image", async (t) => {
    const site = await deploy(t, { analytics: true, env: { ADMIN_TOKEN } });
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    for (const path of ["/health", "/stats", "/metrics"]) assert.equal((await site.get(path, headers)).status, 200);
    await site.request("OPTIONS", PATH);
    assert.equal((await site.request("DELETE", PATH, { headers })).status, 200);
    await site.get("/nowhere");
    const points = await site.analytics.points(1);
    assert.deepEqual(points.map(({ path, code, index }) => [path, code, index]), [["/nowhere", "no-route", "none"]]);
  });

  test("with a path that is encoded and cut", async (t) => {
    const site = await deploy(t, { analytics: true });
    await site.get(`/metadata/${"%C3%A9".repeat(300)}?token=secret`);
    await site.get('/metadata/a"b\\c');
    const paths = (await site.analytics.points(2)).map((point) => point.path);
    assert.deepEqual(paths.sort(), ["%C3%A9".repeat(43).slice(0, 256), "a%22b%5Cc"].sort());
  });
});

test("a dataset that throws costs no answer, at once or with a promise, and is told of once", async (t) => {
  const Throwing = bound("Throwing", `{ writeDataPoint() { throw new Error("asked to"); } }`);
  const site = await deploy(t, { entrypoint: Throwing });
  const ask = () => site.at.Throwing.get(PATH);
  assertFound(await ask(), "origin");
  for (let n = 0; n < 3; n++) assertFound(await ask(), "memory");
  assert.equal((await site.at.Throwing.get("/metadata/a//b")).status, 400);
  const entry = await site.logged({ event: "dataset-fault" });
  assert.deepEqual([entry.level, entry.cause], ["warn", "asked to"]);
  await site.stop();
  assert.equal(site.log.filter(({ event }) => event === "dataset-fault").length, 1);
});

test("a binding that is no dataset counts as none, and nothing is said of it", async (t) => {
  const site = await deploy(t, { entrypoint: bound("Odd", `"a text"`) });
  assertFound(await site.at.Odd.get(PATH), "origin");
  assertFound(await site.at.Odd.get(PATH), "memory");
  await site.kv.written("metadata:photos/cat.jpg");
  await site.stop();
  assert.deepEqual(site.log, []);
});

test("what is written is an object of lists, at the time of the answer", async (t) => {
  const Keeping = bound("Keeping", `{ writeDataPoint(point) { console.warn(JSON.stringify({ event: "point", ...point })); } }`);
  const site = await deploy(t, { entrypoint: Keeping });
  site.origin.on(ORIGIN_PATH, image({ format: "image/webp" }));
  await site.at.Keeping.get(PATH);
  const { indexes, blobs, doubles } = await site.logged({ event: "point" });
  assert.deepEqual(indexes, ["origin"]);
  assert.deepEqual(blobs.slice(0, 5), ["origin", "miss", "", "webp", "photos/cat.jpg"]);
  assert.equal(blobs.length, 7);
  assert.equal(doubles.length, 5);
  assert.ok(doubles.every((number) => typeof number === "number"));
});

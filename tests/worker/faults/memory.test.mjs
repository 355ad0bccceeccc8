import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, flood, gated, image, ranged, text } from "../harness/origin.mjs";
import { jpeg, segments, tiffWithTrailingDirectory } from "../harness/picture.mjs";
import { deploy } from "../harness/site.mjs";

const MB = 1024 * 1024;

const outbound = `
  const found = JSON.stringify({ original: { file_size: 123456, width: 4000, height: 3000, format: "image/jpeg" } });
  export default { fetch: ({ url }) => (url.endsWith("missing") ? new Response("", { status: 404 }) : new Response(found)) };`;

suite("The memory of an isolate", () => {
  // One kind of request per test, so that a leak shows its cause. The table of references is the sensitive measure: it doubles
  // when it is full, and the second run makes three times as many requests as the first.
  for (const [what, path, responder, options] of [
    ["memory hits", () => "/metadata/photos/cat.jpg", image()],
    ["refused paths", (n) => `/metadata/${n}//x`, image()],
    ["KV hits and misses", (n) => `/metadata/photos/${n}.jpg`, image(), { config: { memoryCacheSize: 100 } }],
    ["images from the origin", (n) => `/metadata/photos/${n}.jpg`, image(), { kv: false, config: { memoryCacheSize: 100 } }],
    ["missing images", (n) => `/metadata/photos/${n}.jpg`, failure(404), { kv: false }],
    ["failures of the origin", (n) => `/metadata/photos/${n}.jpg`, failure(500), { kv: false }],
    ["retries", (n) => `/metadata/photos/${n}.jpg`, failure(502), { kv: false }],
    ["files read in two ranges", (n) => `/metadata/photos/${n}.tiff`, ranged(tiffWithTrailingDirectory(100_000)), { kv: false, config: { probe: "header", headerBytes: 1024, memoryCacheSize: 100 } }],
    ["bodies that are too long", (n) => `/metadata/photos/${n}.jpg`, flood(128 * 1024), { kv: false }],
  ]) {
    test(`The memory of an isolate does not grow with ${what}`, async (t) => {
      const site = await deploy(t, { wasmStats: true, ...options });
      site.origin.on(responder);
      await requestEach(site, 0, 800, path);
      const before = await site.wasmStats();
      await requestEach(site, 800, 3200, path);
      const after = await site.wasmStats();
      assert.equal(after.references, before.references, "references to JavaScript objects");
      assert.ok(after.bytes - before.bytes < MB, `wasm memory grew from ${before.bytes} to ${after.bytes}`);
    });
  }

  test("An image takes at most 1 KB of memory besides its path", async (t) => {
    const count = 10_000;
    const site = await deploy(t, { kv: false, wasmStats: true, outbound, config: { memoryCacheSize: count } });
    const path = (n) => `some/folder/of/images/${n}-found`;
    await site.get("/health");
    const before = await site.wasmStats();
    assert.deepEqual(await requestEach(site, 0, count, (n) => `/metadata/${path(n)}`), { 200: count });
    const after = await site.wasmStats();

    const bytesPerImage = (after.bytes - before.bytes) / count - path(count).length;
    t.diagnostic(`${bytesPerImage.toFixed(0)} bytes`);
    assert.ok(bytesPerImage <= 1000, `${bytesPerImage} bytes`);
  });

  test("Paths of about 1,000 quotes, each two bytes of JSON, take at most 2 KB per memoryCacheSize", async (t) => {
    const count = 2000;
    const site = await deploy(t, { kv: false, wasmStats: true, outbound, config: { memoryCacheSize: count } });
    const path = (n) => `${"%22".repeat(990)}${n}`;
    await requestEach(site, 0, 10, (n) => `/metadata/${path(n)}`);
    const before = await site.wasmStats();
    assert.deepEqual(await requestEach(site, 10, 3 * count, (n) => `/metadata/${path(n)}`), { 200: 3 * count - 10 });
    const after = await site.wasmStats();
    const bytesPerEntry = (after.bytes - before.bytes) / count;
    t.diagnostic(`${bytesPerEntry.toFixed(0)} bytes per memoryCacheSize`);
    assert.ok(bytesPerEntry <= 2048, `${bytesPerEntry} bytes`);
  });

  test("Memory stays below 48 MB with 1,000 concurrent images whose headers are 1 MB long", { timeout: 120_000 }, async (t) => {
    const count = 1000;
    const site = await deploy(t, { kv: false, wasmStats: true, config: { originTimeoutMs: 25_000, errorTtl: 0 } });
    const bytes = await jpeg({ width: 77, before: segments(1_000_000) });
    const gate = new Gate();
    site.origin.on(gated(gate, text(bytes, { headers: { "Content-Type": "image/jpeg" } })));
    const answers = Array.from({ length: count }, (_, n) => site.get(`/metadata/${n}.jpg`));
    await gate.arrived(count, 60_000);
    gate.open();
    const outcomes = tally(await Promise.all(answers), ({ status, json }) => `${status} ${json.metadata?.width ?? json.code}`);
    const { bytes: used } = await site.wasmStats();
    t.diagnostic(`${(used / MB).toFixed(1)} MB, ${JSON.stringify(outcomes)}`);
    assert.ok(used < 48 * MB, `${used} bytes`);
    assert.ok(outcomes["200 77"] > 0);
    for (const outcome of Object.keys(outcomes)) assert.ok(["200 77", "504 origin-timeout"].includes(outcome), outcome);
    // The whole budget is free again.
    assertFound(await site.get("/metadata/last.jpg"), "origin");
  });

  test("Memory is bounded after 100,000 distinct images, half of them missing", { timeout: 600_000 }, async (t) => {
    const site = await deploy(t, { kv: false, wasmStats: true, outbound });
    const path = (n) => `/metadata/some/folder/of/images/${n}-${n % 2 ? "missing" : "found"}`;
    const half = await requestEach(site, 0, 50_000, path);
    const resident = site.memory();
    const whole = await requestEach(site, 50_000, 100_000, path);

    const { bytes } = await site.wasmStats();
    const mb = (n) => `${(n / MB).toFixed(1)} MB`;
    t.diagnostic(`wasm: ${mb(bytes)}; resident: ${mb(resident)} after half of them, ${mb(site.memory())} after all`);
    assert.ok(bytes < 8 * MB, `the wasm instance has ${mb(bytes)}`);
    assert.ok(site.memory() - resident < 32 * MB, `the process grew from ${mb(resident)} to ${mb(site.memory())}`);
    assert.deepEqual({ ...half, ...whole }, { 200: 25_000, 404: 25_000 });
    assertFound(await site.get(path(99_998)), "memory");
  });
});

/** Requests `path(n)` for each n, 16 at a time; returns the count of each status. */
async function requestEach(site, from, to, path) {
  const statuses = {};
  let next = from;
  const work = async () => {
    while (next < to) {
      const { status } = await site.get(path(next++));
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  site.origin.clearRequests();
  site.kv.clearOperations();
  return statuses;
}

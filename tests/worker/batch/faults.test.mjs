import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertAllFound, assertFailed, found, names, post, startBatch } from "../harness/batch.mjs";
import { assertFound, assertProblem, recordOf } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, gated, image, json } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const faultsOf = (site) => site.log.filter((entry) => entry.event === "kv-fault");

suite("Failures within a batch", () => {
  test("A bad path, a missing image and a failing origin do not affect the other results of a batch", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 300 } });
    site.origin.on("/assets/missing.jpg", failure(404));
    site.origin.on("/assets/refused.jpg", failure(403));
    site.origin.on("/assets/broken.jpg", failure(500));
    site.origin.on("/assets/absurd.jpg", json({ width: -1 }));
    site.origin.on("/assets/slow.jpg", () => {});
    const expected = [
      ["a.jpg", 200],
      ["a//b.jpg", 400, "invalid-path"],
      ["missing.jpg", 404, "not-found"],
      ["refused.jpg", 403, "forbidden-by-origin"],
      ["", 400, "invalid-path"],
      ["broken.jpg", 502, "origin-error"],
      ["absurd.jpg", 502, "invalid-origin-answer"],
      ["../../secret", 400, "invalid-path"],
      ["slow.jpg", 504, "origin-timeout"],
      ["b.jpg", 200],
    ];
    const { status, json: body } = await post(site, { paths: expected.map(([path]) => path) });
    assert.equal(status, 200);
    assert.equal(body.results.length, expected.length);
    expected.forEach(([path, status, code], n) => {
      if (status === 200) assert.deepEqual(body.results[n], found(path));
      else assertFailed(body.results[n], path, status, code);
    });
  });

  test("An invalid path in a batch costs neither a KV operation nor a fetch", async (t) => {
    const site = await deploy(t);
    const { json } = await post(site, { paths: ["a//b", "/", "a/../b"] });
    json.results.forEach((result, n) => assertFailed(result, ["a//b", "/", "a/../b"][n], 400, "invalid-path"));
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });

  test("A missing image of a batch is cached as a GET would cache it", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/missing.jpg", failure(404));
    for (let n = 0; n < 2; n++)
      assertFailed((await post(site, { paths: ["missing.jpg"] })).json.results[0], "missing.jpg", 404, "not-found");
    assertProblem(await site.get("/metadata/missing.jpg"), 404, "not-found");
    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [1, 0]);
  });

  test("With the origin down each result of a batch is a 502, and the batch itself a 200", async (t) => {
    const site = await deploy(t);
    await site.origin.refuse();
    const { status, json } = await post(site, { paths: names(8) });
    assert.equal(status, 200);
    json.results.forEach((result, n) => assertFailed(result, `${n}.jpg`, 502, "origin-unreachable"));
  });

  test("Images of a batch beyond maxInFlight get a 503 each, and none is dropped", async (t) => {
    const site = await deploy(t, { config: { maxInFlight: 3 } });
    const { status, json } = await post(site, { paths: names(10) });
    assert.equal(status, 200);
    assert.equal(json.results.length, 10);
    json.results.forEach((result, n) => {
      if (result.status === 200) assert.deepEqual(result, found(`${n}.jpg`));
      else assertFailed(result, `${n}.jpg`, 503, "overloaded");
    });
    assert.ok(json.results.filter((result) => result.status === 200).length >= 3);
  });
});

suite("Faults of a batch's KV read", () => {
  for (const [what, interceptor, config] of [
    ["fails with 503", () => ({ status: 503 })],
    ["fails with a stack in its text", () => ({ status: 500, body: "Error: at secret (file.js:1:2)" })],
    ["hangs", () => ({ hang: true }), { kvTimeoutMs: 100 }],
    ["is not JSON", () => ({ status: 200, body: "{broken" })],
  ]) {
    test(`A batch whose KV read ${what} is answered from the origin, and one warning is logged`, async (t) => {
      const site = await deploy(t, { config });
      site.kv.intercept("bulk", interceptor);
      assertAllFound(await post(site, { paths: names(10) }), names(10));
      await site.kv.allWritten(10);
      await site.stop();
      assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length, site.origin.requests.length], [1, 0, 10]);
      assert.equal(faultsOf(site).length, 1, site.transcript());
      assert.equal(faultsOf(site)[0].level, "warn");
    });
  }

  for (const [what, body] of [
    ["is a list", "[1,2]"],
    ["is null", "null"],
    ["has other keys", '{"x":{"value":"","metadata":{"width":1,"height":1}}}'],
    ["has items of another shape", '{"metadata:0.jpg":7,"metadata:1.jpg":"x","metadata:2.jpg":{"metadata":[1]}}'],
  ]) {
    test(`A batch whose KV read ${what} is answered from the origin`, async (t) => {
      const site = await deploy(t);
      site.kv.intercept("bulk", () => ({ status: 200, body }));
      assertAllFound(await post(site, { paths: names(4) }), names(4));
      assert.equal(site.origin.requests.length, 4);
    });
  }

  for (const [what, broken] of [
    ["no width", { metadata: recordOf({ width: undefined }) }],
    ["a width of zero", { metadata: recordOf({ width: 0 }) }],
    ["metadata that is a string", { metadata: "4000x3000" }],
    ["metadata that is a list", { metadata: [4000, 3000] }],
    ["a value that is not JSON", { value: "<!doctype html>" }],
    ["neither metadata nor value", {}],
  ]) {
    test(`A batch with a KV record with ${what} fetches that image and overwrites the record`, async (t) => {
      const site = await deploy(t);
      for (const path of names(5)) site.kv.seed(`metadata:${path}`, { metadata: recordOf() });
      site.kv.seed("metadata:2.jpg", broken);
      assertAllFound(await post(site, { paths: names(5) }), names(5));
      assert.deepEqual(
        site.origin.requests.map((r) => r.path),
        ["/assets/2.jpg"],
      );
      assert.equal((await site.kv.written("metadata:2.jpg")).metadata.width, 4000);
      assert.equal(site.kv.writes().length, 1);
    });
  }

  test("A KV read of a batch that hangs costs one timeout, also for followers", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 200 } });
    site.kv.intercept("bulk", () => ({ hang: true }));
    const started = performance.now();
    const { answer } = await startBatch(site, { paths: names(12) });
    await site.kv.received("bulk");
    const get = site.get("/metadata/11.jpg");
    assertAllFound(await answer, names(12));
    // It followed the KV read, and does not wait for its turn in the batch's queue for the origin.
    assertFound(await get, "origin");
    const took = performance.now() - started;
    assert.ok(took >= 190 && took < 2500, `took ${took} ms`);
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length], [1, 0]);
  });
});

suite("A batch without KV", () => {
  test("Without a KV binding a batch is answered from the origin, then from memory", async (t) => {
    const site = await deploy(t, { kv: false });
    assertAllFound(await post(site, { paths: names(8) }), names(8));
    assertAllFound(await post(site, { paths: names(8) }), names(8));
    assert.equal(site.origin.requests.length, 8);
  });

  test("With cacheEnabled = false a batch fetches each image once", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    for (let n = 1; n <= 2; n++) {
      assertAllFound(await post(site, { paths: ["a.jpg", "b.jpg", "a.jpg"] }), ["a.jpg", "b.jpg", "a.jpg"]);
      assert.equal(site.origin.requests.length, 2 * n);
    }
    assert.deepEqual(site.kv.operations, []);
  });
});

suite("A batch of stale images", () => {
  const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400 };

  test("A batch of images stale in memory is answered at once, and each is refreshed once in the background", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    await post(site, { paths: names(3) });
    await site.kv.allWritten(3);
    await site.clock.advance(1500);
    const gate = new Gate();
    site.origin.on(gated(gate, image({ width: 1 })));
    assertAllFound(await post(site, { paths: names(3) }), names(3));
    await gate.arrived(3);
    assertAllFound(await post(site, { paths: names(3) }), names(3));
    gate.open();
    await site.kv.allWritten(6);
    assert.deepEqual([site.origin.requests.length, site.kv.bulkReads().length, site.kv.reads().length], [6, 2, 0]);
    assert.equal((await site.get("/metadata/0.jpg")).json.metadata.width, 1);
  });

  test("A batch of images stale in KV is answered at once, and each is refreshed once in the background", async (t) => {
    const site = await deploy(t, { config });
    for (const path of names(3)) site.kv.seed(`metadata:${path}`, { metadata: recordOf({ lastFetched: Date.now() - 1_500_000 }) });
    const gate = new Gate();
    site.origin.on(gated(gate, image({ width: 1 })));
    assertAllFound(await post(site, { paths: names(3) }), names(3));
    await gate.arrived(3);
    gate.open();
    await site.kv.allWritten(3);
    assert.deepEqual([site.origin.requests.length, site.kv.bulkReads().length], [3, 1]);
  });
});

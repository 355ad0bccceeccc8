import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertAllFound, assertFailed, found, names, post, startBatch } from "../harness/batch.mjs";
import { assertFound, assertProblem, recordOf } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, gated, image, json } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const faultsOf = (site) => site.log.filter((entry) => entry.event === "kv-fault");

suite("in a batch one failure spoils nothing else:", () => {
  test("a bad path, a missing image and a failing origin stand beside those that are found", async (t) => {
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

  test("a path that is no path costs nothing", async (t) => {
    const site = await deploy(t);
    const { json } = await post(site, { paths: ["a//b", "/", "a/../b"] });
    json.results.forEach((result, n) => assertFailed(result, ["a//b", "/", "a/../b"][n], 400, "invalid-path"));
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });

  test("what failed is remembered as a GET would remember it", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/missing.jpg", failure(404));
    for (let n = 0; n < 2; n++)
      assertFailed((await post(site, { paths: ["missing.jpg"] })).json.results[0], "missing.jpg", 404, "not-found");
    assertProblem(await site.get("/metadata/missing.jpg"), 404, "not-found");
    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [1, 0]);
  });

  test("with the origin down each image says so, and the batch is a 200", async (t) => {
    const site = await deploy(t);
    await site.origin.refuse();
    const { status, json } = await post(site, { paths: names(8) });
    assert.equal(status, 200);
    json.results.forEach((result, n) => assertFailed(result, `${n}.jpg`, 502, "origin-unreachable"));
  });

  test("more images than may be in flight are refused one by one, never dropped", async (t) => {
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

suite("a batch whose KV read", () => {
  for (const [what, behaviour, config] of [
    ["fails with 503", () => ({ status: 503 })],
    ["fails with a stack in its text", () => ({ status: 500, body: "Error: at secret (file.js:1:2)" })],
    ["hangs", () => ({ hang: true }), { kvTimeoutMs: 100 }],
    ["is no JSON", () => ({ status: 200, body: "{broken" })],
  ]) {
    test(`${what} is answered by the origin, and warned of once`, async (t) => {
      const site = await deploy(t, { config });
      site.kv.intercept("bulk", behaviour);
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
    ["is of other keys", '{"x":{"value":"","metadata":{"width":1,"height":1}}}'],
    ["has items of another shape", '{"metadata:0.jpg":7,"metadata:1.jpg":"x","metadata:2.jpg":{"metadata":[1]}}'],
  ]) {
    test(`${what} is answered by the origin`, async (t) => {
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
    ["a value that is no JSON", { value: "<!doctype html>" }],
    ["neither metadata nor value", {}],
  ]) {
    test(`has a record with ${what} fetches that image, and overwrites the record`, async (t) => {
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

  test("hangs is given up on once, also by those who follow", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 200 } });
    site.kv.intercept("bulk", () => ({ hang: true }));
    const started = performance.now();
    const { answer } = await startBatch(site, { paths: names(12) });
    await site.kv.received("bulk");
    const get = site.get("/metadata/11.jpg");
    assertAllFound(await answer, names(12));
    // It has followed the read of KV, and does not wait for the batch's turn at the origin.
    assertFound(await get, "origin");
    const took = performance.now() - started;
    assert.ok(took >= 190 && took < 2500, `took ${took} ms`);
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length], [1, 0]);
  });
});

suite("a batch without KV", () => {
  test("that is not bound is answered by the origin", async (t) => {
    const site = await deploy(t, { kv: false });
    assertAllFound(await post(site, { paths: names(8) }), names(8));
    assertAllFound(await post(site, { paths: names(8) }), names(8));
    assert.equal(site.origin.requests.length, 8);
  });

  test("as cacheEnabled = false has it fetches each image once a batch", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    for (let n = 1; n <= 2; n++) {
      assertAllFound(await post(site, { paths: ["a.jpg", "b.jpg", "a.jpg"] }), ["a.jpg", "b.jpg", "a.jpg"]);
      assert.equal(site.origin.requests.length, 2 * n);
    }
    assert.deepEqual(site.kv.operations, []);
  });
});

suite("a batch of what is stale", () => {
  const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400 };

  test("in memory is answered at once, and each image is refreshed once behind it", async (t) => {
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

  test("in KV is answered at once, and each image is refreshed once behind it", async (t) => {
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

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, bodyOf, recordOf, tally } from "../harness/expect.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const faultsOf = (site, operation) => site.log.filter((entry) => entry.event === "kv-fault" && entry.operation === operation);

suite("Faults of KV reads", () => {
  for (const [what, interceptor, config] of [
    ["fails with 503", () => ({ status: 503 })],
    ["fails with 429", () => ({ status: 429 })],
    ["fails with 500 and a stack in its text", () => ({ status: 500, body: "Error: at secret (file.js:1:2)" })],
    ["hangs", () => ({ hang: true }), { kvTimeoutMs: 100 }],
  ]) {
    test(`A KV read that ${what} is a miss that is not retried, and one warning is logged`, async (t) => {
      const site = await deploy(t, { config });
      site.kv.intercept("get", interceptor);
      for (let n = 0; n < 5; n++) {
        const answer = await site.get(`/metadata/${n}.jpg`);
        assertFound(answer, "origin");
        assert.deepEqual(answer.json, bodyOf(`${n}.jpg`));
        assert.equal(site.kv.reads(`metadata:${n}.jpg`).length, 1);
        assertFound(await site.get(`/metadata/${n}.jpg`), "memory");
      }
      await site.kv.allWritten(5);
      await site.stop();
      const faults = faultsOf(site, "read");
      assert.equal(faults.length, 1, site.transcript());
      assert.equal(faults[0].level, "warn");
    });
  }

  test("A KV read that hangs costs a herd one kvTimeoutMs and one fetch", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 200 } });
    site.kv.intercept("get", () => ({ hang: true }));
    const started = performance.now();
    const herd = await site.herd(100, PATH);
    assert.deepEqual(
      tally(await herd.answers, (a) => a.status),
      { 200: 100 },
    );
    const took = performance.now() - started;
    assert.ok(took >= 190 && took < 2500, `took ${took} ms`);
    assert.deepEqual([site.kv.reads(KEY).length, site.origin.requests.length], [1, 1]);
  });

  test("If the KV read hangs and the origin does not respond, the request is a 504", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 100, originTimeoutMs: 100 } });
    site.kv.intercept("get", () => ({ hang: true }));
    site.origin.on(() => {});
    assert.equal((await site.get(PATH)).status, 504);
  });

  test("A slow KV read is awaited up to kvTimeoutMs", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 5000 } });
    site.kv.seed(KEY, { metadata: recordOf() });
    site.kv.intercept("get", () => new Promise((resolve) => setTimeout(resolve, 100)));
    assertFound(await site.get(PATH), "kv");
    assert.equal(site.origin.requests.length, 0);
  });
});

suite("Malformed KV records", () => {
  const without = (field) => {
    const { [field]: _, ...rest } = recordOf();
    return rest;
  };
  for (const [what, record] of [
    ["metadata that is not JSON", { rawMetadata: "{broken" }],
    ["no width", { metadata: without("width") }],
    ["no height", { metadata: without("height") }],
    ["a width of zero", { metadata: recordOf({ width: 0 }) }],
    ["a negative width", { metadata: recordOf({ width: -1 }) }],
    ["a fractional width", { metadata: recordOf({ width: 1.5 }) }],
    ["a width that is a string", { metadata: recordOf({ width: "4000" }) }],
    ["a width of 2^31", { metadata: recordOf({ width: 2 ** 31 }) }],
    ["metadata that is a list", { metadata: [4000, 3000] }],
    ["metadata that is a string", { metadata: "4000x3000" }],
    ["metadata that is a number", { metadata: 7 }],
    ["metadata of another kind", { metadata: { user: "x", session: 1 } }],
    ["metadata that is true", { metadata: true }],
    ["an empty object as metadata", { metadata: {} }],
    ["a value that is not JSON", { value: "<!doctype html>" }],
    ["a value that is JSON of another kind", { value: '{"user":"x"}' }],
    ["a value cut short", { value: '{"width":4000,"hei' }],
    ["a value that is a list", { value: "[1,2]" }],
    ["neither metadata nor value", { value: "" }],
  ]) {
    test(`A KV record with ${what} is a miss, and is overwritten with the origin's metadata`, async (t) => {
      const site = await deploy(t);
      site.kv.records.set(KEY, record);
      const answer = await site.get(PATH);
      assertFound(answer, "origin");
      assert.deepEqual(answer.json, bodyOf("photos/cat.jpg"));
      const { metadata, value } = await site.kv.written(KEY);
      assert.deepEqual([metadata.width, metadata.height, value], [4000, 3000, ""]);
      assert.equal(site.kv.reads(KEY).length, 1);
      await site.restart();
      assertFound(await site.get(PATH), "kv");
    });
  }

  test("A malformed KV record is logged as a warning with the path and the reason", async (t) => {
    const site = await deploy(t);
    site.kv.seed(KEY, { metadata: recordOf({ width: "4000" }) });
    await site.get(PATH);
    const entry = await site.logged({ event: "malformed-record" });
    assert.equal(entry.level, "warn");
    assert.match(JSON.stringify(entry), /photos\/cat\.jpg/);
    assert.match(entry.reason, /\S/);
  });

  test("A KV record with corrupt metadata does not affect other records", async (t) => {
    const site = await deploy(t);
    site.kv.records.set("metadata:bad", { rawMetadata: "{broken" });
    site.kv.seed("metadata:good", { metadata: recordOf() });
    assertFound(await site.get("/metadata/bad"), "origin");
    assertFound(await site.get("/metadata/good"), "kv");
  });

  test("Non-ASCII text and line breaks in a KV record neither fail nor inject a header", async (t) => {
    const site = await deploy(t);
    site.kv.seed(KEY, { metadata: recordOf({ source: "форма\r\nX-Injected: 1" }) });
    const answer = await site.get(PATH);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-injected"], undefined);
  });
});

suite("Faults of KV writes", () => {
  for (const [what, interceptor] of [
    ["fails with 429", () => ({ status: 429 })],
    ["fails with 500", () => ({ status: 500 })],
  ]) {
    test(`A KV write that ${what} is not retried, does not affect the response, and one warning is logged`, async (t) => {
      const site = await deploy(t);
      site.kv.intercept("put", interceptor);
      for (let n = 0; n < 5; n++) {
        assertFound(await site.get(`/metadata/${n}.jpg`), "origin");
        assertFound(await site.get(`/metadata/${n}.jpg`), "memory");
      }
      await site.kv.allWritten(5);
      await site.logged({ event: "kv-fault", operation: "write" });
      await site.settled();
      await site.stop();
      assert.equal(site.kv.writes().length, 5);
      assert.equal(faultsOf(site, "write").length, 1, site.transcript());
    });
  }

  test("A KV write that hangs does not delay its response or later requests", async (t) => {
    const site = await deploy(t);
    site.kv.intercept("put", () => ({ hang: true }));
    for (let n = 0; n < 5; n++) assertFound(await site.get(`/metadata/${n}.jpg`), "origin");
    for (let n = 0; n < 5; n++) assertFound(await site.get(`/metadata/${n}.jpg`), "memory");
    for (let n = 0; n < 5; n++) await site.kv.received("put", `metadata:${n}.jpg`);
    assert.deepEqual(
      tally(site.kv.writes(), (w) => w.key),
      Object.fromEntries([0, 1, 2, 3, 4].map((n) => [`metadata:${n}.jpg`, 1])),
    );
  });

  test("A KV write that hangs does not delay a herd", async (t) => {
    const site = await deploy(t);
    site.kv.intercept("put", () => ({ hang: true }));
    const herd = await site.herd(50, PATH);
    assert.deepEqual(
      tally(await herd.answers, (a) => a.status),
      { 200: 50 },
    );
    assert.equal(site.origin.requests.length, 1);
  });
});

test("With KV down requests are answered from the origin and memory, and with both down they fail without hanging", async (t) => {
  const site = await deploy(t, { config: { errorTtl: 0 } });
  for (const kind of ["get", "put", "delete"]) site.kv.intercept(kind, () => ({ status: 503 }));
  assertFound(await site.get(PATH), "origin");
  await site.origin.refuse();
  assertFound(await site.get(PATH), "memory");
  assert.equal((await site.get("/metadata/other")).status, 502);
});

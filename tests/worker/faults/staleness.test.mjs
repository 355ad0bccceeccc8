import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale, bodyOf, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, gated, image, noResponse } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
// Jitter takes at most 50 s off the 1,000; no step below falls into that range.
const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, staleIfError: 5000, memoryCacheTtl: 86_400, errorTtl: 5 };

/** Deploys a site with a frozen clock and the image in memory and KV. */
async function deployWithImage(t, settings = {}) {
  const site = await deploy(t, { clock: true, config: { ...config, ...settings } });
  await site.clock.freeze();
  assertFound(await site.get(PATH), "origin");
  await site.kv.written(KEY);
  site.origin.clearRequests();
  site.kv.clearOperations();
  return site;
}

suite("A stale entry within staleWhileRevalidate", () => {
  test("A stale memory entry is served to 50 concurrent requests with one background refresh", async (t) => {
    const site = await deployWithImage(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, image({ width: 77 })));
    await site.clock.advance(1500);

    const readers = await site.herd(50, PATH);
    // None of them waits for the refresh, which the gate blocks.
    for (const answer of await readers.answers) assertStale(answer, { age: 1500 });
    await gate.arrived();
    assert.equal(site.origin.requests.length, 1);
    for (const answer of await (await site.herd(50, PATH)).answers) assertStale(answer);
    assert.equal(site.origin.requests.length, 1, "one refresh at a time");

    gate.open();
    const { metadata } = await site.kv.written(KEY);
    assert.equal(metadata.width, 77);
    const refreshed = await site.get(PATH);
    assertFound(refreshed, "memory");
    assert.deepEqual(refreshed.json, bodyOf("photos/cat.jpg", { width: 77 }));
    assert.equal(refreshed.age, 0);
    assert.ok(refreshed.cacheStatus.ttl > 0);
    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [1, 1]);
  });

  test("A stale memory entry is refreshed from KV, without a fetch, if another isolate has updated the record", async (t) => {
    const site = await deployWithImage(t);
    await site.clock.advance(1500);
    const { metadata } = site.kv.records.get(KEY);
    site.kv.seed(KEY, { metadata: { ...metadata, width: 77, lastFetched: site.clock.now() } });
    assertStale(await site.get(PATH), { age: 1500 });
    // The end of the refresh is visible only in the Worker's responses.
    let refreshed;
    do refreshed = await site.get(PATH);
    while (refreshed.cacheStatus.ttl < 0);
    assertFound(refreshed, "memory");
    assert.deepEqual([refreshed.json.metadata.width, refreshed.age], [77, 0]);
    assert.deepEqual([site.origin.requests.length, site.kv.reads(KEY).length, site.kv.writes().length], [0, 1, 0]);
  });

  test("A stale KV record is served to 50 concurrent requests of a new isolate for one read and one background refresh", async (t) => {
    const site = await deployWithImage(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, image({ width: 77 })));
    await site.restart();
    await site.clock.advance(1500);

    const readers = await site.herd(50, PATH);
    const answers = await readers.answers;
    assert.deepEqual(
      tally(answers, (a) => a.status),
      { 200: 50 },
    );
    for (const answer of answers) assert.equal(answer.json.metadata.width, 4000);
    await gate.arrived();
    for (const answer of await (await site.herd(50, PATH)).answers) assertStale(answer);
    assert.deepEqual([site.kv.reads(KEY).length, site.origin.requests.length], [1, 1]);

    gate.open();
    await site.kv.written(KEY);
    assert.equal((await site.get(PATH)).json.metadata.width, 77);
  });

  test("A stale entry answers If-None-Match and HEAD like a fresh one", async (t) => {
    const site = await deployWithImage(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    await site.clock.advance(1500);
    const stale = await site.get(PATH);
    assertStale(stale);
    assert.equal((await site.get(PATH, { "If-None-Match": stale.etag })).status, 304);
    assert.equal((await site.request("HEAD", PATH)).etag, stale.etag);
    gate.open();
  });

  test("An entry whose refresh fails is served stale until staleIfError ends, with at most one refresh per errorTtl", async (t) => {
    const site = await deployWithImage(t);
    site.origin.on(ORIGIN_PATH, failure(500));

    await site.clock.advance(1500);
    assertStale(await site.get(PATH), { age: 1500 });
    await site.logged({ event: "origin-failure" });
    for (let n = 0; n < 10; n++) assertStale(await site.get(PATH), { age: 1500 });
    assert.equal(site.origin.requests.length, 1, "a failed refresh is not repeated at once");

    await site.clock.advance(6);
    assertStale(await site.get(PATH), { age: 1506 });
    await site.origin.received(ORIGIN_PATH, 2);

    await site.clock.advance(2500);
    assertStale(await site.get(PATH), { age: 4006 });
    await site.clock.advance(1900);
    assertStale(await site.get(PATH), { age: 5906 });
    await site.clock.advance(100);
    assertProblem(await site.get(PATH), 502, "origin-error");
    assert.equal(site.kv.writes().length, 0);
  });

  test("An entry whose refresh hangs is still served and is refreshed again later", async (t) => {
    const site = await deployWithImage(t, { originTimeoutMs: 200, errorTtl: 1 });
    site.origin.on(ORIGIN_PATH, noResponse());
    await site.clock.advance(1500);
    assertStale(await site.get(PATH));
    await site.origin.disconnected(ORIGIN_PATH);
    await site.logged({ event: "origin-failure" });
    site.origin.on(ORIGIN_PATH, image({ width: 77 }));
    await site.clock.advance(2);
    assertStale(await site.get(PATH));
    await site.kv.written(KEY);
    assert.equal((await site.get(PATH)).json.metadata.width, 77);
  });

  test("An entry whose refresh gets a 404 is deleted", async (t) => {
    const site = await deployWithImage(t);
    site.origin.on(ORIGIN_PATH, failure(404));
    await site.clock.advance(1500);
    assertStale(await site.get(PATH));
    await site.kv.received("delete", KEY);
    assertProblem(await site.get(PATH), 404, "not-found");
    assert.equal(site.origin.requests.length, 1);
  });

  test("With staleWhileRevalidate = 0 a stale entry is not served before the origin responds", async (t) => {
    const site = await deployWithImage(t, { staleWhileRevalidate: 0 });
    site.origin.on(ORIGIN_PATH, image({ width: 77 }));
    await site.clock.advance(1001);
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 77);
  });
});

suite("A stale entry past staleWhileRevalidate and within staleIfError", () => {
  test("Past staleWhileRevalidate a stale entry is served only after the origin failed", async (t) => {
    const site = await deployWithImage(t);
    await site.clock.advance(3000);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, failure(500)));
    const herd = await site.herd(20, PATH);
    await gate.arrived();
    gate.open();
    for (const answer of await herd.answers) {
      assert.equal(answer.status, 200);
      assert.equal(answer.json.metadata.width, 4000);
    }
    assertStale(await site.get(PATH), { age: 3000 });
    assert.equal(site.origin.requests.length, 1);
  });

  test("Past staleWhileRevalidate a stale entry is replaced if the origin responds", async (t) => {
    const site = await deployWithImage(t);
    await site.clock.advance(3000);
    site.origin.on(ORIGIN_PATH, image({ width: 77 }));
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.deepEqual([answer.json.metadata.width, answer.age], [77, 0]);
  });

  test("With staleIfError = 0 a stale entry is not served when the origin fails", async (t) => {
    const site = await deployWithImage(t, { staleWhileRevalidate: 0, staleIfError: 0 });
    site.origin.on(ORIGIN_PATH, failure(500));
    await site.clock.advance(1001);
    assertProblem(await site.get(PATH), 502, "origin-error");
  });
});

suite("Unusual values of lastFetched", () => {
  const record = (lastFetched) => ({
    metadata: { width: 4000, height: 3000, format: "jpeg", lastFetched, confidence: "high", source: "format-json", fileSize: 123456 },
  });

  for (const [what, lastFetched] of [
    ["is missing", undefined],
    ["is a string", "2026-01-01T00:00:00Z"],
    ["is negative", -1],
    ["is null", null],
    ["is long ago", Date.now() - 10 ** 10],
    ["is 0", 0],
  ]) {
    test(`A KV record whose lastFetched ${what} is past every window, and is not served even if the origin fails`, async (t) => {
      const site = await deploy(t, { config: { errorTtl: 0 } });
      site.kv.seed(KEY, record(lastFetched));
      site.origin.on(ORIGIN_PATH, failure(500));
      assertProblem(await site.get(PATH), 502, "origin-error");
      site.origin.on(ORIGIN_PATH, image({ width: 77 }));
      const answer = await site.get(PATH);
      assertFound(answer, "origin");
      assert.equal(answer.json.metadata.width, 77);
      assert.equal((await site.kv.written(KEY)).metadata.width, 77);
    });
  }

  for (const [what, ahead] of [
    ["a minute", 60_000],
    ["a year", 31_536_000_000],
    ["30,000 years", 10 ** 15],
  ]) {
    test(`A KV record whose lastFetched is ${what} in the future counts as fetched now`, async (t) => {
      const site = await deploy(t, { clock: true, config });
      await site.clock.freeze();
      site.kv.seed(KEY, record(site.clock.now() + ahead));
      for (const layer of ["kv", "memory"]) {
        const answer = await site.get(PATH);
        assertFound(answer, layer);
        assert.equal(answer.age, 0);
        assert.ok(answer.cacheStatus.ttl > 0 && answer.cacheStatus.ttl <= 1000, `ttl ${answer.cacheStatus.ttl}`);
      }
      await site.clock.advance(1500);
      assertStale(await site.get(PATH), { age: 1500 });
    });
  }
});

suite("Clock anomalies", () => {
  const assertSane = (answer) => {
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.age >= 0, `Metadata-Age ${answer.age}`);
    assert.ok(answer.cacheControl["max-age"] >= 0 && answer.cacheControl["max-age"] <= 1000, answer.headers["cache-control"]);
    if (answer.cacheStatus.hit) assert.ok(answer.cacheStatus.ttl >= 0 && answer.cacheStatus.ttl <= 1000, answer.headers["cache-status"]);
    for (const [phase, duration] of Object.entries(answer.serverTiming)) assert.ok(duration >= 0, `${phase} took ${duration}`);
  };

  test("With a frozen clock no age, ttl or duration is negative", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    assertSane(await site.get(PATH));
    await site.kv.written(KEY);
    assertSane(await site.get(PATH));
    await site.restart();
    assertSane(await site.get(PATH));
    for (const answer of await (await site.herd(20, "/metadata/other.jpg")).answers) assertSane(answer);
  });

  test("When the clock goes back no age, ttl or duration is negative, and no lifetime is extended", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    assertSane(await site.get(PATH));
    await site.kv.written(KEY);
    await site.clock.advance(-500);
    assertSane(await site.get(PATH));
    await site.restart();
    assertSane(await site.get(PATH));
  });

  test("When the clock goes back during a fetch no duration is negative", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const answer = site.get(PATH);
    await gate.arrived();
    await site.clock.advance(-500);
    gate.open();
    assertSane(await answer);
  });

  test("With a frozen clock a failure is cached and returned", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    site.origin.on(ORIGIN_PATH, failure(404));
    for (let n = 0; n < 2; n++) {
      const answer = await site.get(PATH);
      assertProblem(answer, 404, "not-found");
      assert.equal(answer.headers["cache-control"], "public, max-age=60");
    }
    assert.equal(site.origin.requests.length, 1);
  });
});

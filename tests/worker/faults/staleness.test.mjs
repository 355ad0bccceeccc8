import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale, bodyOf, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, gated, image, noResponse } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
// Jitter takes at most 50 s off the 1,000: every step below is clear of it.
const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, staleIfError: 5000, memoryCacheTtl: 86_400, errorTtl: 5 };

/** A site with a frozen clock that knows the image, in memory and KV. */
async function knowing(t, settings = {}) {
  const site = await deploy(t, { clock: true, config: { ...config, ...settings } });
  await site.clock.freeze();
  assertFound(await site.get(PATH), "origin");
  await site.kv.written(KEY);
  site.origin.clearRequests();
  site.kv.clearOperations();
  return site;
}

suite("past its freshness, within staleWhileRevalidate, an entry", () => {
  test("in memory is given to 50 readers at once, with one refresh behind them", async (t) => {
    const site = await knowing(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, image({ width: 77 })));
    await site.clock.advance(1500);

    const readers = await site.herd(50, PATH);
    // None of them waits for the refresh, which the gate holds.
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

  test("in memory is refreshed from KV where another isolate has been at the origin, which is not asked again", async (t) => {
    const site = await knowing(t);
    await site.clock.advance(1500);
    const { metadata } = site.kv.records.get(KEY);
    site.kv.seed(KEY, { metadata: { ...metadata, width: 77, lastFetched: site.clock.now() } });
    assertStale(await site.get(PATH), { age: 1500 });
    // Nothing outside the Worker shows that it is done.
    let refreshed;
    do refreshed = await site.get(PATH);
    while (refreshed.cacheStatus.ttl < 0);
    assertFound(refreshed, "memory");
    assert.deepEqual([refreshed.json.metadata.width, refreshed.age], [77, 0]);
    assert.deepEqual([site.origin.requests.length, site.kv.reads(KEY).length, site.kv.writes().length], [0, 1, 0]);
  });

  test("in KV is given to 50 readers of a new isolate at once, for one read and one refresh behind them", async (t) => {
    const site = await knowing(t);
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

  test("answers If-None-Match and HEAD as a fresh one does", async (t) => {
    const site = await knowing(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    await site.clock.advance(1500);
    const stale = await site.get(PATH);
    assertStale(stale);
    assert.equal((await site.get(PATH, { "If-None-Match": stale.etag })).status, 304);
    assert.equal((await site.request("HEAD", PATH)).etag, stale.etag);
    gate.open();
  });

  test("whose refresh fails stays stale, asking at most once in errorTtl, until staleIfError ends: then the error", async (t) => {
    const site = await knowing(t);
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

  test("whose refresh hangs is still given, and asked for again later", async (t) => {
    const site = await knowing(t, { originTimeoutMs: 200, errorTtl: 1 });
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

  test("that the refresh finds gone is gone", async (t) => {
    const site = await knowing(t);
    site.origin.on(ORIGIN_PATH, failure(404));
    await site.clock.advance(1500);
    assertStale(await site.get(PATH));
    await site.kv.received("delete", KEY);
    assertProblem(await site.get(PATH), 404, "not-found");
    assert.equal(site.origin.requests.length, 1);
  });

  test("is not given where staleWhileRevalidate is 0: the origin is waited for", async (t) => {
    const site = await knowing(t, { staleWhileRevalidate: 0 });
    site.origin.on(ORIGIN_PATH, image({ width: 77 }));
    await site.clock.advance(1001);
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 77);
  });
});

suite("past staleWhileRevalidate, within staleIfError, an entry", () => {
  test("is given only after the origin failed", async (t) => {
    const site = await knowing(t);
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

  test("is replaced where the origin answers", async (t) => {
    const site = await knowing(t);
    await site.clock.advance(3000);
    site.origin.on(ORIGIN_PATH, image({ width: 77 }));
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.deepEqual([answer.json.metadata.width, answer.age], [77, 0]);
  });

  test("is not given where staleIfError is 0", async (t) => {
    const site = await knowing(t, { staleWhileRevalidate: 0, staleIfError: 0 });
    site.origin.on(ORIGIN_PATH, failure(500));
    await site.clock.advance(1001);
    assertProblem(await site.get(PATH), 502, "origin-error");
  });
});

suite("a KV record whose lastFetched", () => {
  const record = (lastFetched) => ({
    metadata: { width: 4000, height: 3000, format: "jpeg", lastFetched, confidence: "high", source: "format-json", fileSize: 123456 },
  });

  for (const [what, lastFetched] of [
    ["is missing", undefined],
    ["is a string", "2026-01-01T00:00:00Z"],
    ["is negative", -1],
    ["is null", null],
    ["is of long ago", Date.now() - 10 ** 10],
    ["is 0", 0],
  ]) {
    test(`${what} is past every window: the origin answers, and where it fails nobody does`, async (t) => {
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
    ["for ever", 10 ** 15],
  ]) {
    test(`is ahead by ${what} counts as now: no negative Metadata-Age, no longer life`, async (t) => {
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

suite("on a clock", () => {
  const assertSane = (answer) => {
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.age >= 0, `Metadata-Age ${answer.age}`);
    assert.ok(answer.cacheControl["max-age"] >= 0 && answer.cacheControl["max-age"] <= 1000, answer.headers["cache-control"]);
    if (answer.cacheStatus.hit) assert.ok(answer.cacheStatus.ttl >= 0 && answer.cacheStatus.ttl <= 1000, answer.headers["cache-status"]);
    for (const [phase, duration] of Object.entries(answer.serverTiming)) assert.ok(duration >= 0, `${phase} took ${duration}`);
  };

  test("that stands still no age, ttl or duration is negative", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    assertSane(await site.get(PATH));
    await site.kv.written(KEY);
    assertSane(await site.get(PATH));
    await site.restart();
    assertSane(await site.get(PATH));
    for (const answer of await (await site.herd(20, "/metadata/other.jpg")).answers) assertSane(answer);
  });

  test("that goes back no age, ttl or duration is negative, and nothing lives longer", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    assertSane(await site.get(PATH));
    await site.kv.written(KEY);
    await site.clock.advance(-500);
    assertSane(await site.get(PATH));
    await site.restart();
    assertSane(await site.get(PATH));
  });

  test("that goes back during a fetch no duration is negative", async (t) => {
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

  test("that stands still a failure is still remembered and told", async (t) => {
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

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, bodyOf } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
// A key loses up to 5 % of its time to live.
const LIFETIME = { least: 82_080, most: 86_400 };

test("an image is answered by the origin, then from memory, and by a new isolate from KV", async (t) => {
  const site = await deploy(t, { clock: true });

  const missed = await site.get(PATH);
  assertFound(missed, "origin");
  assert.equal(missed.headers["cache-status"], "OptimizedMetadata; fwd=miss; fwd-status=200; stored; detail=origin");
  assert.equal(missed.age, 0);
  assert.deepEqual(missed.json, bodyOf("photos/cat.jpg"));
  await site.kv.written(KEY);

  await site.clock.advance(100);
  const remembered = await site.get(PATH);
  const memory = assertHit(remembered, "memory", 100);

  await site.restart();
  await site.clock.advance(50);
  const stored = await site.get(PATH);
  const kv = assertHit(stored, "kv", 150);
  assert.ok(memory - kv >= 49 && memory - kv <= 52, `the ttl falls with the age: ${memory}, then ${kv}`);

  assertHit(await site.get(PATH), "memory", 150);
  for (const answer of [remembered, stored]) {
    assert.equal(answer.etag, missed.etag);
    assert.equal(answer.text, missed.text);
  }
  assert.deepEqual([site.origin.requests.length, site.kv.reads(KEY).length, site.kv.writes(KEY).length], [1, 2, 1]);
});

/** Returns the hit's ttl. */
function assertHit(answer, layer, age) {
  assertFound(answer, layer);
  assert.match(answer.headers["cache-status"], new RegExp(`^OptimizedMetadata; hit; ttl=\\d+; detail=${layer}$`));
  const { ttl } = answer.cacheStatus;
  assert.ok(answer.age >= age && answer.age <= age + 2, `Metadata-Age ${answer.age}, ${age} expected`);
  assert.ok(ttl >= LIFETIME.least - age - 2 && ttl <= LIFETIME.most - age, `ttl ${ttl} at age ${age}`);
  assert.equal(answer.cacheControl["max-age"], 3600);
  return ttl;
}

test("a client may keep an answer for as long as it is fresh, where that is less than clientMaxAge", async (t) => {
  const site = await deploy(t, { clock: true, config: { memoryCacheTtl: 86_400, staleWhileRevalidate: 77, clientMaxAge: 3000 } });
  await site.clock.freeze();
  assert.deepEqual((await site.get(PATH)).cacheControl, { public: true, "max-age": 3000, "stale-while-revalidate": 77 });
  await site.clock.advance(LIFETIME.least - 1000);
  const { cacheControl, cacheStatus } = await site.get(PATH);
  assert.ok(cacheStatus.ttl >= 1000, `ttl ${cacheStatus.ttl}`);
  assert.equal(cacheControl["max-age"], Math.min(cacheStatus.ttl, 3000));
  assert.equal(cacheControl["stale-while-revalidate"], 77);
});

test("Server-Timing tells the phases that ran, and only those", async (t) => {
  const site = await deploy(t);
  const phases = async () => Object.keys((await site.get(PATH)).serverTiming).sort();
  assert.deepEqual(await phases(), ["kv", "memory", "origin", "total"]);
  assert.deepEqual(await phases(), ["memory", "total"]);
  await site.kv.written(KEY);
  await site.restart();
  assert.deepEqual(await phases(), ["kv", "memory", "total"]);
});

test("Server-Timing durations are what the phases took", async (t) => {
  const site = await deploy(t);
  site.kv.intercept("get", () => new Promise((resolve) => setTimeout(resolve, 60)));
  const { serverTiming } = await site.get(PATH);
  assert.ok(serverTiming.kv >= 50, `kv ${serverTiming.kv}`);
  assert.ok(serverTiming.origin >= 0, `origin ${serverTiming.origin}`);
  assert.ok(serverTiming.memory >= 0 && serverTiming.memory < 50, `memory ${serverTiming.memory}`);
  assert.ok(serverTiming.total >= serverTiming.kv, `total ${serverTiming.total} of ${serverTiming.kv}`);
});

test("memory older than memoryCacheTtl is looked up in KV again", async (t) => {
  const site = await deploy(t, { clock: true, config: { memoryCacheTtl: 300 } });
  await site.clock.freeze();
  await site.get(PATH);
  await site.kv.written(KEY);
  await site.clock.advance(299);
  assertFound(await site.get(PATH), "memory");
  await site.clock.advance(2);
  assertFound(await site.get(PATH), "kv");
  assertFound(await site.get(PATH), "memory");
  assert.equal(site.origin.requests.length, 1);
});

test("the answer does not wait for KV to have stored it", async (t) => {
  const site = await deploy(t);
  site.kv.intercept("put", () => ({ hang: true }));
  assertFound(await site.get(PATH), "origin");
  await site.kv.received("put", KEY);
  assertFound(await site.get(PATH), "memory");
});

suite("a full memory", () => {
  test("loses the 200 least recently used of 1,000 to one write; one that was read again stays", async (t) => {
    const site = await deploy(t, { kv: false });
    const get = async (n) => (await site.get(`/metadata/${n}.jpg`)).layer;
    const each = async (from, to, layer) => {
      for (let n = from; n <= to; n++) assert.equal(await get(n), layer, `${n}.jpg`);
    };
    await each(0, 999, "origin");
    assert.equal(await get(0), "memory");
    await each(1000, 1000, "origin");

    // Reads prune nothing, so the survivors can be asked for first.
    await each(201, 1000, "memory");
    await each(0, 0, "memory");
    await each(1, 200, "origin");
  });

  test("of one entry holds the last", async (t) => {
    const site = await deploy(t, { kv: false, config: { memoryCacheSize: 1 } });
    const layers = [];
    for (const name of ["a", "a", "b", "b", "a"]) layers.push((await site.get(`/metadata/${name}`)).layer);
    assert.deepEqual(layers, ["origin", "memory", "origin", "memory", "origin"]);
  });

  test("keeps as many as memoryCacheSize says", async (t) => {
    const site = await deploy(t, { kv: false, config: { memoryCacheSize: 10 } });
    const layer = async (n) => (await site.get(`/metadata/${n}`)).layer;
    for (let n = 0; n < 10; n++) assert.equal(await layer(n), "origin");
    for (let n = 0; n < 10; n++) assert.equal(await layer(n), "memory");
    assert.equal(await layer(10), "origin");
    for (let n = 2; n <= 10; n++) assert.equal(await layer(n), "memory");
    for (let n = 0; n < 2; n++) assert.equal(await layer(n), "origin");
  });
});

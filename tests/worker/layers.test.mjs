import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, bodyOf } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
// Jitter takes up to 5 % off a key's time to live.
const LIFETIME = { min: 82_080, max: 86_400 };

test("An image is answered from the origin, then from memory, and in a new isolate from KV", async (t) => {
  const site = await deploy(t, { clock: true });

  const missed = await site.get(PATH);
  assertFound(missed, "origin");
  assert.equal(missed.headers["cache-status"], "OptimizedMetadata; fwd=miss; fwd-status=200; stored; detail=origin");
  assert.equal(missed.age, 0);
  assert.deepEqual(missed.json, bodyOf("photos/cat.jpg"));
  await site.kv.written(KEY);

  await site.clock.advance(100);
  const fromMemory = await site.get(PATH);
  const memory = assertHit(fromMemory, "memory", 100);

  await site.restart();
  await site.clock.advance(50);
  const fromKv = await site.get(PATH);
  const kv = assertHit(fromKv, "kv", 150);
  assert.ok(memory - kv >= 49 && memory - kv <= 52, `the ttl decreases with the age: ${memory}, then ${kv}`);

  assertHit(await site.get(PATH), "memory", 150);
  for (const answer of [fromMemory, fromKv]) {
    assert.equal(answer.etag, missed.etag);
    assert.equal(answer.text, missed.text);
  }
  assert.deepEqual([site.origin.requests.length, site.kv.reads(KEY).length, site.kv.writes(KEY).length], [1, 2, 1]);
});

/** Asserts a hit and returns its ttl. */
function assertHit(answer, layer, age) {
  assertFound(answer, layer);
  assert.match(answer.headers["cache-status"], new RegExp(`^OptimizedMetadata; hit; ttl=\\d+; detail=${layer}$`));
  const { ttl } = answer.cacheStatus;
  assert.ok(answer.age >= age && answer.age <= age + 2, `Metadata-Age ${answer.age}, ${age} expected`);
  assert.ok(ttl >= LIFETIME.min - age - 2 && ttl <= LIFETIME.max - age, `ttl ${ttl} at age ${age}`);
  assert.equal(answer.cacheControl["max-age"], 3600);
  return ttl;
}

test("max-age is the remaining freshness, at most clientMaxAge", async (t) => {
  const site = await deploy(t, { clock: true, config: { memoryCacheTtl: 86_400, staleWhileRevalidate: 77, clientMaxAge: 3000 } });
  await site.clock.freeze();
  assert.deepEqual((await site.get(PATH)).cacheControl, { public: true, "max-age": 3000, "stale-while-revalidate": 77 });
  await site.clock.advance(LIFETIME.min - 1000);
  const { cacheControl, cacheStatus } = await site.get(PATH);
  assert.ok(cacheStatus.ttl >= 1000, `ttl ${cacheStatus.ttl}`);
  assert.equal(cacheControl["max-age"], Math.min(cacheStatus.ttl, 3000));
  assert.equal(cacheControl["stale-while-revalidate"], 77);
});

test("Server-Timing lists exactly the phases that ran", async (t) => {
  const site = await deploy(t);
  const phases = async () => Object.keys((await site.get(PATH)).serverTiming).sort();
  assert.deepEqual(await phases(), ["kv", "memory", "origin", "total"]);
  assert.deepEqual(await phases(), ["memory", "total"]);
  await site.kv.written(KEY);
  await site.restart();
  assert.deepEqual(await phases(), ["kv", "memory", "total"]);
});

test("Server-Timing has the duration of each phase", async (t) => {
  const site = await deploy(t);
  site.kv.intercept("get", () => new Promise((resolve) => setTimeout(resolve, 60)));
  const { serverTiming } = await site.get(PATH);
  assert.ok(serverTiming.kv >= 50, `kv ${serverTiming.kv}`);
  assert.ok(serverTiming.origin >= 0, `origin ${serverTiming.origin}`);
  assert.ok(serverTiming.memory >= 0 && serverTiming.memory < 50, `memory ${serverTiming.memory}`);
  assert.ok(serverTiming.total >= serverTiming.kv, `total ${serverTiming.total} of ${serverTiming.kv}`);
});

test("A memory entry older than memoryCacheTtl is looked up in KV again", async (t) => {
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

test("The response does not wait for the KV write", async (t) => {
  const site = await deploy(t);
  site.kv.intercept("put", () => ({ hang: true }));
  assertFound(await site.get(PATH), "origin");
  await site.kv.received("put", KEY);
  assertFound(await site.get(PATH), "memory");
});

suite("Memory at capacity", () => {
  test("One write at the capacity of 1,000 evicts the 200 least recently used entries", async (t) => {
    const site = await deploy(t, { kv: false });
    const get = async (n) => (await site.get(`/metadata/${n}.jpg`)).layer;
    const each = async (from, to, layer) => {
      for (let n = from; n <= to; n++) assert.equal(await get(n), layer, `${n}.jpg`);
    };
    await each(0, 999, "origin");
    assert.equal(await get(0), "memory");
    await each(1000, 1000, "origin");

    // Reads evict nothing, so the remaining entries are checked first.
    await each(201, 1000, "memory");
    await each(0, 0, "memory");
    await each(1, 200, "origin");
  });

  test("With memoryCacheSize = 1 memory holds the last image", async (t) => {
    const site = await deploy(t, { kv: false, config: { memoryCacheSize: 1 } });
    const layers = [];
    for (const name of ["a", "a", "b", "b", "a"]) layers.push((await site.get(`/metadata/${name}`)).layer);
    assert.deepEqual(layers, ["origin", "memory", "origin", "memory", "origin"]);
  });

  test("Memory holds memoryCacheSize entries", async (t) => {
    const site = await deploy(t, { kv: false, config: { memoryCacheSize: 10 } });
    const layer = async (n) => (await site.get(`/metadata/${n}`)).layer;
    for (let n = 0; n < 10; n++) assert.equal(await layer(n), "origin");
    for (let n = 0; n < 10; n++) assert.equal(await layer(n), "memory");
    assert.equal(await layer(10), "origin");
    for (let n = 2; n <= 10; n++) assert.equal(await layer(n), "memory");
    for (let n = 0; n < 2; n++) assert.equal(await layer(n), "origin");
  });
});

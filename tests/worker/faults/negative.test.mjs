import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale, recordOf, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, gated, image } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";

suite("Missing images", () => {
  for (const status of [404, 410]) {
    test(`A ${status} of the origin is a 404, cached for negativeTtl in memory only`, async (t) => {
      const site = await deploy(t, { clock: true, config: { negativeTtl: 60 } });
      await site.clock.freeze();
      site.origin.on(ORIGIN_PATH, failure(status));

      const first = await site.get(PATH);
      assertProblem(first, 404, "not-found", { instance: PATH });
      assert.equal(first.headers["cache-control"], "public, max-age=60");

      await site.clock.advance(20);
      const second = await site.get(PATH);
      assertProblem(second, 404, "not-found");
      assert.equal(second.headers["cache-control"], "public, max-age=40");
      assert.deepEqual([site.kv.reads(KEY).length, site.origin.requests.length, site.kv.writes().length], [1, 1, 0]);

      site.origin.on(ORIGIN_PATH, image());
      await site.clock.advance(39);
      assertProblem(await site.get(PATH), 404, "not-found");
      await site.clock.advance(2);
      assertFound(await site.get(PATH), "origin");
      assertFound(await site.get(PATH), "memory");
    });
  }

  test("With negativeTtl = 0 a missing image is requested again at once", async (t) => {
    const site = await deploy(t, { config: { negativeTtl: 0 } });
    site.origin.on(ORIGIN_PATH, failure(404));
    const answer = await site.get(PATH);
    assertProblem(answer, 404, "not-found");
    assert.equal(answer.cacheControl["max-age"] ?? 0, 0);
    site.origin.on(ORIGIN_PATH, image());
    assertFound(await site.get(PATH), "origin");
  });

  test("A missing image costs a herd one fetch, without a retry", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, failure(404)));
    const herd = await site.herd(200, PATH);
    await gate.arrived();
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => a.json.code),
      { "not-found": 200 },
    );
    assert.deepEqual([site.kv.reads(KEY).length, site.origin.requests.length], [1, 1]);
  });

  test("A new isolate has no cached failures", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(404));
    assertProblem(await site.get(PATH), 404, "not-found");
    await site.restart();
    site.origin.on(ORIGIN_PATH, image());
    assertFound(await site.get(PATH), "origin");
  });

  test("HEAD of a missing image is a 404 without a body", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(404));
    const answer = await site.request("HEAD", PATH);
    assert.deepEqual([answer.status, answer.bytes.length], [404, 0]);
  });
});

test("An image that the origin refuses is a 403, cached for errorTtl", async (t) => {
  const site = await deploy(t, { clock: true, config: { errorTtl: 5 } });
  await site.clock.freeze();
  site.origin.on(ORIGIN_PATH, failure(401));
  for (let n = 0; n < 2; n++) {
    const answer = await site.get(PATH);
    assertProblem(answer, 403, "forbidden-by-origin");
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["www-authenticate"], undefined);
  }
  assert.equal(site.origin.requests.length, 1);
  site.origin.on(ORIGIN_PATH, image());
  await site.clock.advance(5.1);
  assertFound(await site.get(PATH), "origin");
});

test("10,000 distinct missing images evict no image from memory", async (t) => {
  const site = await deploy(t, { kv: false, config: { memoryCacheSize: 100 } });
  for (let n = 0; n < 100; n++) await site.get(`/metadata/good/${n}`);
  site.origin.on(failure(404));
  const probe = async (from) => {
    for (let n = from; n < 10_000; n += 32) assert.equal((await site.get(`/metadata/missing/${n}`)).status, 404);
  };
  await Promise.all(Array.from({ length: 32 }, (_, from) => probe(from)));
  assert.equal(site.origin.requests.length, 10_100);
  for (let n = 0; n < 100; n++) assertFound(await site.get(`/metadata/good/${n}`), "memory");
});

suite("A cached failure and a stale record", () => {
  const staleRecord = () => ({ metadata: recordOf({ lastFetched: Date.now() - 30 * 3600 * 1000 }) });
  const config = { errorTtl: 60, memoryCacheTtl: 0 };

  test("With memoryCacheTtl = 0 a stale KV record is served each time, and the origin gets one request", async (t) => {
    const site = await deploy(t, { config });
    site.kv.seed(KEY, staleRecord());
    site.origin.on(ORIGIN_PATH, failure(500));
    for (let n = 0; n < 3; n++) assertStale(await site.get(PATH));
    assert.equal(site.origin.requests.length, 1);
  });

  test("After the stale KV record was purged elsewhere, the cached failure is returned", async (t) => {
    const site = await deploy(t, { config });
    site.kv.seed(KEY, staleRecord());
    site.origin.on(ORIGIN_PATH, failure(500));
    assertStale(await site.get(PATH));
    site.kv.records.delete(KEY);
    for (let n = 0; n < 2; n++) assertProblem(await site.get(PATH), 502, "origin-error");
    assert.deepEqual([site.origin.requests.length, site.kv.reads(KEY).length], [1, 2]);
  });

  test("An entry older than memoryCacheTtl that KV no longer has is not served", async (t) => {
    const site = await deploy(t, { clock: true, config: { errorTtl: 60 } });
    await site.get(PATH);
    await site.kv.written(KEY);
    site.kv.records.delete(KEY);
    site.origin.on(ORIGIN_PATH, failure(500));
    await site.clock.advance(400);
    for (let n = 0; n < 3; n++) assertProblem(await site.get(PATH), 502, "origin-error");
  });

  test("A malformed KV record does not replace what memory has", async (t) => {
    const site = await deploy(t, { clock: true });
    await site.get(PATH);
    await site.kv.written(KEY);
    site.kv.seed(KEY, { metadata: recordOf({ width: "wide" }) });
    site.origin.on(ORIGIN_PATH, failure(500));
    await site.clock.advance(400);
    for (let n = 0; n < 2; n++) assertFound(await site.get(PATH), "memory");
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { createClient } from "../dist/index.js";
import { answerTo, FakeService, mockClock, problem } from "./support.mjs";

/** A client and a clock. `look(path)` looks an image up and resolves with its width or the code of its error. */
function setUp(t, { headers = {}, ...options } = {}) {
  const clock = mockClock(t);
  const service = new FakeService((path) => ({ ...body(path), headers }));
  const body = (path) => {
    if (service.failing) return problem(503, "overloaded");
    return path.startsWith("none") ? problem(404, "not-found") : answerTo(path, { width: service.requests.length });
  };
  const client = service.client(options);
  const look = async (path, crop) => {
    const outcome = client.get(path, crop).then(({ metadata }) => metadata.width, ({ code }) => code);
    await clock.advance(1);
    return outcome;
  };
  return { clock, service, client, look, headers };
}

suite("Answers that the client keeps", () => {
  test("An answer is kept for its max-age, less its Age", async (t) => {
    const { clock, service, look, headers } = setUp(t);
    headers["Cache-Control"] = "public, max-age=60";
    assert.deepEqual([await look("a.jpg"), await look("a.jpg")], [1, 1]);
    await clock.advance(59_990);
    assert.equal(await look("a.jpg"), 1);
    await clock.advance(10);
    assert.equal(await look("a.jpg"), 2);
    headers.Age = "50";
    assert.equal(await look("b.jpg"), 3);
    await clock.advance(9_990);
    assert.equal(await look("b.jpg"), 3);
    await clock.advance(10);
    assert.equal(await look("b.jpg"), 4);
    assert.equal(service.requests.length, 4);
  });

  test("A response that breaks off, or is not JSON, is not kept, whatever its Cache-Control says", async () => {
    const headers = { "Cache-Control": "public, max-age=86400, stale-while-revalidate=3600" };
    const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError("terminated")) });
    const bodies = [broken, "<!doctype html>", JSON.stringify(answerTo("a.jpg"))];
    const fetch = async () => new Response(bodies.shift(), { headers });
    const { get } = createClient({ baseUrl: "https://metadata.test" }, { fetch });
    for (let n = 0; n < 2; n++) await assert.rejects(get("a.jpg"), { code: "invalid-response", status: 200 });
    assert.equal((await get("a.jpg")).metadata.width, 4000);
  });

  test("Crops and versions of an image are kept separately", async (t) => {
    const { look } = setUp(t, { headers: { "Cache-Control": "max-age=60" } });
    const all = async () => [await look("a.jpg"), await look("a.jpg", { aspect: "1:1" }), await look("a.jpg?v=1"), await look("a.jpg", { placeholder: "data-url" })];
    assert.deepEqual(await all(), [1, 2, 3, 4]);
    assert.deepEqual(await all(), [1, 2, 3, 4]);
  });

  for (const control of ["no-store", "no-cache, max-age=60", "max-age=60, no-store", "max-age=0", "s-maxage=60", "private", ""]) {
    test(`An answer with Cache-Control "${control}" is not kept`, async (t) => {
      const { look } = setUp(t, { headers: { "Cache-Control": control } });
      assert.deepEqual([await look("a.jpg"), await look("a.jpg")], [1, 2]);
    });
  }

  test("A stale answer is returned while it is replaced, for as long as stale-while-revalidate allows", async (t) => {
    const { clock, service, look } = setUp(t, { headers: { "Cache-Control": "public, max-age=60, stale-while-revalidate=600" } });
    assert.equal(await look("a.jpg"), 1);
    await clock.advance(60_000);
    assert.deepEqual([await look("a.jpg"), await look("a.jpg")], [1, 2]);
    assert.equal(service.requests.length, 2);
    await clock.advance(660_000);
    assert.equal(await look("a.jpg"), 3);
  });

  test("A stale answer stays if the look-up in the background fails", async (t) => {
    const { clock, service, look, headers } = setUp(t, { retries: 0, headers: { "Cache-Control": "max-age=60, stale-while-revalidate=600" } });
    await look("a.jpg");
    await clock.advance(60_000);
    headers["Cache-Control"] = "no-store";
    service.failing = true;
    assert.deepEqual([await look("a.jpg"), await look("a.jpg")], [1, 1]);
    service.failing = false;
    headers["Cache-Control"] = "max-age=60";
    assert.deepEqual([await look("a.jpg"), await look("a.jpg")], [1, 4]);
    assert.equal(service.requests.length, 4);
  });

  test("A missing image is kept as its headers allow", async (t) => {
    const { clock, service, look } = setUp(t, { headers: { "Cache-Control": "public, max-age=60" } });
    assert.deepEqual([await look("none.jpg"), await look("none.jpg")], ["not-found", "not-found"]);
    assert.equal(service.requests.length, 1);
    await clock.advance(60_000);
    await look("none.jpg");
    assert.equal(service.requests.length, 2);
  });

  test("The answers of a batch are kept for batchMaxAgeS, which is 0 by default, and its errors are not", async (t) => {
    for (const [options, again] of [
      [{}, ["a.jpg", "none.jpg", "b.jpg"]],
      [{ batchMaxAgeS: 60 }, ["none.jpg"]],
    ]) {
      const { clock, service, client } = setUp(t, options);
      const many = async () => {
        const results = client.getMany(["a.jpg", "none.jpg", "b.jpg"]);
        await clock.advance(1);
        return (await results).map((result) => result.answer?.path ?? result.error.code);
      };
      assert.deepEqual(await many(), ["a.jpg", "not-found", "b.jpg"]);
      assert.deepEqual(await many(), ["a.jpg", "not-found", "b.jpg"]);
      assert.deepEqual(service.paths[1], again);
      t.mock.timers.reset();
    }
  });

  test("At most maxEntries answers are kept, those used last", async (t) => {
    const { service, look } = setUp(t, { maxEntries: 2, headers: { "Cache-Control": "max-age=60" } });
    for (const path of ["a.jpg", "b.jpg", "a.jpg", "c.jpg", "a.jpg", "c.jpg", "b.jpg"]) await look(path);
    assert.deepEqual(service.paths.flat(), ["a.jpg", "b.jpg", "c.jpg", "b.jpg"]);
  });

  test("With maxEntries 0 no answer is kept", async (t) => {
    const { look } = setUp(t, { maxEntries: 0, headers: { "Cache-Control": "max-age=60, stale-while-revalidate=60" } });
    assert.deepEqual([await look("a.jpg"), await look("a.jpg")], [1, 2]);
  });

  test("Clients can share what they keep", async (t) => {
    const cache = new Map();
    const { clock, service, look } = setUp(t, { cache, headers: { "Cache-Control": "max-age=60" } });
    await look("a.jpg");
    const answer = service.client({ cache }).get("a.jpg");
    await clock.advance(1);
    assert.equal((await answer).metadata.width, 1);
    assert.equal(service.requests.length, 1);
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale, bodyOf, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, gated, image, inSequence, json, reset, resizerError, text } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";

// The origin's fault, the status and code of the response, and the number of fetches: transient faults are retried once.
const FAILURES = [
  ["500", failure(500), 502, "origin-error", 1],
  ["501", failure(501), 502, "origin-error", 1],
  ["502", failure(502), 502, "origin-error", 2],
  ["503", failure(503), 503, "origin-overloaded", 2],
  ["504", failure(504), 504, "origin-timeout", 2],
  ["a reset connection", reset(), 502, "origin-unreachable", 2],
];

suite("An origin failure without a record", () => {
  for (const [what, responder, status, code, fetches] of FAILURES) {
    test(`Without a record ${what} is a ${status} ${code}, not stored, and cached for errorTtl`, async (t) => {
      const site = await deploy(t, { clock: true, config: { errorTtl: 5 } });
      await site.clock.freeze();
      site.origin.on(ORIGIN_PATH, responder);

      const answer = await site.get(PATH);
      assertProblem(answer, status, code, { instance: PATH });
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(site.origin.requests.length, fetches);

      assertProblem(await site.get(PATH), status, code);
      assert.equal(site.origin.requests.length, fetches, "the failure is cached");
      assert.equal(site.kv.writes().length, 0);

      site.origin.on(ORIGIN_PATH, image());
      await site.clock.advance(5.1);
      assertFound(await site.get(PATH), "origin");
      await site.kv.written(KEY);
      assert.equal(site.kv.writes().length, 1, "only the success was stored");
    });
  }

  test("A refused connection is a 502, and the next success is returned", async (t) => {
    const site = await deploy(t, { config: { errorTtl: 0 } });
    const { port } = site.origin;
    await site.origin.refuse();
    assertProblem(await site.get(PATH), 502, "origin-unreachable");
    assert.equal(site.kv.writes().length, 0);
    await site.origin.listen(port);
    assertFound(await site.get(PATH), "origin");
  });

  test("A 502 of the origin costs a herd of 200 two fetches, and all get the error", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, failure(502)));

    const herd = await site.herd(200, PATH);
    await gate.arrived();
    gate.open();
    const answers = await herd.answers;

    assert.deepEqual(
      tally(answers, (a) => `${a.status} ${a.json.code}`),
      { "502 origin-error": 200 },
    );
    assert.equal(site.origin.requests.length, 2);
    const more = await site.herd(200, PATH);
    assert.deepEqual(
      tally(await more.answers, (a) => a.status),
      { 502: 200 },
    );
    assert.equal(site.origin.requests.length, 2, "no further fetch within errorTtl");
    assert.deepEqual([site.kv.reads(KEY).length, site.kv.writes(KEY).length], [1, 0]);
  });
});

suite("An origin failure with a stale record", () => {
  const config = { kvCacheTtl: 1000, staleWhileRevalidate: 0, staleIfError: 10_000, memoryCacheTtl: 86_400 };

  for (const [what, responder, , , fetches] of FAILURES) {
    test(`After ${what} a stale record is served with its Metadata-Age and a negative ttl`, async (t) => {
      const site = await deploy(t, { clock: true, config });
      await site.clock.freeze();
      const fresh = await site.get(PATH);
      await site.kv.written(KEY);
      site.origin.on(ORIGIN_PATH, responder);
      site.origin.clearRequests();

      await site.clock.advance(2000);
      const stale = await site.get(PATH);
      assertStale(stale, { age: 2000 });
      assert.equal(stale.etag, fresh.etag);
      assert.ok(stale.cacheStatus.ttl >= -1050 && stale.cacheStatus.ttl <= -1000, `ttl ${stale.cacheStatus.ttl}`);
      assert.equal(site.origin.requests.length, fetches);
      assert.equal(site.kv.writes().length, 1, "a stale record is not written again");
    });
  }

  test("After a refused connection a stale record is served", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.get(PATH);
    await site.kv.written(KEY);
    await site.origin.refuse();
    await site.clock.advance(2000);
    assertStale(await site.get(PATH), { age: 2000 });
  });

  test("A new isolate serves a stale record from KV if the origin fails", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.get(PATH);
    await site.kv.written(KEY);
    site.origin.on(failure(500));
    await site.restart();
    await site.clock.advance(2000);
    assertStale(await site.get(PATH), { age: 2000 });
  });

  test("A herd of 200 gets the stale record for one fetch and one retry", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    await site.get(PATH);
    await site.kv.written(KEY);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, failure(502)));
    site.origin.clearRequests();

    await site.clock.advance(2000);
    const herd = await site.herd(200, PATH);
    await gate.arrived();
    gate.open();
    const answers = await herd.answers;
    assert.deepEqual(
      tally(answers, (a) => a.status),
      { 200: 200 },
    );
    assert.equal(new Set(answers.map((a) => a.text)).size, 1);
    assert.equal(site.origin.requests.length, 2);
  });

  test("A later success of the origin replaces the stale record", async (t) => {
    const site = await deploy(t, { clock: true, config: { ...config, errorTtl: 5 } });
    await site.get(PATH);
    await site.kv.written(KEY);
    site.origin.on(ORIGIN_PATH, failure(500));
    await site.clock.advance(2000);
    assertStale(await site.get(PATH));
    site.origin.on(ORIGIN_PATH, image({ width: 77 }));
    await site.clock.advance(6);
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.deepEqual(answer.json, bodyOf("photos/cat.jpg", { width: 77 }));
  });

  // These are facts about the image: it is gone, or not public. RFC 5861 allows a stale response for errors, not for facts.
  for (const [what, responder, status, code] of [
    ["404", failure(404), 404, "not-found"],
    ["410", failure(410), 404, "not-found"],
    ["403", failure(403), 403, "forbidden-by-origin"],
    ["a resizer error for a file that is not an image", resizerError(9412, 415), 415, "not-an-image"],
  ]) {
    test(`After ${what} a stale record is not served, and is deleted from memory and KV`, async (t) => {
      const site = await deploy(t, { clock: true, config });
      await site.get(PATH);
      await site.kv.written(KEY);
      site.origin.on(ORIGIN_PATH, responder);
      await site.clock.advance(2000);
      assertProblem(await site.get(PATH), status, code);
      await site.kv.received("delete", KEY);
      await site.restart();
      site.origin.on(ORIGIN_PATH, failure(500));
      assertProblem(await site.get(PATH), 502, "origin-error");
    });
  }
});

suite("Retries of transient faults", () => {
  for (const [what, responder] of [
    ["502", failure(502)],
    ["503", failure(503)],
    ["504", failure(504)],
    ["a reset connection", reset()],
  ]) {
    test(`A transient fault of the origin is retried once: ${what}`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, inSequence(responder, image()));
      assertFound(await site.get(PATH), "origin");
      assert.equal(site.origin.requests.length, 2);
      await site.kv.written(KEY);
    });
  }

  test("A fault with Retry-After is not retried", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(503, { "Retry-After": "7" }));
    const answer = await site.get(PATH);
    assertProblem(answer, 503, "origin-overloaded");
    assert.equal(answer.headers["retry-after"], "7");
    assert.equal(site.origin.requests.length, 1);
  });

  test("A retry shares the timeout of the first attempt", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 300 } });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(failure(502), gated(gate)));
    const started = performance.now();
    assertProblem(await site.get(PATH), 504, "origin-timeout");
    assert.ok(performance.now() - started < 1500, "the retry has no timeout of its own");
    await site.origin.disconnected(ORIGIN_PATH);
    gate.open();
  });
});

suite("Invalid JSON of the origin", () => {
  const dimensions = (width, height) => json({ original: { file_size: 1, width, height, format: "image/png" } });
  for (const [what, responder] of [
    ["HTML sent as JSON", json("<!doctype html>")],
    ["an empty body", json("")],
    ["broken JSON", json('{"width":1,"height":')],
    ["text after the JSON", json('{"width":1,"height":1} trailing')],
    ["a list", json([])],
    ["null", json("null")],
    ["a number", json("7")],
    ["no dimensions", json({ original: { format: "image/png" } })],
    ["a width alone", json({ original: { width: 1 } })],
    ["a width of zero", dimensions(0, 1)],
    ["a negative width", dimensions(-1, 1)],
    ["a fractional width", dimensions(1.5, 1)],
    ["a width that is a string", dimensions("640", 1)],
    ["a width of null", dimensions(null, 1)],
    ["a width of true", dimensions(true, 1)],
    ["a width of 2^31", dimensions(2 ** 31, 1)],
    ["a height of 2^31", dimensions(1, 2 ** 31)],
    ["a width of 1e400", json('{"original":{"width":1e400,"height":1}}')],
    ["invalid UTF-8", text(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), { headers: { "Content-Type": "application/json" } })],
    ["deep nesting", json("[".repeat(60_000))],
    ["status 204", text("", { status: 204 })],
    ["status 206", json({ width: 1, height: 1 }, { status: 206 })],
  ]) {
    test(`An origin response with ${what} is a 502 and is not stored`, async (t) => {
      const site = await deploy(t, { config: { errorTtl: 0 } });
      site.origin.on(ORIGIN_PATH, responder);
      const answer = await site.get(PATH);
      assert.equal(answer.status, 502, answer.text);
      assertProblem(answer, 502, answer.json.code);
      assert.match(answer.json.code, /^(invalid-origin-answer|origin-error)$/);
      site.origin.on(ORIGIN_PATH, image());
      assertFound(await site.get(PATH), "origin");
      await site.kv.written(KEY);
      assert.equal(site.kv.writes().length, 1);
    });
  }

  test("A stale record is served instead of invalid JSON of the origin", async (t) => {
    const site = await deploy(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 0 } });
    await site.get(PATH);
    await site.kv.written(KEY);
    site.origin.on(ORIGIN_PATH, json("<!doctype html>"));
    await site.clock.advance(2000);
    assertStale(await site.get(PATH));
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { flood, gated, image, json, noResponse, stall, truncated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const MB = 1024 * 1024;

suite("Slow, truncated and endless responses of the origin", () => {
  for (const [what, responder] of [
    ["never sends headers", noResponse()],
    ["stalls in the body", stall()],
  ]) {
    test(`An origin that ${what} is a 504 after originTimeoutMs, and its connection is closed`, async (t) => {
      const site = await deploy(t, { config: { originTimeoutMs: 200, errorTtl: 0 } });
      site.origin.on(ORIGIN_PATH, responder);
      const started = performance.now();
      assertProblem(await site.get(PATH), 504, "origin-timeout", { instance: PATH });
      const took = performance.now() - started;
      assert.ok(took >= 190 && took < 2000, `took ${took} ms`);
      await site.origin.disconnected(ORIGIN_PATH);
      site.origin.on(ORIGIN_PATH, image());
      assertFound(await site.get(PATH), "origin");
      await site.kv.written(KEY);
      assert.equal(site.kv.writes().length, 1);
    });

    test(`An origin that ${what} costs a herd one fetch and one timeout`, async (t) => {
      const site = await deploy(t, { config: { originTimeoutMs: 300 } });
      site.origin.on(ORIGIN_PATH, responder);
      const started = performance.now();
      const herd = await site.herd(50, PATH);
      assert.deepEqual(
        tally(await herd.answers, (a) => a.json.code),
        { "origin-timeout": 50 },
      );
      assert.ok(performance.now() - started < 2500);
      assert.equal(site.origin.requests.length, 1);
    });

    test(`A stale record is served for an origin that ${what}`, async (t) => {
      const site = await deploy(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 0, originTimeoutMs: 200 } });
      await site.get(PATH);
      await site.kv.written(KEY);
      site.origin.on(ORIGIN_PATH, responder);
      await site.clock.advance(2000);
      assertStale(await site.get(PATH));
    });
  }

  test("A truncated response of the origin is a 502 and is not stored", async (t) => {
    const site = await deploy(t, { config: { errorTtl: 0 } });
    site.origin.on(ORIGIN_PATH, truncated());
    const answer = await site.get(PATH);
    assert.equal(answer.status, 502, answer.text);
    assertProblem(answer, 502, answer.json.code);
    site.origin.on(ORIGIN_PATH, image());
    assertFound(await site.get(PATH), "origin");
    await site.kv.written(KEY);
    assert.equal(site.kv.writes().length, 1);
  });

  test("A truncated response of the origin is a 502 even if its JSON is complete", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, truncated('{"original":{"width":1,"height":1}}'));
    assert.equal((await site.get(PATH)).status, 502);
    assert.equal(site.kv.writes().length, 0);
  });

  for (const [what, headers] of [
    ["without a Content-Length", {}],
    ["with its Content-Length", { "Content-Length": 64 * MB }],
    ["with too large a Content-Length", { "Content-Length": 8 * 1024 * MB }],
    ["with too small a Content-Length", { "Content-Length": 100 }],
  ]) {
    test(`A response of 64 MB ${what} is a 502 and is not read to the end`, async (t) => {
      const site = await deploy(t, { config: { errorTtl: 0 } });
      site.origin.on(ORIGIN_PATH, flood(64 * MB, headers));
      await assertFloodRefused(site);
      // The first one allocates buffers that are kept. Further ones must add nothing.
      const before = site.memory();
      for (let n = 0; n < 10; n++) await assertFloodRefused(site);
      const growth = site.memory() - before;
      assert.ok(growth < 32 * MB, `the process grew by ${Math.round(growth / MB)} MB`);
      assert.equal(site.kv.writes().length, 0);
      site.origin.on(ORIGIN_PATH, image());
      assertFound(await site.get(PATH), "origin");
    });
  }

  async function assertFloodRefused(site) {
    site.origin.clearRequests();
    assertProblem(await site.get(PATH), 502, "invalid-origin-answer");
    const { sent } = await site.origin.disconnected(ORIGIN_PATH);
    // At most what the socket buffers hold.
    assert.ok(sent < 16 * MB, `${Math.round(sent / MB)} MB were sent`);
  }

  test("A valid response of the origin in one-byte chunks is accepted", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, async (_, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      for (const byte of '{"original":{"width":30,"height":20,"format":"image/png"}}') {
        response.write(byte);
        await new Promise(setImmediate);
      }
      response.end();
    });
    assert.equal((await site.get(PATH)).json.metadata.width, 30);
  });

  test("A valid response of the origin with much white space below the limit is accepted", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, json(`${" ".repeat(30_000)}{"width":30,"height":20}`));
    assertFound(await site.get(PATH), "origin");
  });
});

suite("The limit maxInFlight", () => {
  async function deployAtLimit(t, options = {}) {
    const site = await deploy(t, { ...options, config: { maxInFlight: 3, ...options.config } });
    const gate = new Gate();
    const running = [];
    return {
      site,
      gate,
      running,
      async fill() {
        for (const name of ["a", "b", "c"]) {
          site.origin.on(`/assets/${name}`, gated(gate));
          running.push(site.get(`/metadata/${name}`));
        }
        await gate.arrived(3);
      },
    };
  }

  test("At maxInFlight another image is a 503 with Retry-After, without KV or the origin", async (t) => {
    const { site, gate, running, fill } = await deployAtLimit(t);
    await fill();
    const answer = await site.get("/metadata/d");
    assertProblem(answer, 503, "overloaded", { instance: "/metadata/d" });
    assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["cache-status"], "OptimizedMetadata; fwd=miss; detail=origin", "not a hit");
    assert.deepEqual([site.kv.reads("metadata:d").length, site.origin.requestsTo("/assets/d").length], [0, 0]);

    gate.open();
    for (const answer of await Promise.all(running)) assertFound(answer, "origin");
    assertFound(await site.get("/metadata/d"), "origin");
  });

  test("At maxInFlight followers of running flights are answered", async (t) => {
    const { site, gate, running, fill } = await deployAtLimit(t);
    await fill();
    const herd = await site.herd(20, "/metadata/a");
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    for (const answer of await Promise.all(running)) assertFound(answer, "origin");
  });

  test("At maxInFlight images in memory are served", async (t) => {
    const { site, gate, running, fill } = await deployAtLimit(t);
    await site.get("/metadata/known");
    await fill();
    assertFound(await site.get("/metadata/known"), "memory");
    gate.open();
    await Promise.all(running);
  });

  test("At maxInFlight a stale record is served instead of an error", async (t) => {
    const config = { kvCacheTtl: 1000, staleWhileRevalidate: 0, staleIfError: 10_000, memoryCacheTtl: 86_400 };
    const { site, gate, running, fill } = await deployAtLimit(t, { clock: true, config });
    await site.get("/metadata/known");
    await site.clock.advance(2000);
    await fill();
    assertStale(await site.get("/metadata/known"), { path: "known" });
    gate.open();
    await Promise.all(running);
  });

  test("At maxInFlight bad paths, preflights and other routes are answered as usual", async (t) => {
    const { site, gate, running, fill } = await deployAtLimit(t);
    await fill();
    assert.equal((await site.get("/metadata/a//b")).status, 400);
    assert.equal((await site.request("OPTIONS", "/metadata/d")).status, 204);
    assert.equal((await site.get("/nowhere")).status, 404);
    gate.open();
    await Promise.all(running);
  });
});

test("A thousand concurrent requests for different images are all answered", async (t) => {
  const site = await deploy(t);
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => site.get(`/metadata/${n}`)));
  assert.deepEqual(
    tally(answers, (a) => `${a.status} ${a.layer}`),
    { "200 origin": 1000 },
  );
  await site.kv.allWritten(1000);
});

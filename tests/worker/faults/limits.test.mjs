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

suite("an origin that", () => {
  for (const [what, responder] of [
    ["never sends headers", noResponse()],
    ["stalls in the body", stall()],
  ]) {
    test(`${what} is told as 504 after originTimeoutMs, and hung up on`, async (t) => {
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

    test(`${what} costs a herd one fetch and one deadline`, async (t) => {
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

    test(`${what} is bridged with a stale record`, async (t) => {
      const site = await deploy(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 0, originTimeoutMs: 200 } });
      await site.get(PATH);
      await site.kv.written(KEY);
      site.origin.on(ORIGIN_PATH, responder);
      await site.clock.advance(2000);
      assertStale(await site.get(PATH));
    });
  }

  test("cuts the body short is told as 502, and nothing is stored", async (t) => {
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

  test("cuts a body short that is valid so far is told as 502, and nothing is stored", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, truncated('{"original":{"width":1,"height":1}}'));
    assert.equal((await site.get(PATH)).status, 502);
    assert.equal(site.kv.writes().length, 0);
  });

  for (const [what, headers] of [
    ["of no stated length", {}],
    ["of a stated length", { "Content-Length": 64 * MB }],
    ["of a length that is a lie", { "Content-Length": 8 * 1024 * MB }],
    ["that says it is short", { "Content-Length": 100 }],
  ]) {
    test(`sends 64 MB ${what} is told as 502, and not read to the end`, async (t) => {
      const site = await deploy(t, { config: { errorTtl: 0 } });
      site.origin.on(ORIGIN_PATH, flood(64 * MB, headers));
      await assertFloodRefused(site);
      // The first one grows buffers that stay; what matters is that the next ones add nothing.
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
    // What the sockets between hold, and not the flood.
    assert.ok(sent < 16 * MB, `${Math.round(sent / MB)} MB were taken`);
  }

  test("sends a good answer in small pieces is understood", async (t) => {
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

  test("sends a good answer with much white space, below the cap, is understood", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, json(`${" ".repeat(30_000)}{"width":30,"height":20}`));
    assertFound(await site.get(PATH), "origin");
  });
});

suite("with maxInFlight images being fetched", () => {
  async function full(t, options = {}) {
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

  test("a new one is told 503 with a Retry-After, and costs nothing", async (t) => {
    const { site, gate, running, fill } = await full(t);
    await fill();
    const answer = await site.get("/metadata/d");
    assertProblem(answer, 503, "overloaded", { instance: "/metadata/d" });
    assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["cache-status"], "OptimizedMetadata; fwd=miss; detail=origin", "no hit");
    assert.deepEqual([site.kv.reads("metadata:d").length, site.origin.requestsTo("/assets/d").length], [0, 0]);

    gate.open();
    for (const answer of await Promise.all(running)) assertFound(answer, "origin");
    assertFound(await site.get("/metadata/d"), "origin");
  });

  test("followers of the running ones are served", async (t) => {
    const { site, gate, running, fill } = await full(t);
    await fill();
    const herd = await site.herd(20, "/metadata/a");
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    for (const answer of await Promise.all(running)) assertFound(answer, "origin");
  });

  test("what is in memory is served", async (t) => {
    const { site, gate, running, fill } = await full(t);
    await site.get("/metadata/known");
    await fill();
    assertFound(await site.get("/metadata/known"), "memory");
    gate.open();
    await Promise.all(running);
  });

  test("a stale record is served rather than an error", async (t) => {
    const config = { kvCacheTtl: 1000, staleWhileRevalidate: 0, staleIfError: 10_000, memoryCacheTtl: 86_400 };
    const { site, gate, running, fill } = await full(t, { clock: true, config });
    await site.get("/metadata/known");
    await site.clock.advance(2000);
    await fill();
    assertStale(await site.get("/metadata/known"), { path: "known" });
    gate.open();
    await Promise.all(running);
  });

  test("bad paths, preflights and other routes are answered as ever", async (t) => {
    const { site, gate, running, fill } = await full(t);
    await fill();
    assert.equal((await site.get("/metadata/a//b")).status, 400);
    assert.equal((await site.request("OPTIONS", "/metadata/d")).status, 204);
    assert.equal((await site.get("/nowhere")).status, 404);
    gate.open();
    await Promise.all(running);
  });
});

test("a thousand different images at once are all answered", async (t) => {
  const site = await deploy(t);
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => site.get(`/metadata/${n}`)));
  assert.deepEqual(
    tally(answers, (a) => `${a.status} ${a.layer}`),
    { "200 origin": 1000 },
  );
  await site.kv.allWritten(1000);
});

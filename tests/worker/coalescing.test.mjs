import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { gated, image } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";

const Reader = {
  name: "Reader",
  fetch: `
    const response = await this.work(request);
    const headers = new Headers(response.headers);
    headers.set("x-read-after", String(await this.env.IMAGE_METADATA_CACHE.get("after")));
    return new Response(response.body, { status: response.status, headers });`,
};

suite("Concurrent requests for one image", () => {
  for (const count of [1, 20, 200, 1000]) {
    test(`A herd of ${count} for a cold image costs one KV read, one origin fetch and one KV write`, async (t) => {
      const site = await deploy(t);
      const gate = new Gate();
      site.origin.on(ORIGIN_PATH, gated(gate));

      const herd = await site.herd(count, PATH);
      await gate.arrived();
      gate.open();
      const answers = await herd.answers;

      assert.equal(answers.length, count);
      assert.deepEqual(
        tally(answers, (a) => a.status),
        { 200: count },
      );
      assert.equal(new Set(answers.map((a) => a.text)).size, 1, "one body");
      assert.equal(new Set(answers.map((a) => a.etag)).size, 1, "one ETag");
      assert.deepEqual(
        tally(answers, (a) => a.layer),
        count > 1 ? { origin: 1, inflight: count - 1 } : { origin: 1 },
      );
      for (const follower of answers.filter((a) => a.layer === "inflight")) {
        assert.equal(follower.headers["cache-status"], "OptimizedMetadata; fwd=miss; collapsed; detail=inflight");
      }
      await site.kv.written(KEY);
      assertFound(await site.get(PATH), "memory");
      assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
    });
  }

  test("A herd costs one KV read if KV has the record", async (t) => {
    const site = await deploy(t);
    await site.get(PATH);
    await site.kv.written(KEY);
    await site.restart();
    site.kv.clearOperations();
    const gate = new Gate();
    site.kv.intercept("get", () => gate.pass());

    const herd = await site.herd(50, PATH);
    await gate.arrived();
    gate.open();
    const answers = await herd.answers;

    assert.deepEqual(
      tally(answers, (a) => a.status),
      { 200: 50 },
    );
    assert.deepEqual(
      tally(answers, (a) => a.layer),
      { kv: 1, inflight: 49 },
    );
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 0 });
  });

  test("Requests that spell a path differently share one flight", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const spellings = [PATH, "/metadata/photos/%63at.jpg", "/metadata/%70hotos/cat%2ejpg", `${PATH}?v=2`];

    const answers = spellings.map((path) => site.get(path));
    await site.settled();
    await gate.arrived();
    gate.open();

    assert.deepEqual(
      tally(await Promise.all(answers), (a) => a.layer),
      { origin: 1, inflight: 3 },
    );
    assert.equal(site.origin.requests.length, 1);
  });

  test("HEAD and GET share one flight", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const answers = [site.request("HEAD", PATH), site.get(PATH)];
    await site.settled();
    await gate.arrived();
    gate.open();
    const [head, get] = await Promise.all(answers);
    assert.deepEqual([head.status, get.status], [200, 200]);
    assert.equal(head.etag, get.etag);
    assert.equal(site.origin.requests.length, 1);
  });
});

suite("A leader whose client disconnects", () => {
  test("Followers get their response from the one fetch when the leader's client disconnects, and the next request hits memory", async (t) => {
    const site = await deploy(t, { abortProxy: true });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));

    const first = site.abortProxy.get(PATH);
    await gate.arrived();
    const herd = await site.herd(20, PATH);
    await first.abort();
    gate.open();
    const answers = await herd.answers;

    assert.deepEqual(
      tally(answers, (a) => a.status),
      { 200: 20 },
    );
    assert.deepEqual(
      tally(answers, (a) => a.layer),
      { inflight: 20 },
    );
    await site.kv.written(KEY);
    assertFound(await site.get(PATH), "memory");
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("Requests that arrive after the leader's client disconnected follow the same flight", async (t) => {
    const site = await deploy(t, { abortProxy: true });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));

    const first = site.abortProxy.get(PATH);
    await gate.arrived();
    await first.abort();
    const herd = await site.herd(20, PATH);
    gate.open();

    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("A fetch is completed and stored when its only client disconnects", async (t) => {
    const site = await deploy(t, { abortProxy: true });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));

    const first = site.abortProxy.get(PATH);
    await gate.arrived();
    await first.abort();
    gate.open();
    await site.kv.written(KEY);

    assertFound(await site.get(PATH), "memory");
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("Followers are answered when the leader's client disconnects during the KV read", async (t) => {
    const site = await deploy(t, { abortProxy: true, config: { kvTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.kv.intercept("get", () => gate.pass());

    const first = site.abortProxy.get(PATH);
    await gate.arrived();
    const herd = await site.herd(20, PATH);
    await first.abort();
    gate.open();

    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("Followers are answered when the leader's connection is reset", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));

    const first = site.at.worker.begin("GET", PATH);
    await gate.arrived();
    const herd = await site.herd(20, PATH);
    first.reset();
    await assert.rejects(first.answer);
    await site.settled();
    gate.open();

    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    assert.equal(site.origin.requests.length, 1);
  });

  test("A follower that disconnects does not affect the leader or the other followers", async (t) => {
    const site = await deploy(t, { abortProxy: true });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));

    const leader = site.get(PATH);
    await gate.arrived();
    const disconnecting = site.abortProxy.get(PATH);
    const others = await site.herd(5, PATH);
    await disconnecting.abort();
    gate.open();

    assertFound(await leader, "origin");
    assert.deepEqual(
      tally(await others.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 5 },
    );
  });
});

suite("Flights", () => {
  test("Flights of two images do not wait for each other", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on("/assets/slow.jpg", gated(gate, image({ width: 1, height: 1 })));

    const slow = site.get("/metadata/slow.jpg");
    await gate.arrived();
    const quick = await site.get("/metadata/quick.jpg");
    assertFound(quick, "origin");
    assert.equal(gate.arrivals, 1, "the slow one still waits");
    gate.open();

    assertFound(await slow, "origin");
    assert.equal((await slow).json.metadata.width, 1);
    assert.equal(quick.json.metadata.width, 4000);
  });

  test("A request after a completed flight is answered from memory", async (t) => {
    const site = await deploy(t);
    for (const layer of ["origin", "memory", "memory"]) assertFound(await site.get(PATH), layer);
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("A follower can do its own I/O after it has been resumed", async (t) => {
    // A follower that is resumed within the leader's I/O context fails at its next read: "Cannot perform I/O on behalf of
    // a different request". The entrypoint runs the Worker and then a KV read in the follower's own context.
    const site = await deploy(t, { entrypoint: Reader });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));

    const leader = site.get(PATH);
    await gate.arrived();
    const followers = [1, 2, 3].map(() => site.at.Reader.get(PATH));
    await site.settled();
    gate.open();

    assertFound(await leader, "origin");
    for (const follower of await Promise.all(followers)) {
      assertFound(follower, "inflight");
      assert.equal(follower.headers["x-read-after"], "null");
    }
    assert.equal(site.kv.reads("after").length, 3);
  });
});

function costs(site) {
  return { reads: site.kv.reads(KEY).length, fetches: site.origin.requests.length, writes: site.kv.writes(KEY).length };
}

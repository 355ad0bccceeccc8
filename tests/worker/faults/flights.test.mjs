import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, tally } from "../harness/expect.mjs";
import { Gate, within } from "../harness/gate.mjs";
import { failure, gated, image, inSequence } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";

// A request without waitUntil: when its client disconnects, its context is destroyed, as when the runtime ends a request.
const WithoutWaitUntil = {
  name: "WithoutWaitUntil",
  fetch: `
    this.ctx.waitUntil = () => {};
    return this.work(request);`,
};

suite("A leader whose context is destroyed before its flight ends", () => {
  test("A follower takes over when its leader is lost: one more fetch, and all followers are answered in time", async (t) => {
    const site = await deploy(t, { abortProxy: true, entrypoint: WithoutWaitUntil, config: { originTimeoutMs: 1500, kvTimeoutMs: 500 } });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(gated(gate), image()));

    const leader = site.abortProxy.get(PATH);
    await gate.arrived();
    const herd = await site.herd(20, PATH);
    const started = performance.now();
    await leader.abort();
    const answers = await within(herd.answers, "the followers of a lost leader");

    assert.deepEqual(
      tally(answers, (a) => a.status),
      { 200: 20 },
    );
    assert.equal(new Set(answers.map((a) => a.text)).size, 1);
    assert.ok(performance.now() - started < 6000, "within their time budget");
    assert.equal(site.origin.requests.length, 2);
    await site.kv.written(KEY);
    assertFound(await site.get(PATH), "memory");
    gate.open();
  });

  test("A lost leader without followers does not block the next request", async (t) => {
    const site = await deploy(t, { abortProxy: true, entrypoint: WithoutWaitUntil, config: { originTimeoutMs: 500, kvTimeoutMs: 100 } });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(gated(gate), image()));
    const leader = site.abortProxy.get(PATH);
    await gate.arrived();
    await leader.abort();
    const answer = await within(site.get(PATH), "the next request");
    assert.equal(answer.status, 200);
    assert.equal(site.origin.requests.length, 2);
    gate.open();
  });

  test("A follower takes over when its leader is lost during the KV read", async (t) => {
    const site = await deploy(t, { abortProxy: true, entrypoint: WithoutWaitUntil, config: { originTimeoutMs: 500, kvTimeoutMs: 1000 } });
    const gate = new Gate();
    let reads = 0;
    site.kv.intercept("get", () => (++reads === 1 ? gate.pass() : undefined));
    const leader = site.abortProxy.get(PATH);
    await gate.arrived();
    const herd = await site.herd(20, PATH);
    await leader.abort();
    assert.deepEqual(
      tally(await within(herd.answers, "the followers"), (a) => a.status),
      { 200: 20 },
    );
    assert.deepEqual([site.kv.reads(KEY).length, site.origin.requests.length], [2, 1]);
    gate.open();
  });
});

suite("A late leader", () => {
  test("A late leader neither removes its successor's flight nor overwrites its result", async (t) => {
    const site = await deploy(t, { clock: true, config: { originTimeoutMs: 20_000, kvTimeoutMs: 1000, memoryCacheTtl: 86_400 } });
    await site.clock.freeze();
    const [first, second] = [new Gate(), new Gate()];
    site.origin.on(ORIGIN_PATH, inSequence(gated(first, image({ width: 1 })), gated(second, image({ width: 2 }))));

    const late = site.get(PATH);
    await first.arrived();
    // Longer than any time budget of the first flight, which now counts as lost.
    await site.clock.advance(60);
    const successor = site.get(PATH);
    await second.arrived();

    // The late leader completes while its successor is still fetching.
    first.open();
    assert.equal((await late).status, 200);
    const follower = site.get(PATH);
    await site.settled();
    second.open();
    assert.equal((await successor).json.metadata.width, 2);
    assertFound(await follower, "inflight");
    assert.equal((await follower).json.metadata.width, 2);
    assert.equal(site.origin.requests.length, 2, "the successor's flight could still be followed");
    assert.equal((await site.get(PATH)).json.metadata.width, 2);
    await site.kv.written(KEY);
    assert.deepEqual(
      site.kv.writes(KEY).map(({ metadata }) => metadata.width),
      [2],
    );
  });

  test("A late leader that fails does not delete what its successor stored", async (t) => {
    const site = await deploy(t, { clock: true, config: { originTimeoutMs: 20_000, kvTimeoutMs: 1000, memoryCacheTtl: 86_400 } });
    await site.clock.freeze();
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(gated(gate, failure(404)), image({ width: 2 })));

    const late = site.get(PATH);
    await gate.arrived();
    await site.clock.advance(60);
    assertFound(await site.get(PATH), "origin");
    await site.kv.written(KEY);
    gate.open();
    await late;

    const answer = await site.get(PATH);
    assertFound(answer, "memory");
    assert.equal(answer.json.metadata.width, 2);
    assert.equal(site.kv.deletes(KEY).length, 0);
    assert.equal(site.kv.records.get(KEY).metadata.width, 2);
  });
});

suite("Flights with cacheEnabled = false", () => {
  test("With cacheEnabled = false a herd costs one fetch and no KV operation", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const herd = await site.herd(200, PATH);
    await gate.arrived();
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 origin": 1, "200 inflight": 199 },
    );
    assert.equal(site.origin.requests.length, 1);
    assert.equal((await site.get(PATH)).layer, "origin");
    assert.deepEqual([site.origin.requests.length, site.kv.operations.length], [2, 0]);
  });

  test("With cacheEnabled = false failures are not cached, and nothing stale is served", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    assertFound(await site.get(PATH), "origin");
    site.origin.on(ORIGIN_PATH, failure(500));
    assertProblem(await site.get(PATH), 502, "origin-error");
    site.origin.on(ORIGIN_PATH, failure(404));
    assertProblem(await site.get(PATH), 404, "not-found");
    site.origin.on(ORIGIN_PATH, image());
    assertFound(await site.get(PATH), "origin");
  });
});

suite("A purge during a flight", () => {
  const ADMIN_TOKEN = "correct horse battery staple";
  const purge = (site, path = PATH) => site.request("DELETE", path, { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } });
  const deployAdmin = (t, options) => deploy(t, { env: { ADMIN_TOKEN }, ...options });

  test("A flight does not undo a purge", async (t) => {
    const site = await deployAdmin(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(gated(gate, image({ width: 1 })), image({ width: 2 })));

    const before = site.get(PATH);
    await gate.arrived();
    assert.ok((await purge(site)).status < 300);
    gate.open();
    assert.equal((await before).status, 200);

    const after = await site.get(PATH);
    assertFound(after, "origin");
    assert.equal(after.json.metadata.width, 2);
    await site.kv.written(KEY);
    assert.deepEqual(
      site.kv.writes(KEY).map(({ metadata }) => metadata.width),
      [2],
    );
  });

  test("A request after a purge does not follow the earlier flight", async (t) => {
    const site = await deployAdmin(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(gated(gate, image({ width: 1 })), image({ width: 2 })));
    const before = site.get(PATH);
    await gate.arrived();
    await purge(site);
    assert.equal((await site.get(PATH)).json.metadata.width, 2);
    gate.open();
    await before;
    assert.equal((await site.get(PATH)).json.metadata.width, 2);
  });

  test("A background refresh does not undo a purge", async (t) => {
    const site = await deployAdmin(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400 } });
    await site.clock.freeze();
    await site.get(PATH);
    await site.kv.written(KEY);
    site.kv.clearOperations();
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, inSequence(gated(gate, image({ width: 1 })), image({ width: 2 })));
    await site.clock.advance(1500);
    await site.get(PATH);
    await gate.arrived();
    await purge(site);
    gate.open();
    assert.equal((await site.get(PATH)).json.metadata.width, 2);
    await site.kv.written(KEY);
    assert.deepEqual(
      site.kv.writes(KEY).map(({ metadata }) => metadata.width),
      [2],
    );
  });

  test("A purge evicts an image from memory and KV, and a cached failure", async (t) => {
    const site = await deployAdmin(t);
    await site.get(PATH);
    await site.kv.written(KEY);
    assert.ok((await purge(site)).status < 300);
    assert.equal(site.kv.records.has(KEY), false);
    assertFound(await site.get(PATH), "origin");

    site.origin.on("/assets/gone", failure(404));
    assertProblem(await site.get("/metadata/gone"), 404, "not-found");
    site.origin.on("/assets/gone", image());
    await purge(site, "/metadata/gone");
    assertFound(await site.get("/metadata/gone"), "origin");
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { ROUTE, assertAllFound, names, post, startBatch } from "../harness/batch.mjs";
import { assertFound, recordOf, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { gated, delayed } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

suite("A batch and other requests", () => {
  test("Twenty concurrent cold batches cost one KV read, and one fetch per image", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const batches = Array.from({ length: 20 }, () => post(site, { paths: names(10) }));
    await site.settled();
    await gate.arrived(6);
    gate.open();
    for (const answer of await Promise.all(batches)) assertAllFound(answer, names(10));
    await site.kv.allWritten(10);
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length, site.kv.writes().length], [1, 0, 10]);
    assert.deepEqual(Object.values(tally(site.origin.requests, (r) => r.path)), Array(10).fill(1));
  });

  test("A batch follows the flight of a GET", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on("/assets/0.jpg", gated(gate));
    const get = site.get("/metadata/0.jpg");
    await gate.arrived();
    const { answer } = await startBatch(site, { paths: ["1.jpg", "0.jpg"] });
    await site.origin.received("/assets/1.jpg");
    gate.open();
    assertFound(await get, "origin");
    assertAllFound(await answer, ["1.jpg", "0.jpg"]);
    assert.equal(site.origin.requestsTo("/assets/0.jpg").length, 1);
    assert.deepEqual(
      site.kv.bulkReads().flatMap(({ keys }) => keys),
      ["metadata:1.jpg"],
    );
  });

  test("A GET follows a flight of a batch that is fetching from the origin", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const { answer } = await startBatch(site, { paths: names(3) });
    await gate.arrived(3);
    const herd = await site.herd(20, "/metadata/1.jpg");
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    assertAllFound(await answer, names(3));
    assert.deepEqual([site.origin.requests.length, site.kv.bulkReads().length, site.kv.reads().length], [3, 1, 0]);
  });

  test("A GET follows a flight of a batch that is reading KV", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 20_000 } });
    site.kv.seed("metadata:1.jpg", { metadata: recordOf() });
    const gate = new Gate();
    site.kv.intercept("bulk", () => gate.pass());
    const { answer } = await startBatch(site, { paths: names(3) });
    await gate.arrived();
    const herd = await site.herd(5, "/metadata/1.jpg");
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 5 },
    );
    assertAllFound(await answer, names(3));
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length], [1, 0]);
  });

  test("A GET fetches at once an image that is queued in a batch, and the batch uses the result", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.origin.on(gated(gate));
    const { answer } = await startBatch(site, { paths: names(10) });
    await gate.arrived(6);
    const queued = names(10).filter((path) => site.origin.requestsTo(`/assets/${path}`).length === 0);
    assert.equal(queued.length, 4);
    const herd = await site.herd(3, `/metadata/${queued[3]}`);
    await gate.arrived(7);
    await site.settled();
    assert.equal(gate.arrivals, 7);
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 origin": 1, "200 inflight": 2 },
    );
    assertAllFound(await answer, names(10));
    assert.deepEqual([site.origin.requests.length, site.kv.reads().length + site.kv.bulkReads().length], [10, 2]);
  });

  for (const disconnects of [false, true]) {
    test(`Ten GETs do not wait for a batch of seventy whose origin hangs${disconnects ? " and whose client has disconnected" : ""}`, async (t) => {
      const site = await deploy(t, { abortProxy: true, config: { originTimeoutMs: 20_000 } });
      const slow = Array.from({ length: 60 }, (_, n) => `slow/${n}`);
      const quick = Array.from({ length: 10 }, (_, n) => `quick/${n}`);
      const gate = new Gate();
      t.after(() => gate.open());
      for (const path of slow) site.origin.on(`/assets/${path}`, gated(gate));
      const batch = site.abortProxy.request("POST", ROUTE, { body: JSON.stringify({ paths: [...slow, ...quick] }) });
      await gate.arrived(6);
      if (disconnects) await batch.abort();
      const answers = await Promise.all(quick.map((path) => site.get(`/metadata/${path}`)));
      for (const answer of answers) assertFound(answer, "origin");
    });
  }

  test("Time in a batch's queue does not count towards originTimeoutMs, for the image or its followers", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 400, kvTimeoutMs: 100 } });
    site.origin.on(delayed(250));
    const { answer } = await startBatch(site, { paths: names(18) });
    const followers = names(18).map((path) => site.get(`/metadata/${path}`));
    assertAllFound(await answer, names(18));
    assert.deepEqual(
      tally(await Promise.all(followers), (a) => a.status),
      { 200: 18 },
    );
    assert.equal(site.origin.requests.length, 18);
  });

  test("Two overlapping batches share the flights of their common images", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const first = await startBatch(site, { paths: ["a.jpg", "b.jpg"] });
    await gate.arrived(2);
    const second = await startBatch(site, { paths: ["b.jpg", "c.jpg"] });
    await gate.arrived(3);
    gate.open();
    assertAllFound(await first.answer, ["a.jpg", "b.jpg"]);
    assertAllFound(await second.answer, ["b.jpg", "c.jpg"]);
    assert.deepEqual(
      tally(site.origin.requests, (r) => r.path),
      { "/assets/a.jpg": 1, "/assets/b.jpg": 1, "/assets/c.jpg": 1 },
    );
  });

  test("A batch does not delay other requests", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    for (const path of names(20)) site.origin.on(`/assets/${path}`, gated(gate));
    const { answer } = await startBatch(site, { paths: names(20) });
    await gate.arrived(6);
    assertFound(await site.get("/metadata/other.jpg"), "origin");
    assertAllFound(await post(site, { paths: ["another.jpg"] }), ["another.jpg"]);
    gate.open();
    assertAllFound(await answer, names(20));
  });

  test("The flights of a batch whose client disconnects are completed for their followers", async (t) => {
    const site = await deploy(t, { abortProxy: true, config: { originTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.origin.on(gated(gate));
    const batch = site.abortProxy.request("POST", ROUTE, { body: JSON.stringify({ paths: names(10) }) });
    await gate.arrived(6);
    const herds = await Promise.all(names(10).map((path) => site.herd(2, `/metadata/${path}`)));
    await batch.abort();
    gate.open();
    // Six of them were at the origin. The others were queued, and one follower of each fetches it.
    const layers = (await Promise.all(herds.map(({ answers }) => answers))).flat().map((a) => `${a.status} ${a.layer}`);
    assert.deepEqual(
      tally(layers, (layer) => layer),
      { "200 inflight": 16, "200 origin": 4 },
    );
    await site.kv.allWritten(10);
    assert.equal(site.origin.requests.length, 10);
  });
});

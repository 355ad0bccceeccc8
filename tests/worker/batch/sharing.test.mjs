import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { ROUTE, assertAllFound, names, post, startBatch } from "../harness/batch.mjs";
import { assertFound, recordOf, tally } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { gated, delayed } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

suite("a batch and other requests", () => {
  test("herd: twenty cold batches cost one KV operation and one fetch an image", async (t) => {
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

  test("a batch follows the flight of a GET", async (t) => {
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

  test("a GET follows a flight of a batch that is at the origin", async (t) => {
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

  test("a GET follows a flight of a batch that reads KV", async (t) => {
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

  test("a GET asks the origin at once for what waits for its turn in a batch, which takes over the outcome", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.origin.on(gated(gate));
    const { answer } = await startBatch(site, { paths: names(10) });
    await gate.arrived(6);
    const waiting = names(10).filter((path) => site.origin.requestsTo(`/assets/${path}`).length === 0);
    assert.equal(waiting.length, 4);
    const herd = await site.herd(3, `/metadata/${waiting[3]}`);
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

  for (const leaves of [false, true]) {
    test(`ten GETs do not wait for a batch of seventy whose origin hangs${leaves ? ", also after its client has left" : ""}`, async (t) => {
      const site = await deploy(t, { abortProxy: true, config: { originTimeoutMs: 20_000 } });
      const slow = Array.from({ length: 60 }, (_, n) => `slow/${n}`);
      const victims = Array.from({ length: 10 }, (_, n) => `victim/${n}`);
      const gate = new Gate();
      t.after(() => gate.open());
      for (const path of slow) site.origin.on(`/assets/${path}`, gated(gate));
      const batch = site.abortProxy.request("POST", ROUTE, { body: JSON.stringify({ paths: [...slow, ...victims] }) });
      await gate.arrived(6);
      if (leaves) await batch.abort();
      const answers = await Promise.all(victims.map((path) => site.get(`/metadata/${path}`)));
      for (const answer of answers) assertFound(answer, "origin");
    });
  }

  test("the time that an image waits for its turn is not taken from its originTimeoutMs, nor from who follows it", async (t) => {
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

  test("two batches that overlap share what they have in common", async (t) => {
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

  test("a batch holds up no other request", async (t) => {
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

  test("the flights of a batch whose client goes away are finished for those who follow", async (t) => {
    const site = await deploy(t, { abortProxy: true, config: { originTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.origin.on(gated(gate));
    const batch = site.abortProxy.request("POST", ROUTE, { body: JSON.stringify({ paths: names(10) }) });
    await gate.arrived(6);
    const herds = await Promise.all(names(10).map((path) => site.herd(2, `/metadata/${path}`)));
    await batch.abort();
    gate.open();
    // Six of them were at the origin; the others had no turn yet, and one of those who follow asks for each.
    const layers = (await Promise.all(herds.map(({ answers }) => answers))).flat().map((a) => `${a.status} ${a.layer}`);
    assert.deepEqual(
      tally(layers, (layer) => layer),
      { "200 inflight": 16, "200 origin": 4 },
    );
    await site.kv.allWritten(10);
    assert.equal(site.origin.requests.length, 10);
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertAllFound, names, post, startBatch } from "../harness/batch.mjs";
import { assertFound, recordOf, tally } from "../harness/expect.mjs";
import { Turnstile } from "../harness/gate.mjs";
import { failure, gated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

suite("The cost of a batch", () => {
  test("A batch of a hundred images that KV has costs one KV operation", async (t) => {
    const site = await deploy(t);
    for (const path of names(100)) site.kv.seed(`metadata:${path}`, { metadata: recordOf() });
    assertAllFound(await post(site, { paths: names(100) }), names(100));
    assert.deepEqual(
      site.kv.operations.map((o) => o.kind),
      ["bulk"],
    );
    assert.equal(site.kv.bulkReads()[0].keys.length, 100);
    assert.equal(site.origin.requests.length, 0);
    for (const path of names(100)) assertFound(await site.get(`/metadata/${path}`), "memory");
  });

  test("A batch costs nothing for images in memory", async (t) => {
    const site = await deploy(t);
    await post(site, { paths: names(5) });
    await site.kv.allWritten(5);
    site.kv.clearOperations();
    assertAllFound(await post(site, { paths: names(5) }), names(5));
    assert.deepEqual(site.kv.operations, []);

    assertAllFound(await post(site, { paths: [...names(5), "new.jpg"] }), [...names(5), "new.jpg"]);
    const reads = site.kv.operations.filter(({ kind }) => kind === "bulk" || kind === "get");
    assert.deepEqual(
      reads.map(({ keys, key }) => keys ?? [key]),
      [["metadata:new.jpg"]],
    );
    assert.equal(site.origin.requests.length, 6);
  });

  test("A batch fetches only the images that KV does not have", async (t) => {
    const site = await deploy(t);
    for (const path of ["0.jpg", "2.jpg"]) site.kv.seed(`metadata:${path}`, { metadata: recordOf() });
    site.kv.seed("metadata:3.jpg", { value: JSON.stringify(recordOf()) });
    assertAllFound(await post(site, { paths: names(5) }), names(5));
    assert.deepEqual(site.origin.requests.map((r) => r.path).sort(), ["/assets/1.jpg", "/assets/4.jpg"]);
    assert.equal(site.kv.bulkReads().length, 1);
    assert.deepEqual(site.kv.reads(), []);
    await site.kv.allWritten(2);
    assert.deepEqual(site.kv.writes("metadata:3.jpg"), [], "a legacy record is rewritten only when it is stale");
  });

  test("A batch makes at most six fetches at a time", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const turnstile = new Turnstile();
    site.origin.on(gated(turnstile));
    const { answer } = await startBatch(site, { paths: names(20) });
    for (let arrived = 6; arrived < 20; arrived++) {
      await turnstile.arrived(arrived);
      await site.settled();
      assert.deepEqual([turnstile.arrivals, turnstile.waiting], [arrived, 6]);
      turnstile.admit();
    }
    await turnstile.arrived(20);
    turnstile.admit(6);
    assertAllFound(await answer, names(20));
    assert.equal(site.origin.requests.length, 20);
  });

  test("A batch makes at most six fetches at a time even if they fail", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const turnstile = new Turnstile();
    site.origin.on(gated(turnstile, failure(404)));
    const { answer } = await startBatch(site, { paths: names(13) });
    for (const arrived of [6, 12]) {
      await turnstile.arrived(arrived);
      await site.settled();
      assert.equal(turnstile.waiting, 6);
      turnstile.admit(6);
    }
    await turnstile.arrived(13);
    turnstile.admit();
    assert.deepEqual(
      tally((await answer).json.results, (r) => r.status),
      { 404: 13 },
    );
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { gated, noResponse, ranged } from "../harness/origin.mjs";
import { jpeg } from "../harness/picture.mjs";
import { deploy } from "../harness/site.mjs";
import { isPicture, picture, plain, png, resizer } from "../harness/tiny-picture.mjs";

const MB = 1024 * 1024;
const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KINDS = ["thumbhash", "color"];
const orange = await plain("#ff8000", 40, 30);
const file = await jpeg();

suite("Clients that disconnect during the picture", () => {
  test("When the leader and a follower disconnect during the picture, the others get it, and it is stored", async (t) => {
    const site = await deploy(t, { abortProxy: true, config: { placeholders: KINDS, placeholderTimeoutMs: 9_000 } });
    const gate = new Gate();
    site.origin.on(resizer(gated(gate, picture(orange))));
    const leader = site.abortProxy.get(PATH);
    await gate.arrived();
    const follower = site.abortProxy.get(PATH);
    const herd = await site.herd(10, PATH);
    await Promise.all([leader, follower].map((request) => request.arrived()));
    await leader.abort();
    await follower.abort();
    gate.open();
    for (const answer of await herd.answers) {
      assertFound(answer, "inflight");
      assert.equal(answer.json.metadata.color, "#ff8000");
    }
    assert.equal(site.origin.requests.length, 2);
    await site.kv.written("metadata:photos/cat.jpg");
    assert.equal(site.kv.records.get("metadata:photos/cat.jpg").metadata.color, "#ff8000");
    assertFound(await site.get(PATH), "memory");
    assert.doesNotMatch(site.transcript(), /Reinitializing/);
  });

  test("If every client disconnects, the picture is still made and kept", async (t) => {
    const site = await deploy(t, { abortProxy: true, config: { placeholders: KINDS, placeholderTimeoutMs: 9_000 } });
    const gate = new Gate();
    site.origin.on(resizer(gated(gate, picture(orange))));
    const only = site.abortProxy.get(PATH);
    await gate.arrived();
    await only.abort();
    gate.open();
    await site.kv.written("metadata:photos/cat.jpg");
    const answer = await site.get(PATH);
    assertFound(answer, "memory");
    assert.equal(answer.json.metadata.color, "#ff8000");
    assert.equal(site.origin.requestsTo(ORIGIN_PATH).filter(isPicture).length, 1);
  });

  for (const [road, count, { options, config, serve }] of [
    ["the resizer", 1_000, { serve: (site, gate) => site.origin.on(resizer(gated(gate, picture(orange)))) }],
    [
      "the Images binding",
      250,
      {
        options: { images: true },
        config: { probe: "header", imagesBinding: "RESIZER" },
        serve: (site, gate) => {
          site.origin.on(ranged(file));
          site.images.intercept(async () => {
            await gate.pass();
            return { bytes: orange };
          });
        },
      },
    ],
  ]) {
    test(`${count.toLocaleString("en")} requests that are aborted during a picture of ${road} leak no memory`, { timeout: 60_000 }, async (t) => {
      const settings = { placeholders: KINDS, placeholderTimeoutMs: 9_000, memoryCacheSize: 10, ...config };
      const site = await deploy(t, { wasmStats: true, kv: false, abortProxy: true, config: settings, ...options });
      let before;
      // The first wave allocates buffers of the right size. In each, every image has a leader and a follower.
      for (let wave = 0; wave <= count / 50; wave++) {
        if (wave === 1) before = await site.wasmStats();
        const gate = new Gate();
        serve(site, gate);
        const path = (n) => `/metadata/${wave}/${n % 25}.jpg`;
        const leaders = Array.from({ length: 25 }, (_, n) => site.abortProxy.get(path(n)));
        await gate.arrived(25);
        const followers = Array.from({ length: 25 }, (_, n) => site.abortProxy.get(path(n)));
        await Promise.all(followers.map((follower) => follower.arrived()));
        await site.settled();
        await Promise.all([...leaders, ...followers].map((request) => request.abort()));
        await site.settled();
        gate.open();
        assert.equal((await site.get(path(0))).json.metadata.color, "#ff8000");
        await site.settled();
        site.origin.clearRequests();
        site.abortProxy.clearRequests();
      }
      const after = await site.wasmStats();
      const [bytes, references] = [after.bytes - before.bytes, after.references - before.references];
      t.diagnostic(`${bytes} bytes and ${references} references more`);
      assert.ok(bytes < MB, `${bytes} bytes`);
      assert.equal(references, 0);
    });
  }
});

suite("The memory of an isolate that makes pictures", () => {
  const binding = { images: true, config: { probe: "header", imagesBinding: "RESIZER" } };
  for (const [what, responder, { config, ...options } = {}, interceptor] of [
    ["malformed pictures", resizer(picture(png({ compressed: Buffer.from("garbage") })))],
    ["pictures that never come", resizer(noResponse())],
    ["pictures of the Images binding", ranged(file), binding, () => ({ bytes: orange })],
    ["pictures of the Images binding that never come", ranged(file), binding, () => ({ hang: true })],
  ]) {
    test(`The memory of an isolate does not grow with ${what}`, async (t) => {
      const settings = { placeholders: KINDS, placeholderTimeoutMs: /never/.test(what) ? 20 : 5_000, memoryCacheSize: 100, ...config };
      const site = await deploy(t, { wasmStats: true, kv: false, config: settings, ...options });
      site.origin.on(responder);
      site.images?.intercept(interceptor);
      await requestEach(site, 0, 100);
      const before = await site.wasmStats();
      await requestEach(site, 100, 400);
      const after = await site.wasmStats();
      assert.equal(after.references, before.references, "references to JavaScript objects");
      assert.ok(after.bytes - before.bytes < MB, `wasm memory grew from ${before.bytes} to ${after.bytes}`);
    });
  }
});

/** Looks up different images, 16 at a time. */
async function requestEach(site, from, to) {
  let next = from;
  const work = async () => {
    while (next < to) assertFound(await site.get(`/metadata/${next++}.jpg`), "origin");
  };
  await Promise.all(Array.from({ length: 16 }, work));
  site.origin.clearRequests();
  site.images?.clearTransformations();
}

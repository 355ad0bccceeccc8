import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { callPath } from "../harness/caller.mjs";
import { assertFound } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { gated, image } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const MB = 1024 * 1024;
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const PATH = "photos/cat.jpg";
const BODY = JSON.stringify({ paths: [PATH] }).padEnd(256 * 1024);
// Without a cache, so that each wave has a flight to follow.
const OPTIONS = { wasmStats: true, kv: false, config: { cacheEnabled: false, originTimeoutMs: 20_000 } };

/**
 * Sends `count` requests that follow a flight and are aborted before it ends, in waves with one flight each. Returns the growth
 * of the Worker's memory after the first wave, which has allocated buffers of the right size.
 */
async function abortFollowers(t, site, count, begin, wave = 100, afterWave) {
  let before;
  for (let n = 0; n <= count; n += wave) {
    if (n === wave) before = await site.wasmStats();
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, image()));
    const leader = site.get(`/metadata/${PATH}`);
    await gate.arrived();
    const followers = Array.from({ length: wave }, () => begin());
    await Promise.all(followers.map((follower) => follower.arrived()));
    await site.settled();
    await Promise.all(followers.map((follower) => follower.abort()));
    await site.settled();
    gate.open();
    assertFound(await leader, "origin");
    site.origin.clearRequests();
    site.abortProxy.clearRequests();
    await afterWave?.();
  }
  const after = await site.wasmStats();
  const [bytes, references] = [after.bytes - before.bytes, after.references - before.references];
  t.diagnostic(`${count} aborts: ${bytes} bytes and ${references} references more`);
  return { bytes, references };
}

suite("Memory of requests whose clients disconnect", () => {
  test("10,000 aborted requests for an image leak no memory", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { ...OPTIONS, abortProxy: true });
    const { bytes, references } = await abortFollowers(t, site, 10_000, () => site.abortProxy.get(`/metadata/${PATH}`));
    assert.ok(bytes < MB, `${bytes} bytes`);
    assert.equal(references, 0);
  });

  // 10,000 take half a minute, with the same result.
  test("2,000 aborted batches with a body of 256 KiB leak no memory", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { ...OPTIONS, abortProxy: true });
    const begin = () => site.abortProxy.request("POST", "/metadata", { body: BODY });
    // More at a time would exceed the limit for bodies.
    const { bytes, references } = await abortFollowers(t, site, 2000, begin, 20);
    assert.ok(bytes < MB, `${bytes} bytes`);
    assert.equal(references, 0);
  });

  test("2,000 aborted RPC calls leak no memory", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { ...OPTIONS, caller: true, abortProxy: "caller" });
    const { bytes, references } = await abortFollowers(t, site, 2000, () => site.abortProxy.get(callPath("fetchMetadata", PATH)));
    assert.ok(bytes < MB, `${bytes} bytes`);
    assert.equal(references, 0);
  });
});

// A request whose signal is never aborted, as in a runtime without request signals.
const WithoutSignal = {
  name: "WithoutSignal",
  fetch: `
    return this.work(new Request(request, { signal: new AbortController().signal }));`,
};

test("A batch that the runtime ends without a signal is dropped after three minutes", async (t) => {
  const site = await deploy(t, { ...OPTIONS, clock: true, abortProxy: true, entrypoint: WithoutSignal });
  const begin = () => site.abortProxy.request("POST", "/metadata", { body: BODY });
  const { bytes } = await abortFollowers(t, site, 400, begin, 20, () => site.clock.advance(200));
  assert.ok(bytes < MB, `${bytes} bytes`);
});

test("When a leader and a follower disconnect, the other followers are answered and the image is stored", async (t) => {
  const site = await deploy(t, { abortProxy: true });
  const gate = new Gate();
  site.origin.on(ORIGIN_PATH, gated(gate));
  const leader = site.abortProxy.get(`/metadata/${PATH}`);
  await gate.arrived();
  const follower = site.abortProxy.get(`/metadata/${PATH}`);
  const herd = await site.herd(10, `/metadata/${PATH}`);
  await leader.abort();
  await follower.abort();
  gate.open();
  for (const answer of await herd.answers) assertFound(answer, "inflight");
  assert.equal(site.origin.requests.length, 1);
  assertFound(await site.get(`/metadata/${PATH}`), "memory");
  assert.doesNotMatch(site.transcript(), /Reinitializing/);
});

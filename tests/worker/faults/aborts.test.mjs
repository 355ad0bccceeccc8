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
// Nothing is cached, so that each wave has a flight to follow.
const OPTIONS = { wasmStats: true, kv: false, config: { cacheEnabled: false, originTimeoutMs: 20_000 } };

/**
 * `count` requests that follow a flight and are aborted while it is under way, in waves with a flight each. How the memory of the
 * Worker has grown after the first wave, which leaves buffers of the right size.
 */
async function abortFollowers(t, site, count, begin, wave = 100, afterwards) {
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
    await afterwards?.();
  }
  const after = await site.wasmStats();
  const [bytes, references] = [after.bytes - before.bytes, after.references - before.references];
  t.diagnostic(`${count} aborts: ${bytes} bytes and ${references} references more`);
  return { bytes, references };
}

suite("what a client that has left was waiting for leaves nothing behind:", () => {
  test("10,000 requests for an image", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { ...OPTIONS, abortProxy: true });
    const { bytes, references } = await abortFollowers(t, site, 10_000, () => site.abortProxy.get(`/metadata/${PATH}`));
    assert.ok(bytes < MB, `${bytes} bytes`);
    assert.equal(references, 0);
  });

  // 10,000 take half a minute, and leave as little.
  test("2,000 batches with a body of 256 KiB", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { ...OPTIONS, abortProxy: true });
    const begin = () => site.abortProxy.request("POST", "/metadata", { body: BODY });
    // More of them at a time would be over the limit for bodies.
    const { bytes, references } = await abortFollowers(t, site, 2000, begin, 20);
    assert.ok(bytes < MB, `${bytes} bytes`);
    assert.equal(references, 0);
  });

  test("2,000 calls from another Worker", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { ...OPTIONS, caller: true, abortProxy: "caller" });
    const { bytes, references } = await abortFollowers(t, site, 2000, () => site.abortProxy.get(callPath("fetchMetadata", PATH)));
    assert.ok(bytes < MB, `${bytes} bytes`);
    assert.equal(references, 0);
  });
});

// A request that is not told of its client's leaving, as where the runtime has no signal.
const Deaf = {
  name: "Deaf",
  fetch: `
    return this.work(new Request(request, { signal: new AbortController().signal }));`,
};

test("a batch that the runtime ends without a signal is dropped three minutes later", async (t) => {
  const site = await deploy(t, { ...OPTIONS, clock: true, abortProxy: true, entrypoint: Deaf });
  const begin = () => site.abortProxy.request("POST", "/metadata", { body: BODY });
  const { bytes } = await abortFollowers(t, site, 400, begin, 20, () => site.clock.advance(200));
  assert.ok(bytes < MB, `${bytes} bytes`);
});

test("a request whose client has left is dropped, and those who wait for its flight are answered", async (t) => {
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

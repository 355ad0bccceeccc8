import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem, assertStale } from "./harness/expect.mjs";
import { failure } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

// Reports in a header whether the Worker returned a response or a promise.
const SyncProbe = {
  name: "SyncProbe",
  fetch: `
    const answer = this.work(request);
    const response = new Response((await answer).body, await answer);
    response.headers.set("synchronous", answer instanceof Response);
    return response;`,
};

// Makes the runtime throw during a memory look-up.
const Failing = {
  name: "Failing",
  fetch: `
    const { now } = Date;
    Date.now = () => { throw new Error("thrown by the test"); };
    try {
      return this.work(request);
    } finally {
      Date.now = now;
    }`,
};

const isSynchronous = (answer) => answer.headers.synchronous === "true";

suite("Synchronous responses from memory", async () => {
  const site = await deploy({ after }, { entrypoint: SyncProbe, config: { corsOrigins: ["https://a.test"] } });
  const probe = site.at.SyncProbe;
  site.origin.on("/assets/missing.jpg", failure(404));
  const { etag } = await site.get(PATH);
  await site.get("/metadata/missing.jpg");

  for (const [what, send, status] of [
    ["GET", () => probe.get(PATH), 200],
    ["HEAD", () => probe.request("HEAD", PATH), 200],
    ["a conditional request", () => probe.get(PATH, { "If-None-Match": etag }), 304],
    ["a cross-origin request", () => probe.get(PATH, { Origin: "https://a.test" }), 200],
    ["another spelling of the path", () => probe.get("/metadata/photos/c%61t.jpg"), 200],
    ["a path with an encoded slash", () => probe.get("/metadata/photos%2Fcat.jpg"), 200],
    ["an unknown parameter", () => probe.get(`${PATH}?v=2`), 200],
    ["a crop", () => probe.get(`${PATH}?aspect=1:1`), 200],
    ["a missing image", () => probe.get("/metadata/missing.jpg"), 404],
  ]) {
    test(`A memory hit for ${what} is answered without a promise`, async () => {
      const answer = await send();
      assert.equal(answer.status, status);
      assert.ok(isSynchronous(answer), "the Worker returned a promise");
      assert.equal(answer.layer, "memory");
    });
  }

  test("A synchronous response has the same headers as any other", async () => {
    const fast = await probe.get(`${PATH}?aspect=1:1`, { Origin: "https://a.test" });
    assert.equal(fast.headers["access-control-allow-origin"], "https://a.test");
    assert.equal(fast.headers["timing-allow-origin"], "https://a.test");
    assert.equal(fast.headers.vary, "Origin");
    assert.equal(fast.headers["content-type"], "application/json");
    assert.equal(fast.headers["x-content-type-options"], "nosniff");
    assert.deepEqual(fast.serverTiming, { memory: 0, total: 0 });
    assert.equal(fast.json.aspectCrop.width, fast.json.aspectCrop.height);
    assertProblem(await probe.get("/metadata/missing.jpg", { Origin: "https://a.test" }), 404, "not-found");
  });

  for (const [what, send] of [
    ["an image that is not in memory", () => probe.get("/metadata/other.jpg")],
    ["a bad path", () => probe.get("/metadata/a//b")],
    ["a bad parameter", () => probe.get(`${PATH}?aspect=0:1`)],
    ["a batch", () => probe.request("POST", "/metadata", { body: '{"paths":["photos/cat.jpg"]}' })],
    ["another method", () => probe.request("PUT", PATH)],
    ["another route", () => probe.get("/health")],
  ]) {
    test(`A request for ${what} is answered with a promise`, async () => {
      assert.ok(!isSynchronous(await send()));
    });
  }
});

test("A stale entry is answered synchronously when no background refresh is due", async (t) => {
  const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400, errorTtl: 60 };
  const site = await deploy(t, { clock: true, entrypoint: SyncProbe, kv: false, config });
  await site.clock.freeze();
  await site.get(PATH);
  site.origin.on(ORIGIN_PATH, failure(500));
  await site.clock.advance(1500);
  const withRefresh = await site.at.SyncProbe.get(PATH);
  assertStale(withRefresh);
  assert.ok(!isSynchronous(withRefresh));
  await site.logged({ event: "origin-failure" });
  const withoutRefresh = await site.at.SyncProbe.get(PATH);
  assertStale(withoutRefresh);
  assert.ok(isSynchronous(withoutRefresh));
});

test("An exception during a memory hit fails only that request with a 500, and memory is kept", async (t) => {
  const site = await deploy(t, { entrypoint: Failing });
  await site.get(PATH);
  for (let n = 0; n < 3; n++) {
    assert.equal((await site.at.Failing.get(PATH)).status, 500);
    assertFound(await site.get(PATH), "memory");
  }
  assertFound(await site.get("/metadata/other.jpg"), "origin");
});

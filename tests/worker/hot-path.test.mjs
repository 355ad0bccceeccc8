import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem, assertStale } from "./harness/expect.mjs";
import { failure } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

// Tells whether the Worker answered at once or with a promise.
const Witness = {
  name: "Witness",
  fetch: `
    const answer = this.work(request);
    const response = new Response((await answer).body, await answer);
    response.headers.set("at-once", answer instanceof Response);
    return response;`,
};

// The runtime fails the Worker in the middle of a look-up in memory.
const Failing = {
  name: "Failing",
  fetch: `
    const { now } = Date;
    Date.now = () => { throw new Error("asked to"); };
    try {
      return this.work(request);
    } finally {
      Date.now = now;
    }`,
};

const atOnce = (answer) => answer.headers["at-once"] === "true";

suite("what memory knows is answered at once, without a promise", async () => {
  const site = await deploy({ after }, { entrypoint: Witness, config: { corsOrigins: ["https://a.test"] } });
  const witness = site.at.Witness;
  site.origin.on("/assets/missing.jpg", failure(404));
  const { etag } = await site.get(PATH);
  await site.get("/metadata/missing.jpg");

  for (const [what, ask, status] of [
    ["GET", () => witness.get(PATH), 200],
    ["HEAD", () => witness.request("HEAD", PATH), 200],
    ["a conditional request", () => witness.get(PATH, { "If-None-Match": etag }), 304],
    ["a request of a script", () => witness.get(PATH, { Origin: "https://a.test" }), 200],
    ["a path spelled otherwise", () => witness.get("/metadata/photos/c%61t.jpg"), 200],
    ["a path with an encoded slash", () => witness.get("/metadata/photos%2Fcat.jpg"), 200],
    ["an unknown parameter", () => witness.get(`${PATH}?v=2`), 200],
    ["a crop", () => witness.get(`${PATH}?aspect=1:1`), 200],
    ["a missing image", () => witness.get("/metadata/missing.jpg"), 404],
  ]) {
    test(what, async () => {
      const answer = await ask();
      assert.equal(answer.status, status);
      assert.ok(atOnce(answer), "it came as a promise");
      assert.equal(answer.layer, "memory");
    });
  }

  test("as it is otherwise, header by header", async () => {
    const fast = await witness.get(`${PATH}?aspect=1:1`, { Origin: "https://a.test" });
    assert.equal(fast.headers["access-control-allow-origin"], "https://a.test");
    assert.equal(fast.headers["timing-allow-origin"], "https://a.test");
    assert.equal(fast.headers.vary, "Origin");
    assert.equal(fast.headers["content-type"], "application/json");
    assert.equal(fast.headers["x-content-type-options"], "nosniff");
    assert.deepEqual(fast.serverTiming, { memory: 0, total: 0 });
    assert.equal(fast.json.aspectCrop.width, fast.json.aspectCrop.height);
    assertProblem(await witness.get("/metadata/missing.jpg", { Origin: "https://a.test" }), 404, "not-found");
  });

  for (const [what, ask] of [
    ["an image that memory does not know", () => witness.get("/metadata/other.jpg")],
    ["a bad path", () => witness.get("/metadata/a//b")],
    ["a bad parameter", () => witness.get(`${PATH}?aspect=0:1`)],
    ["a batch", () => witness.request("POST", "/metadata", { body: '{"paths":["photos/cat.jpg"]}' })],
    ["another method", () => witness.request("PUT", PATH)],
    ["another route", () => witness.get("/health")],
  ]) {
    test(`not so ${what}`, async () => {
      assert.ok(!atOnce(await ask()));
    });
  }
});

test("a stale entry is answered at once where there is nothing to do behind it", async (t) => {
  const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400, errorTtl: 60 };
  const site = await deploy(t, { clock: true, entrypoint: Witness, kv: false, config });
  await site.clock.freeze();
  await site.get(PATH);
  site.origin.on(ORIGIN_PATH, failure(500));
  await site.clock.advance(1500);
  const refreshing = await site.at.Witness.get(PATH);
  assertStale(refreshing);
  assert.ok(!atOnce(refreshing));
  await site.logged({ event: "origin-failure" });
  const waiting = await site.at.Witness.get(PATH);
  assertStale(waiting);
  assert.ok(atOnce(waiting));
});

test("an exception in the middle of a hit is one request's 500, and loses nothing that is in memory", async (t) => {
  const site = await deploy(t, { entrypoint: Failing });
  await site.get(PATH);
  for (let n = 0; n < 3; n++) {
    assert.equal((await site.at.Failing.get(PATH)).status, 500);
    assertFound(await site.get(PATH), "memory");
  }
  assertFound(await site.get("/metadata/other.jpg"), "origin");
});

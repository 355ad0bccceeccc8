import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertAllFound, names, post } from "../harness/batch.mjs";
import { assertFound, tally } from "../harness/expect.mjs";
import { within } from "../harness/gate.mjs";
import { deploy } from "../harness/site.mjs";
import { Upload, startUploads } from "../harness/upload.mjs";

const MB = 1024 * 1024;
const MAX_BODIES = 256;
const TIMEOUT_MS = 300;

/** Shortens the documented timeout of ten seconds. */
const shortTimeout = `
const { setTimeout: start } = globalThis;
globalThis.setTimeout = (callback, ms, ...rest) => start(callback, ms === 10_000 ? ${TIMEOUT_MS} : ms, ...rest);`;

/** Sends a batch until the Worker has noticed that earlier clients have disconnected; returns its response. */
async function postUntilAccepted(site) {
  for (let n = 0; n < 100; n++) {
    const answer = await post(site, { paths: ["a.jpg"] });
    if (answer.status !== 503) return answer;
  }
  throw new Error("the slots of disconnected clients are still in use");
}

suite("An unfinished body", () => {
  // Regression: before bodies were read in JavaScript, 600 of them leaked 142 MB.
  test("10,000 unfinished bodies of 250 KB leak no memory", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { wasmStats: true });
    await post(site, { paths: ["a.jpg"] });
    const before = await site.wasmStats();
    const chunk = Buffer.alloc(250_000, " ");
    for (let n = 0; n < 10_000; n += 20) {
      for (const upload of await startUploads(site, 20, chunk)) upload.reset();
    }
    const after = await site.wasmStats();
    t.diagnostic(`${before.bytes} bytes before, ${after.bytes} after; ${before.references} references before, ${after.references} after`);
    assert.ok(after.bytes - before.bytes < MB, `wasm memory grew from ${before.bytes} to ${after.bytes}`);
    assertAllFound(await postUntilAccepted(site), ["a.jpg"]);
  });
});

suite("A slow body", () => {
  test("A body that does not arrive in time is a 408, and the next request is answered", async (t) => {
    const site = await deploy(t, { prelude: shortTimeout });
    const [upload] = await startUploads(site, 1, '{"paths":');
    const { status, text } = await within(upload.response(), "a response to an unfinished body");
    assert.equal(status, 408, text);
    const { code, detail } = JSON.parse(text);
    assert.equal(code, "request-timeout");
    assert.match(detail, /\b10 seconds\b/);
    assertAllFound(await post(site, { paths: ["a.jpg"] }), ["a.jpg"]);
  });

  test("A body that trickles is a 408 after the same timeout", async (t) => {
    const site = await deploy(t, { prelude: shortTimeout });
    const started = performance.now();
    const upload = new Upload(site);
    // The connection may be closed while a chunk is being sent.
    const trickle = setInterval(() => upload.send(" ").catch(() => {}), TIMEOUT_MS / 20);
    t.after(() => clearInterval(trickle));
    const { status } = await within(upload.response(), "a response to a body that trickles");
    const took = performance.now() - started;
    assert.equal(status, 408);
    assert.ok(took >= TIMEOUT_MS - 10 && took < 10 * TIMEOUT_MS, `after ${took} ms`);
  });

  test("Other routes respond without reading the body", async (t) => {
    const site = await deploy(t);
    for (const [path, expected] of [
      ["/metadata/a.jpg", 405],
      ["/health", 405],
      ["/nowhere", 404],
    ]) {
      const [upload] = await startUploads(site, 1, "x", { path });
      const { status } = await within(upload.response(), path, 2000);
      assert.equal(status, expected, path);
    }
  });
});

suite("The limits for concurrent bodies", () => {
  test(`While ${MAX_BODIES} bodies are being received another one is a 503 with Retry-After, and a GET is answered`, async (t) => {
    const site = await deploy(t);
    assertFound(await site.get("/metadata/a.jpg"), "origin");
    const uploads = await startUploads(site, MAX_BODIES, "{");
    const refused = await post(site, { paths: ["a.jpg"] });
    assert.deepEqual([refused.status, refused.json.code], [503, "overloaded"]);
    assert.match(refused.headers["retry-after"], /^[1-9]\d*$/);
    assertFound(await site.get("/metadata/a.jpg"), "memory");
    assertFound(await site.get("/metadata/b.jpg"), "origin");
    for (const upload of uploads) upload.reset();
    assertAllFound(await postUntilAccepted(site), ["a.jpg"]);
  });

  test(`Each of ${MAX_BODIES} concurrent bodies is answered when it is complete`, async (t) => {
    const site = await deploy(t);
    const body = JSON.stringify({ paths: ["a.jpg"] });
    const uploads = await startUploads(site, MAX_BODIES, body.slice(0, 5), { length: body.length });
    await Promise.all(uploads.map((upload) => upload.send(body.slice(5))));
    const responses = await within(Promise.all(uploads.map((upload) => upload.response())), "all responses");
    assert.deepEqual(
      tally(responses, ({ status }) => status),
      { 200: MAX_BODIES },
    );
    assert.doesNotMatch(site.transcript(), /Reinitializing/, "no request was mistaken for a termination");
  });
});

test("Beyond 8 MiB of concurrent bodies a batch is a 503, and later batches are accepted", async (t) => {
  const site = await deploy(t);
  const uploads = await startUploads(site, 40, Buffer.alloc(250_000, " "));
  const { status, text } = await within(Promise.race(uploads.map((upload) => upload.response())), "a refusal");
  assert.deepEqual([status, JSON.parse(text).code], [503, "overloaded"]);
  for (const upload of uploads) upload.reset();
  assertAllFound(await postUntilAccepted(site), ["a.jpg"]);
  assertAllFound(await post(site, { paths: names(8) }), names(8));
});

test("A body that is being received while another request is terminated is answered", async (t) => {
  const site = await deploy(t, { terminator: true, kv: false });
  const body = JSON.stringify({ paths: ["a.jpg"] });
  const [upload] = await startUploads(site, 1, body.slice(0, 5), { length: body.length });
  await site.terminateAt(5);
  assert.equal((await site.get("/metadata/b.jpg")).status, 500);
  await upload.send(body.slice(5));
  assert.equal((await within(upload.response(), "the response")).status, 200);
});

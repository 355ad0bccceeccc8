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

/** The documented ten seconds pass in less than one. */
const shortened = `
const { setTimeout: start } = globalThis;
globalThis.setTimeout = (callback, ms, ...rest) => start(callback, ms === 10_000 ? ${TIMEOUT_MS} : ms, ...rest);`;

/** The response to a batch once the Worker has noticed that clients have left. */
async function answered(site) {
  for (let n = 0; n < 100; n++) {
    const answer = await post(site, { paths: ["a.jpg"] });
    if (answer.status !== 503) return answer;
  }
  throw new Error("the places of the clients that have left are still taken");
}

suite("a body that is broken off", () => {
  // Before bodies were read in JavaScript, 600 of them left 142 MB behind.
  test("leaves nothing behind, after 10,000 times 250 KB", { timeout: 120_000 }, async (t) => {
    const site = await deploy(t, { wasmStats: true });
    await post(site, { paths: ["a.jpg"] });
    const before = await site.wasmStats();
    const piece = Buffer.alloc(250_000, " ");
    for (let n = 0; n < 10_000; n += 20) {
      for (const upload of await startUploads(site, 20, piece)) upload.reset();
    }
    const after = await site.wasmStats();
    t.diagnostic(`${before.bytes} bytes before, ${after.bytes} after; ${before.references} references before, ${after.references} after`);
    assert.ok(after.bytes - before.bytes < MB, `wasm memory grew from ${before.bytes} to ${after.bytes}`);
    assertAllFound(await answered(site), ["a.jpg"]);
  });
});

suite("a body that does not arrive in time", () => {
  test("is a 408, and the next request is answered", async (t) => {
    const site = await deploy(t, { prelude: shortened });
    const [upload] = await startUploads(site, 1, '{"paths":');
    const { status, text } = await within(upload.response(), "a response to an unfinished body");
    assert.equal(status, 408, text);
    const { code, detail } = JSON.parse(text);
    assert.equal(code, "request-timeout");
    assert.match(detail, /\b10 seconds\b/);
    assertAllFound(await post(site, { paths: ["a.jpg"] }), ["a.jpg"]);
  });

  test("is a 408 as soon if it trickles", async (t) => {
    const site = await deploy(t, { prelude: shortened });
    const started = performance.now();
    const upload = new Upload(site);
    // The connection may be closed while a piece is on its way.
    const trickle = setInterval(() => upload.send(" ").catch(() => {}), TIMEOUT_MS / 20);
    t.after(() => clearInterval(trickle));
    const { status } = await within(upload.response(), "a response to a body that trickles");
    const took = performance.now() - started;
    assert.equal(status, 408);
    assert.ok(took >= TIMEOUT_MS - 10 && took < 10 * TIMEOUT_MS, `after ${took} ms`);
  });

  test("is read by the batch alone: other routes answer at once", async (t) => {
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

suite(`while ${MAX_BODIES} bodies are being received`, () => {
  test("another one is a 503 with a Retry-After, and what needs no body is answered", async (t) => {
    const site = await deploy(t);
    assertFound(await site.get("/metadata/a.jpg"), "origin");
    const uploads = await startUploads(site, MAX_BODIES, "{");
    const refused = await post(site, { paths: ["a.jpg"] });
    assert.deepEqual([refused.status, refused.json.code], [503, "overloaded"]);
    assert.match(refused.headers["retry-after"], /^[1-9]\d*$/);
    assertFound(await site.get("/metadata/a.jpg"), "memory");
    assertFound(await site.get("/metadata/b.jpg"), "origin");
    for (const upload of uploads) upload.reset();
    assertAllFound(await answered(site), ["a.jpg"]);
  });

  test("each of them is answered when it is complete", async (t) => {
    const site = await deploy(t);
    const body = JSON.stringify({ paths: ["a.jpg"] });
    const uploads = await startUploads(site, MAX_BODIES, body.slice(0, 5), { length: body.length });
    await Promise.all(uploads.map((upload) => upload.send(body.slice(5))));
    const responses = await within(Promise.all(uploads.map((upload) => upload.response())), "all of them");
    assert.deepEqual(
      tally(responses, ({ status }) => status),
      { 200: MAX_BODIES },
    );
    assert.doesNotMatch(site.transcript(), /Reinitializing/, "none was mistaken for a termination");
  });
});

test("over 8 MiB of bodies at a time some are a 503, and none of them later", async (t) => {
  const site = await deploy(t);
  const uploads = await startUploads(site, 40, Buffer.alloc(250_000, " "));
  const { status, text } = await within(Promise.race(uploads.map((upload) => upload.response())), "a refusal");
  assert.deepEqual([status, JSON.parse(text).code], [503, "overloaded"]);
  for (const upload of uploads) upload.reset();
  assertAllFound(await answered(site), ["a.jpg"]);
  assertAllFound(await post(site, { paths: names(8) }), names(8));
});

test("a body that is received while another request is terminated is answered", async (t) => {
  const site = await deploy(t, { terminator: true, kv: false });
  const body = JSON.stringify({ paths: ["a.jpg"] });
  const [upload] = await startUploads(site, 1, body.slice(0, 5), { length: body.length });
  await site.terminateAt(5);
  assert.equal((await site.get("/metadata/b.jpg")).status, 500);
  await upload.send(body.slice(5));
  assert.equal((await within(upload.response(), "the response")).status, 200);
});

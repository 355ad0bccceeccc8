import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { ROUTE, assertAllFound, names, post } from "../harness/batch.mjs";
import { assertProblem } from "../harness/expect.mjs";
import { deploy } from "../harness/site.mjs";

const MAX_BODY_BYTES = 256 * 1024;

suite("Invalid batches", async () => {
  const site = await deploy({ after }, { config: { batchLimit: 50 } });

  for (const [what, body] of [
    ["no body", undefined],
    ["an empty body", ""],
    ["a body that is not JSON", "paths=a.jpg"],
    ["JSON cut short", '{"paths":["a.jpg"'],
    ["text after the JSON", '{"paths":["a.jpg"]} x'],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ["a list", '["a.jpg"]'],
    ["a string", '"a.jpg"'],
    ["null", "null"],
    ["no paths", "{}"],
    ["paths under another name", '{"path":["a.jpg"]}'],
    ["paths that are a string", '{"paths":"a.jpg"}'],
    ["paths that are null", '{"paths":null}'],
    ["paths that are an object", '{"paths":{"0":"a.jpg"}}'],
    ["an empty list of paths", '{"paths":[]}'],
    ["a path that is a number", '{"paths":["a.jpg",1]}'],
    ["a path that is null", '{"paths":[null]}'],
    ["a path that is a list", '{"paths":[["a.jpg"]]}'],
    ["deeply nested JSON", "[".repeat(100_000)],
  ]) {
    test(`A batch with ${what} is a 400`, async () => {
      const answer = await site.request("POST", ROUTE, { body });
      const { detail } = assertProblem(answer, 400, "invalid-batch", { instance: ROUTE });
      assert.match(detail, /paths/);
      assert.equal(answer.headers["cache-control"], "no-store");
    });
  }

  test("A batch with more paths than batchLimit, duplicates included, is a 413 that states the limit", async () => {
    const { detail } = assertProblem(await post(site, { paths: Array(51).fill("a.jpg") }), 413, "batch-too-large", { instance: ROUTE });
    assert.match(detail, /\b50\b/);
  });

  test("A batch with a body over 256 KiB is a 413, with or without a Content-Length", async () => {
    const body = JSON.stringify({ paths: ["a.jpg"] }).padEnd(MAX_BODY_BYTES + 1);
    assertProblem(await post(site, body), 413, "batch-too-large");
    assertProblem(await post(site, body, { "Transfer-Encoding": "chunked" }), 413, "batch-too-large");
  });

  for (const [name, value] of [
    ["aspect", "x"],
    ["aspect", { width: 16 }],
    ["aspect", [16, 9]],
    ["aspect", 1.5],
    ["focal", { x: 2, y: 0 }],
    ["focal", "0.5"],
    ["width", 0],
    ["width", 1.5],
    ["width", 12_001],
    ["device", "watch"],
    ["platform", 1],
    ["allowExpansion", "yes"],
    ["allowExpansion", 1],
  ]) {
    test(`A batch with ${name} = ${JSON.stringify(value)} is a 400 that names it`, async () => {
      const { detail } = assertProblem(await post(site, { paths: ["a.jpg"], [name]: value }), 400, "invalid-parameter", {
        instance: ROUTE,
      });
      assert.match(detail, new RegExp(`'${name}'`));
    });
  }

  test("A batch with unknown parameters is a 400 that names them, truncated and percent-encoded", async () => {
    for (const [further, names] of [
      [{ aspct: "1:1" }, "'aspct'"],
      [{ aspect: "1:1", quality: 80, Paths: [] }, "'Paths','quality'"],
      [{ path: "a.jpg", ['x"\n<']: null }, "'path','x%22%0A%3C'"],
      [{ ["x".repeat(200_000)]: 1 }, `'${"x".repeat(256)}'`],
      [Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])), "'k0','k1','k10',"],
    ]) {
      const { detail } = assertProblem(await post(site, { paths: ["a.jpg"], ...further }), 400, "invalid-parameter", { instance: ROUTE });
      assert.ok(detail.startsWith(`Unknown parameters: ${names}`), detail);
      assert.match(detail, /use aspect \(or r\)/);
      assert.ok(detail.length < 500);
    }
  });

  test("Invalid batches cost neither a KV operation nor a fetch", () => {
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });

  test("A batch exactly at its limits is accepted", async () => {
    const paths = Array.from({ length: 50 }, (_, n) => `${n}.jpg`);
    assertAllFound(await post(site, JSON.stringify({ paths }).padEnd(MAX_BODY_BYTES)), paths);
  });
});

test("A body far over the limit is not read to its end", async (t) => {
  const site = await deploy(t, { wasmStats: true });
  await post(site, { paths: ["a.jpg"] });
  const { bytes } = await site.wasmStats();
  const body = "x".repeat(8 * 1024 * 1024);
  for (let n = 0; n < 5; n++) {
    // The runtime may close the connection during the rest of the body, before the client has read the response.
    const answer = await post(site, body, { "Transfer-Encoding": "chunked" }).catch((error) => error);
    if (answer.status) assertProblem(answer, 413, "batch-too-large");
    else assert.match(answer.code, /^(EPIPE|ECONNRESET)$/);
  }
  assert.ok((await site.wasmStats()).bytes - bytes < 2 * MAX_BODY_BYTES, `${(await site.wasmStats()).bytes} bytes of wasm memory, ${bytes} before`);
});

suite("The batch route", async () => {
  const site = await deploy({ after }, { env: { ADMIN_TOKEN: "x" } });

  test("A preflight of the batch route lists POST and Content-Type", async () => {
    const answer = await site.request("OPTIONS", ROUTE, {
      headers: { Origin: "https://shop.test", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" },
    });
    assert.ok([200, 204].includes(answer.status), answer.text);
    assert.match(answer.headers["access-control-allow-methods"], /\bPOST\b/);
    assert.match(answer.headers["access-control-allow-headers"], /\bcontent-type\b|\*/i);
  });

  test("Other methods on the batch route are a 405", async () => {
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      const answer = await site.request(method, ROUTE, { body: "" });
      assertProblem(answer, 405, "method-not-allowed");
      assert.match(answer.headers.allow, /\bPOST\b/);
    }
  });

  test("GET on the batch route is a 400: the path is missing", async () => {
    assertProblem(await site.get(ROUTE), 400, "invalid-path");
  });

  test("POST on the route of an image is a 405", async () => {
    for (const path of ["/metadata/", "/metadata/a.jpg"]) {
      const answer = await site.request("POST", path, { body: '{"paths":["a.jpg"]}' });
      assertProblem(answer, 405, "method-not-allowed");
      assert.doesNotMatch(answer.headers.allow, /\bPOST\b/);
    }
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });
});

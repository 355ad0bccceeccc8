import assert from "node:assert/strict";
import path from "node:path";
import test, { suite } from "node:test";
import { buildSync } from "esbuild";
import { bodyOf, cropOf } from "../../tests/worker/harness/expect.mjs";
import { root } from "../../tests/worker/harness/modules.mjs";
import { failure } from "../../tests/worker/harness/origin.mjs";
import { deploy } from "../../tests/worker/harness/site.mjs";

/** A Worker with the service binding, whose requests over the binding are recorded. `work` is its code. */
function callerOf(work) {
  const contents = `
    import { createClient, imgAttributes } from "./client/dist/index.js";
    const cache = new Map();
    export default {
      async fetch(request, env) {
        const requests = [];
        const binding = { fetch: (url, init) => (requests.push((init.method ?? "GET") + " " + url), env.METADATA.fetch(url, init)) };
        const value = await (async () => { ${work} })();
        return Response.json({ value: { value, requests }, plain: true });
      },
    };`;
  const { outputFiles } = buildSync({ stdin: { contents, resolveDir: path.resolve(root) }, bundle: true, format: "esm", write: false });
  return { source: outputFiles[0].text };
}

const SHOW = "({ name, path, status, code }) => ({ name, path, status, code })";

suite("The client in a Worker, with a service binding", () => {
  test("Look-ups of one tick are one request over the binding, with an error for each image", async (t) => {
    const work = `
      const { get } = createClient({ binding });
      return Promise.all([get("a.jpg"), get("none.jpg").catch(${SHOW}), get("b.jpg"), get("c.jpg", { aspect: "16:9" })]);`;
    const site = await deploy(t, { caller: callerOf(work) });
    site.origin.on("/assets/none.jpg", failure(404));
    const { value, requests } = await site.call();
    const missing = { name: "MetadataError", path: "none.jpg", status: 404, code: "not-found" };
    assert.deepEqual(value, [bodyOf("a.jpg"), missing, bodyOf("b.jpg"), { ...bodyOf("c.jpg"), ...cropOf([4000, 3000], [4000, 2250, 0, 375]) }]);
    assert.deepEqual(requests, ["POST https://optimized-metadata/metadata", "GET https://optimized-metadata/metadata/c.jpg?aspect=16:9"]);
  });

  test("The binding itself can be passed, and its requests can be aborted", async (t) => {
    const work = `
      const client = createClient({ binding: env.METADATA });
      const { src, width } = imgAttributes(await client.get("a.jpg"), { resizer: "cloudflare" });
      const aborted = await client.get("b.jpg", undefined, { signal: AbortSignal.abort() }).catch(({ name }) => name);
      const late = await client.get("slow.jpg", undefined, { timeoutMs: 50 }).catch(({ code }) => code);
      return { src, width, aborted, late };`;
    const site = await deploy(t, { caller: callerOf(work) });
    site.origin.on("/assets/slow.jpg", () => {});
    const { value } = await site.call();
    assert.deepEqual(value, { src: "/cdn-cgi/image/width=4000,height=3000,fit=cover/a.jpg", width: 4000, aborted: "AbortError", late: "timeout" });
  });

  test("The requests of a Worker share what they keep, with a client each", async (t) => {
    const work = `return createClient({ binding }, { cache }).get("a.jpg");`;
    const site = await deploy(t, { caller: callerOf(work) });
    assert.deepEqual(await site.call(), { value: bodyOf("a.jpg"), requests: ["GET https://optimized-metadata/metadata/a.jpg"] });
    assert.deepEqual(await site.call(), { value: bodyOf("a.jpg"), requests: [] });
  });
});

import assert from "node:assert/strict";
import test from "node:test";
import { names, post } from "../harness/batch.mjs";
import { assertFound, recordOf, tally } from "../harness/expect.mjs";
import { deploy } from "../harness/site.mjs";

/**
 * Emulates the subrequest limit. The production runtime counts per request; here the first 50 fetches of the isolate succeed
 * and the next 10 fail.
 */
const limited = `
const { fetch } = globalThis;
let count = 0;
globalThis.fetch = (...args) => {
  count++;
  if (count > 50 && count <= 60) return Promise.reject(new Error("Too many subrequests by single Worker invocation."));
  return fetch(...args);
};`;

test("Images beyond a batch's subrequest limit fail with a 503 that is neither retried nor cached", async (t) => {
  const site = await deploy(t, { prelude: limited, config: { errorTtl: 60 } });
  const { status, json } = await post(site, { paths: names(60) });
  assert.equal(status, 200);
  const refused = json.results.filter(({ problem }) => problem);
  assert.deepEqual(
    tally(refused, ({ status, problem }) => `${status} ${problem.code}`),
    { "503 subrequest-limit": 10 },
  );
  assert.match(refused[0].problem.detail, /Request fewer images at a time/);
  assert.equal(site.origin.requests.length, 50, "none is retried");
  for (const { path } of refused) assertFound(await site.get(`/metadata/${path}`), "origin");
});

test("Beyond its subrequest limit a batch serves stale records", async (t) => {
  const site = await deploy(t, { prelude: limited });
  const old = { metadata: recordOf({ lastFetched: Date.now() - 30 * 3600 * 1000, width: 77 }) };
  for (const path of names(60)) site.kv.seed(`metadata:${path}`, old);
  const { json } = await post(site, { paths: names(60) });
  assert.deepEqual(
    tally(json.results, ({ status, metadata }) => `${status} ${metadata.width}`),
    { "200 4000": 50, "200 77": 10 },
  );
});

import assert from "node:assert/strict";
import test from "node:test";
import { generator } from "../../scripts/lib/random.mjs";
import { tally } from "./harness/expect.mjs";
import { within } from "./harness/gate.mjs";
import { failure, image } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const MB = 1024 * 1024;
const ADMIN_TOKEN = "correct horse battery staple";
const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` };

/** Enough to show a leak of a few hundred bytes per operation. */
const OPERATIONS = 12_000;
const CONCURRENCY = 24;
const CAPACITY = 200;

test("Two isolates that share one KV neither fail nor leak under a random mix of requests, aborts, purges and faults", { timeout: 180_000 }, async (t) => {
  const random = generator(15);
  const pick = (items) => items[Math.floor(random() * items.length)];
  // A few paths are requested often, and many rarely.
  const path = () => `images/${pick(["a", "b", "c"])}/${Math.floor(500 * random() ** 3)}.jpg`;

  const options = { env: { ADMIN_TOKEN }, wasmStats: true, caller: true, abortProxy: true, config: { memoryCacheSize: CAPACITY, errorTtl: 1 } };
  const first = await deploy(t, options);
  const isolates = [first, await deploy(t, { ...options, sharedWith: first })];
  first.origin.on((...args) => {
    const { path } = args[2];
    if (path.includes("/missing/")) return failure(404)(...args);
    return (path.includes("/failing/") && random() < 0.5 ? failure(500) : image())(...args);
  });
  first.kv.intercept("get", () => (random() < 0.02 ? { status: 503 } : undefined));

  const aborted = async (request) => {
    // Some complete before they can be aborted.
    await Promise.race([request.abort().catch(() => {}), request.answer]);
    await request.answer;
    return "aborted";
  };
  const operations = {
    get: async (site) => (await site.get(`/metadata/${path()}`)).status,
    crop: async (site) => (await site.get(`/metadata/${path()}?aspect=16:9&focal=${random().toFixed(2)},0.5`)).status,
    head: async (site) => (await site.request("HEAD", `/metadata/${path()}`)).status,
    missing: async (site) => (await site.get(`/metadata/missing/${Math.floor(random() * 5000)}`)).status,
    failing: async (site) => (await site.get(`/metadata/failing/${Math.floor(random() * 50)}`)).status,
    batch: async (site) => {
      const paths = Array.from({ length: 1 + Math.floor(random() * 40) }, path);
      const { status, json } = await site.request("POST", "/metadata", { body: JSON.stringify({ paths }) });
      return `${status} ${Object.keys(tally(json.results, (one) => one.status))}`;
    },
    rpc: async (site) => {
      const { error, metadata } = await site.call("fetchMetadata", path());
      return error ? `error ${error.code}` : typeof metadata.width;
    },
    purge: async (site) => (await site.request("DELETE", `/metadata/${path()}`, { headers: admin })).status,
    purgeFolder: async (site) => (await site.request("DELETE", `/metadata/images/${pick(["a", "b"])}/*`, { headers: admin })).status,
    resetBody: async (site) => {
      const body = JSON.stringify({ paths: Array.from({ length: 40 }, path) });
      const { answer, reset } = site.at.worker.begin("POST", "/metadata", { body, headers: { "Content-Length": body.length + 10 } });
      await site.get("/health");
      reset();
      return answer.then(
        ({ status }) => status,
        () => "reset",
      );
    },
    abortGet: async (site) => aborted(site.abortProxy.get(`/metadata/${path()}`)),
    abortBatch: async (site) =>
      aborted(site.abortProxy.request("POST", "/metadata", { body: JSON.stringify({ paths: Array.from({ length: 40 }, path) }) })),
  };
  const frequent = ["get", "get", "get", "get", "crop", "head", "missing", "failing", "batch", "rpc", "abortGet", "abortBatch", "resetBody"];
  const expected = {
    get: ["200"],
    crop: ["200"],
    head: ["200"],
    missing: ["404"],
    failing: ["200", "502"],
    batch: ["200 200"],
    rpc: ["number"],
    purge: ["200"],
    purgeFolder: ["200"],
    resetBody: ["reset"],
    abortGet: ["aborted"],
    abortBatch: ["aborted"],
  };

  const outcomes = {};
  const run = async (count) => {
    let left = count;
    const work = async () => {
      while (left-- > 0) {
        const kind = left % 50 === 0 ? pick(["purge", "purgeFolder"]) : pick(frequent);
        const outcome = `${await operations[kind](pick(isolates))}`;
        (outcomes[kind] ??= {})[outcome] = (outcomes[kind]?.[outcome] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  };
  const measure = () => Promise.all(isolates.map((site) => site.wasmStats()));
  const statsOf = async (site) => (await site.get("/stats", admin)).json;

  await run(OPERATIONS / 3);
  const before = await measure();
  await run((OPERATIONS * 2) / 3);
  const after = await measure();
  t.diagnostic(JSON.stringify(outcomes));

  for (const [kind, allowed] of Object.entries(expected)) {
    const unexpected = Object.keys(outcomes[kind]).filter((outcome) => !allowed.includes(outcome));
    assert.deepEqual(unexpected, [], `${kind}: ${JSON.stringify(outcomes[kind])}`);
  }
  for (const [n, site] of isolates.entries()) {
    const idle = async () => ((await statsOf(site)).inFlight > 0 ? idle() : undefined);
    await within(idle(), "nothing in flight");
    const { entries, capacity } = await statsOf(site);
    assert.ok(entries <= capacity && capacity === CAPACITY, `${entries} entries of ${capacity}`);
    t.diagnostic(`isolate ${n}: ${before[n].bytes} bytes of wasm memory, then ${after[n].bytes}`);
    assert.ok(after[n].bytes - before[n].bytes < MB, `wasm memory grew from ${before[n].bytes} to ${after[n].bytes}`);
    assert.doesNotMatch(site.transcript(), /panicked|code had hung/);
  }
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { post } from "../harness/batch.mjs";
import { bodyOf, recordOf, tally } from "../harness/expect.mjs";
import { Gate, within } from "../harness/gate.mjs";
import { gated, ranged } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";
import { picture, plain, resizer } from "../harness/tiny-picture.mjs";

const KNOWN = "photos/known.jpg";
const admin = { Authorization: "Bearer secret" };
const CONFIG = { kvCacheTtl: 86_400, memoryCacheTtl: 86_400 };
const orange = await plain("#ff8000");

async function deployTerminated(t, options) {
  const site = await deploy(t, { terminator: true, config: CONFIG, ...options });
  // From KV, so that no write is pending when the test begins.
  seed(site, KNOWN);
  await site.get(`/metadata/${KNOWN}`);
  return site;
}

const seed = (site, path) => site.kv.seed(`metadata:${path}`, { metadata: recordOf() });

/** For every n, runs `operate(n)` and terminates it at its `n`th call into JavaScript; returns the number of calls. */
async function terminateEverywhere(site, operate, prepare = () => {}) {
  for (let n = 1; ; n++) {
    assert.ok(n < 1000, "the operation never completed");
    await prepare(n);
    // The next request finds its image in KV, so that nothing is pending when the next round begins.
    seed(site, `next/${n}.jpg`);
    await site.terminateAt(n);
    const outcome = await within(operate(n), `the operation terminated at call ${n}`).catch((error) => error);
    const terminated = await site.terminateAt();
    const next = await within(site.get(`/metadata/next/${n}.jpg`), `the request after a termination at call ${n}`);
    assert.equal(next.status, 200, `after a termination at call ${n}: ${next.text}`);
    if (!terminated) return { calls: n - 1, outcome };
  }
}

suite("Recovery from a termination", () => {
  for (const [what, { options, prepare, operate, expected, minCalls }] of [
    [
      "a miss",
      {
        options: { kv: false },
        operate: (site, n) => site.get(`/metadata/${n}.jpg`),
        expected: (answer) => assert.equal(answer.layer, "origin"),
        minCalls: 50,
      },
    ],
    [
      "a miss with a picture",
      {
        options: { kv: false, config: { ...CONFIG, placeholders: ["thumbhash", "color"] } },
        prepare: (site) => site.origin.on(resizer(picture(orange))),
        operate: (site, n) => site.get(`/metadata/${n}.jpg?placeholder=data-url`),
        expected: ({ json }) => assert.equal(json.metadata?.color, "#ff8000", JSON.stringify(json)),
        minCalls: 80,
      },
    ],
    [
      "a miss with a picture of the Images binding",
      {
        options: { kv: false, images: true, config: { ...CONFIG, probe: "header", placeholders: ["color"], imagesBinding: "RESIZER" } },
        prepare: (site) => site.origin.on(ranged(orange)),
        operate: (site, n) => site.get(`/metadata/${n}.png`),
        expected: ({ json }) => assert.equal(json.metadata?.color, "#ff8000", JSON.stringify(json)),
        minCalls: 80,
      },
    ],
    [
      "a KV hit",
      {
        prepare: (site, n) => seed(site, `${n}.jpg`),
        operate: (site, n) => site.get(`/metadata/${n}.jpg`),
        expected: (answer) => assert.equal(answer.layer, "kv"),
        minCalls: 30,
      },
    ],
    [
      "a hit in memory",
      {
        options: { kv: false },
        prepare: (site) => site.get(`/metadata/${KNOWN}`),
        operate: (site) => site.get(`/metadata/${KNOWN}`),
        expected: (answer) => assert.equal(answer.layer, "memory"),
        minCalls: 1,
      },
    ],
    [
      "a batch",
      {
        options: { kv: false },
        operate: (site, n) => post(site, { paths: [`${n}a.jpg`, `${n}b.jpg`, "a//b"] }),
        expected: ({ json }) =>
          assert.deepEqual(
            json.results.map((result) => result.status),
            [200, 200, 400],
          ),
        minCalls: 100,
      },
    ],
    [
      "a purge",
      {
        options: { env: { ADMIN_TOKEN: "secret" } },
        prepare: (site, n) => seed(site, `${n}.jpg`),
        operate: (site, n) => site.request("DELETE", `/metadata/${n}.jpg`, { headers: admin }),
        expected: (answer) => assert.deepEqual(answer.json, { purged: 1 }),
        minCalls: 15,
      },
    ],
    [
      "a purge of a folder",
      {
        options: { env: { ADMIN_TOKEN: "secret" } },
        prepare: (site) => {
          site.kv.records.clear();
          seed(site, "folder/a.jpg");
          seed(site, "folder/b.jpg");
        },
        operate: (site) => site.request("DELETE", "/metadata/folder/*", { headers: admin }),
        expected: (answer) => assert.deepEqual(answer.json, { purged: 2 }),
        minCalls: 30,
      },
    ],
    [
      "a batch of messages",
      {
        options: { kv: false, queue: "consumer" },
        operate: (site, n) => site.deliver([{ action: "warm", paths: [`${n}a.jpg`] }, { action: "purge", paths: [KNOWN, "folder/*"] }, null]),
        expected: ({ messages }) => assert.deepEqual(messages, ["ack", "ack", "ack"]),
        minCalls: 40,
      },
    ],
    [
      "a call from another Worker",
      {
        options: { kv: false, caller: true },
        operate: (site, n) => site.call("fetchMetadata", `${n}.jpg`),
        expected: (value) => assert.equal(value.metadata?.width, 4000, JSON.stringify(value)),
        minCalls: 50,
      },
    ],
    [
      "a call with a crop",
      {
        options: { kv: false, caller: true },
        operate: (site) => site.call("fetchAndProcessMetadata", KNOWN, { aspect: "16:9" }),
        expected: (value) => assert.equal(value.dimensions?.height, 2250, JSON.stringify(value)),
        minCalls: 10,
      },
    ],
  ]) {
    test(`An isolate recovers from the termination of ${what} at any call`, { timeout: 120_000 }, async (t) => {
      const site = await deployTerminated(t, options);
      const prepared = prepare && ((n) => prepare(site, n));
      const { calls, outcome } = await terminateEverywhere(site, (n) => operate(site, n), prepared);
      t.diagnostic(`${calls} calls`);
      assert.ok(calls >= minCalls, `${calls} calls`);
      expected(outcome);
    });
  }

  test("An isolate recovers from the termination of the recovering request at any call", async (t) => {
    const site = await deployTerminated(t, { kv: false });
    const terminate = async () => {
      await site.terminateAt(1);
      assert.equal((await site.get("/metadata/terminated.jpg")).status, 500);
    };
    const { calls } = await terminateEverywhere(site, (n) => site.get(`/metadata/again/${n}.jpg`), terminate);
    assert.ok(calls >= 50, `${calls} calls`);
  });

  test("An isolate recovers from a termination when an RPC call comes next", async (t) => {
    const site = await deployTerminated(t, { kv: false, caller: true });
    for (const method of ["fetchMetadata", "fetchAndProcessMetadata"]) {
      for (const n of [1, 5, 20]) {
        await site.terminateAt(n);
        assert.equal((await site.get(`/metadata/${method}/${n}.jpg`)).status, 500);
        assert.equal((await site.call(method, KNOWN)).metadata?.width, 4000, `${method} after a termination at call ${n}`);
      }
    }
  });

  test("An isolate recovers from a termination when a batch of messages comes next", async (t) => {
    const site = await deployTerminated(t, { kv: false, queue: "consumer" });
    for (const n of [1, 5, 20]) {
      await site.terminateAt(n);
      assert.equal((await site.get(`/metadata/${n}.jpg`)).status, 500);
      const { outcome, messages } = await site.deliver([{ action: "warm", paths: [`${n}/a.jpg`] }]);
      assert.deepEqual([outcome, messages], ["ok", ["ack"]], `after a termination at call ${n}`);
    }
  });
});

suite("The effects of a termination", () => {
  test("A termination clears memory, and KV keeps its records", async (t) => {
    const site = await deployTerminated(t);
    await site.terminateAt(1);
    assert.equal((await site.get("/metadata/other.jpg")).status, 500);
    assert.equal((await site.get(`/metadata/${KNOWN}`)).layer, "kv");
    assert.equal((await site.get(`/metadata/${KNOWN}`)).layer, "memory");
  });

  test("A termination fails the requests in flight with a 500, and none hangs", async (t) => {
    const site = await deployTerminated(t, { kv: false, config: { ...CONFIG, originTimeoutMs: 1000, kvTimeoutMs: 100 } });
    const gate = new Gate();
    site.origin.on("/assets/slow.jpg", gated(gate));
    const herd = await site.herd(10, "/metadata/slow.jpg");
    await gate.arrived();
    await site.terminateAt(1);
    assert.equal((await site.get("/metadata/other.jpg")).status, 500);
    assert.equal((await site.get("/metadata/next.jpg")).status, 200);
    gate.open();
    const answers = await within(herd.answers, "the requests in flight");
    assert.deepEqual(
      tally(answers, (answer) => answer.status),
      { 500: 10 },
    );
    assert.equal((await site.get("/metadata/slow.jpg")).status, 200);
  });
});

test("Concurrent calls from another Worker are not mistaken for a termination", async (t) => {
  const source = `export default { async fetch(request, env) {
    const calls = ["a", "b", "c"].map((path) => env.METADATA.fetchMetadata(path));
    const requests = ["d", "e"].map((path) => env.METADATA.fetch("https://metadata.test/metadata/" + path));
    const found = [...(await Promise.all(calls)), ...(await Promise.all((await Promise.all(requests)).map((r) => r.json())))];
    return Response.json({ value: found, plain: true });
  } };`;
  const site = await deploy(t, { caller: { source } });
  assert.deepEqual(
    await site.call("any"),
    ["a", "b", "c", "d", "e"].map((path) => bodyOf(path)),
  );
  assert.doesNotMatch(site.transcript(), /Reinitializing/);
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

const ADMIN_TOKEN = "correct horse battery staple";
const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
const PATH = "/metadata/photos/cat.jpg";

/** The number of KV reads that the Worker made or attempted before its first request. */
const readsBeforeFirstRequest = async (site) => (await site.wasmStats()).calls.read ?? 0;

suite("The warm-up while the Worker is loaded", () => {
  test("The warm-up attempts one KV read and leaves no counts, log entries or cached images", async (t) => {
    const before = Date.now();
    const site = await deploy(t, { wasmStats: true, env: { ADMIN_TOKEN }, config: { logLevel: "debug" } });
    assert.equal(await readsBeforeFirstRequest(site), 1);
    const { json } = await site.get("/stats", headers);
    const { version, isolate, capacity, durationsMs, agesS, eventAgesS, ...counts } = json;
    const numbers = (value) => (typeof value === "object" ? Object.values(value).flatMap(numbers) : [value]);
    assert.deepEqual(new Set(numbers(counts)), new Set([0]), JSON.stringify(counts));
    assert.equal(capacity, 1000);
    assert.ok(!JSON.stringify([durationsMs, agesS, eventAgesS]).match(/"count":[1-9]/));
    assert.ok(isolate.startedAt >= before && isolate.ageMs < 60_000, JSON.stringify(isolate));
    assert.equal(site.kv.reads().length, 0);
    assert.equal(site.origin.requests.length, 0);
    assertFound(await site.get(PATH), "origin");
    const log = site.log.filter(({ event }) => event !== "request");
    assert.deepEqual(
      log.map(({ event }) => event),
      ["cache-miss"],
    );
  });

  test("The Worker starts without a warm-up that fails, and a warm-up frees its memory", async (t) => {
    const prelude = `Object.defineProperty(globalThis, "setTimeout", { value: setTimeout, writable: false });`;
    const site = await deploy(t, { wasmStats: true, prelude });
    assert.equal(await readsBeforeFirstRequest(site), 0);
    assertFound(await site.get(PATH), "origin");
    assertFound(await site.get(PATH), "memory");
    const warm = await deploy(t, { wasmStats: true });
    assertFound(await warm.get(PATH), "origin");
    const [without, with_] = [await site.wasmStats(), await warm.wasmStats()];
    assert.equal(with_.bytes, without.bytes, "the memory of the warm-up is free again");
    assert.ok(with_.references <= without.references + 8, `${with_.references} references instead of ${without.references}`);
  });
});

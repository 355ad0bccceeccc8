import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

/**
 * The most calls from WebAssembly into JavaScript that a response may make. Most of the cost of a miss besides KV and the
 * origin is these calls and the objects they create; see docs/performance.md. Raise a number only by intent.
 */
const BUDGET = { memory: 2, kv: 42, origin: 80 };

/** The calls by name for one response from `layer`, including those in the background after it. */
async function callsOf(site, path, layer) {
  const before = (await site.wasmStats()).calls;
  assertFound(await site.get(path), layer);
  if (layer === "origin") await site.kv.written(path.replace("/metadata/", "metadata:"));
  const { calls } = await site.wasmStats();
  const made = Object.entries(calls).map(([name, count]) => [name, count - (before[name] ?? 0)]);
  return made.filter(([, count]) => count > 0);
}

/** The most functions that V8 may compile while the Worker is loaded, and then for a first response. */
const COMPILED = { load: 490, health: 40, miss: 100 };

/** The number of WebAssembly functions that V8 compiles in an isolate that answers these requests. */
async function compiled(t, ...paths) {
  const site = await deploy(t, { v8Flags: ["--trace-wasm-compilation-times"] });
  for (const path of paths) assert.equal((await site.get(path)).status, 200);
  await site.stop();
  return site.transcript().match(/^Compiled function .* using Liftoff/gm).length;
}

test("Most functions that a first response needs are compiled while the Worker is loaded", async (t) => {
  const load = await compiled(t);
  const health = (await compiled(t, "/health")) - load;
  const miss = (await compiled(t, "/metadata/a")) - load;
  t.diagnostic(JSON.stringify({ load, health, miss }));
  assert.ok(load <= COMPILED.load && health <= COMPILED.health && miss <= COMPILED.miss, JSON.stringify({ load, health, miss }));
});

suite("Calls from WebAssembly into JavaScript", () => {
  test("Each response stays within its budget of calls into JavaScript, and a memory hit only reads the clock", async (t) => {
    const site = await deploy(t, { wasmStats: true });
    await site.get("/metadata/first");
    for (const [path, layer] of [
      ["/metadata/a", "origin"],
      ["/metadata/a", "memory"],
      ["/metadata/a", "kv"],
    ]) {
      if (layer === "kv") {
        await site.restart();
        await site.get("/metadata/first");
      }
      const calls = await callsOf(site, path, layer);
      const count = calls.reduce((sum, [, count]) => sum + count, 0);
      t.diagnostic(`${layer}: ${count}: ${calls.map((call) => call.join(" ")).join(", ")}`);
      assert.ok(count <= BUDGET[layer], `${layer}: ${count} calls: ${calls}`);
      if (layer === "memory") assert.deepEqual(calls.map(([name]) => name), ["now"]);
    }
  });
});

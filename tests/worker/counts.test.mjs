import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

/**
 * The most calls out of WebAssembly that a response may take. Most of what a miss costs beyond KV and the origin are these calls
 * and what they make; docs/performance.md names them. What raises a number is a choice.
 */
const BUDGET = { memory: 2, kv: 40, origin: 72 };

/** What the Worker called for one answer from `layer`, by name, with what it did behind the answer. */
async function callsOf(site, path, layer) {
  const before = (await site.wasm()).calls;
  assertFound(await site.get(path), layer);
  if (layer === "origin") await site.kv.written(path.replace("/metadata/", "metadata:"));
  const { calls } = await site.wasm();
  const made = Object.entries(calls).map(([name, count]) => [name, count - (before[name] ?? 0)]);
  return made.filter(([, count]) => count > 0);
}

suite("calls out of WebAssembly", () => {
  test("are few for each answer, and the clock is all that a hit in memory asks for", async (t) => {
    const site = await deploy(t, { gauge: true });
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

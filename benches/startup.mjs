// Measures the first response of a new workerd process: to /health, which does no I/O, and to a look-up that misses.
//
// workerd loads a Worker before it listens. The baseline is a constant Worker that embeds the same module as data, so the
// difference excludes the time to read it.

import { join } from "node:path";
import { root } from "../scripts/lib/process.mjs";
import { deploy } from "../tests/worker/harness/site.mjs";
import { baselines } from "./baseline.mjs";
import { interleaved, median } from "./rounds.mjs";

const HEALTH = "/health";
const MISS = "/metadata/photos/cat.jpg";
/** The starts per round. They are short, so there is time for several. */
const STARTS = 4;

export async function measure(t, { rounds }) {
  const site = await deploy(t);
  const baseline = await deploy(t, { source: baselines.literal(await site.get(HEALTH)), data: join(root, "build/index_bg.wasm") });
  const [ours, baselineStarts] = await interleaved(rounds * STARTS, [site, baseline], measureStart);

  const phases = [
    ["process start to listening, with the Worker loaded", ({ listening }) => listening],
    ["then /health", ({ health }) => health],
    ["then a miss", ({ healthThenMiss }) => healthThenMiss],
    ["a miss as the first request of a loaded Worker", ({ miss }) => miss],
    ["process start to /health", ({ listening, health }) => listening + health],
    ["process start to a miss", ({ listening, miss }) => listening + miss],
  ].map(([phase, of]) => [phase, ...[ours, baselineStarts].map((starts) => median(starts.map(of)))]);
  const added = Object.fromEntries(phases.map(([phase, ours, baseline]) => [phase, ours - baseline]));
  const target = (phase, target) => ({ name: `${phase}, above the baseline`, value: added[phase], target, unit: "ms", digits: 1 });
  return {
    rows: [
      ["start-up, ms", "this Worker", "baseline", "difference"],
      ...phases.map(([phase, ours, baseline]) => [phase, ...[ours, baseline, ours - baseline].map((ms) => ms.toFixed(1))]),
    ],
    targets: [
      target("then /health", 1),
      target("a miss as the first request of a loaded Worker", 6),
      target("process start to /health", 8),
    ],
    raw: { ours, baseline: baselineStarts },
  };
}

async function measureStart(site) {
  const timed = async (path) => {
    const start = performance.now();
    await site.get(path);
    return performance.now() - start;
  };
  await site.restart();
  const miss = await timed(MISS);
  await site.restart();
  const listening = site.age();
  return { miss, listening, health: await timed(HEALTH), healthThenMiss: await timed(MISS) };
}

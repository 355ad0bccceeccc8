// The first response of a fresh workerd process: to /health, which does no I/O, and to a look-up that misses.
//
// workerd loads a Worker before it listens. The floor is a constant Worker that embeds our module as data, so that the time
// in which workerd reads that is in neither.

import { join } from "node:path";
import { root } from "../scripts/lib/process.mjs";
import { deploy } from "../tests/worker/harness/site.mjs";
import { floors } from "./floor.mjs";
import { interleaved, median } from "./rounds.mjs";

const HEALTH = "/health";
const MISS = "/metadata/photos/cat.jpg";
/** A start is short: there is time for more of them in each round. */
const STARTS = 4;

export async function measure(t, { rounds }) {
  const site = await deploy(t);
  const floor = await deploy(t, { source: floors.literal(await site.get(HEALTH)), data: join(root, "build/index_bg.wasm") });
  const [ours, floorStarts] = await interleaved(rounds * STARTS, [site, floor], starts);

  const phases = [
    ["process start to listening, with the Worker loaded", ({ listening }) => listening],
    ["then /health", ({ health }) => health],
    ["then a miss", ({ healthThenMiss }) => healthThenMiss],
    ["a miss as the first request of a loaded Worker", ({ miss }) => miss],
    ["process start to /health", ({ listening, health }) => listening + health],
    ["process start to a miss", ({ listening, miss }) => listening + miss],
  ].map(([phase, of]) => [phase, ...[ours, floorStarts].map((starts) => median(starts.map(of)))]);
  const over = Object.fromEntries(phases.map(([phase, ours, floor]) => [phase, ours - floor]));
  const target = (what, target) => ({ what: `${what}, over the floor's`, value: over[what], target, unit: "ms", digits: 1 });
  return {
    rows: [
      ["start-up, ms", "ours", "floor's", "less the floor's"],
      ...phases.map(([phase, ours, floor]) => [phase, ...[ours, floor, ours - floor].map((ms) => ms.toFixed(1))]),
    ],
    targets: [
      target("then /health", 1),
      target("a miss as the first request of a loaded Worker", 6),
      target("process start to /health", 8),
    ],
    raw: { ours, floor: floorStarts },
  };
}

async function starts(site) {
  const taking = async (path) => {
    const start = performance.now();
    await site.get(path);
    return performance.now() - start;
  };
  await site.restart();
  const miss = await taking(MISS);
  await site.restart();
  const listening = site.age();
  return { miss, listening, health: await taking(HEALTH), healthThenMiss: await taking(MISS) };
}

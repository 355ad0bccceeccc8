// The first answer of a fresh workerd process, to /health, which does no I/O.
//
// It counts from the start of the process, because workerd loads a Worker before it listens.

import { deploy } from "../tests/worker/harness/site.mjs";
import { floors } from "./floor.mjs";
import { interleaved, median } from "./rounds.mjs";

const PATH = "/health";
/** A start is short: there is time for more of them in each round. */
const STARTS = 4;

export async function measure(t, { rounds }) {
  const site = await deploy(t);
  const floor = await deploy(t, { source: floors.literal(await site.get(PATH)) });
  const [ours, floorStarts] = await interleaved(rounds * STARTS, [site, floor], start);

  const phases = [
    ["process start to listening", ({ listening }) => listening],
    ["listening to first answer", ({ listening, answered }) => answered - listening],
    ["process start to first answer", ({ answered }) => answered],
  ].map(([phase, of]) => [phase, ...[ours, floorStarts].map((starts) => median(starts.map(of)))]);
  const [, took, floorTook] = phases.at(-1);
  return {
    rows: [
      ["start-up, ms", "ours", "floor's", "less the floor's"],
      ...phases.map(([phase, ours, floor]) => [phase, ...[ours, floor, ours - floor].map((ms) => ms.toFixed(1))]),
    ],
    targets: [{ what: "start-up over the floor's", value: took - floorTook, target: 10, unit: "ms", digits: 1 }],
    raw: { ours, floor: floorStarts },
  };
}

async function start(site) {
  await site.restart();
  const listening = site.age();
  await site.get(PATH);
  return { listening, answered: site.age() };
}

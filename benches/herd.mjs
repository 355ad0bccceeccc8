// Many at once for one image that no layer but the origin has: what it costs KV and the origin, and how long it takes.
//
// KV and the origin are this process, which also sends the requests and counts what comes back.

import { setTimeout as sleep } from "node:timers/promises";
import { tally } from "../tests/worker/harness/expect.mjs";
import { delayed } from "../tests/worker/harness/origin.mjs";
import { deploy } from "../tests/worker/harness/site.mjs";
import { interleaved, median } from "./rounds.mjs";

const SIZES = [20, 200, 1000];
const KV_MS = 15;
const ORIGIN_MS = 250;

/** Answers each request as late as ours can, and asks nobody. */
const floorSource = `
export default {
  async fetch() {
    await scheduler.wait(${KV_MS + ORIGIN_MS});
    return new Response("{}");
  },
};`;

export async function measure(t, { rounds }) {
  const site = await deploy(t);
  const floor = await deploy(t, { source: floorSource });
  site.kv.intercept("get", () => sleep(KV_MS));
  site.origin.on(delayed(ORIGIN_MS));

  const rows = [["herd", "answers", "KV reads", "origin fetches", "KV writes", "last answer, ms", "floor's", "we add"]];
  const raw = {};
  let count = 0;
  for (const size of SIZES) {
    // The connections are there before the herd is.
    for (const { at } of [site, floor]) await at.worker.herd(size, "/health").answers;
    const [ours, floors] = await interleaved(rounds, [site, floor], (contender) => stampede(contender, size, `photos/${size}-${count++}.jpg`));
    raw[size] = { ours, floor: floors };
    const [took, floorsTook] = [ours, floors].map((measured) => median(measured.map(({ ms }) => ms)));
    const costs = ["reads", "fetches", "writes"].map((of) => most(ours, of));
    const answers = [...new Set(ours.map(({ answers }) => answers))].join("; ");
    rows.push([size, answers, ...costs, ...[took, floorsTook, took - floorsTook].map((ms) => ms.toFixed(0))]);
  }
  const herds = Object.values(raw).flatMap(({ ours }) => ours);
  return {
    rows,
    targets: [
      { what: "answers other than 200", value: most(herds, "others"), target: 0 },
      { what: "KV reads for a herd", value: most(herds, "reads"), target: 1 },
      { what: "origin fetches for a herd", value: most(herds, "fetches"), target: 1 },
      { what: "KV writes for a herd", value: most(herds, "writes"), target: 1 },
    ],
    raw,
  };
}

const most = (herds, of) => Math.max(...herds.map((herd) => herd[of]));

async function stampede({ at, kv, origin }, size, path) {
  const key = `metadata:${path}`;
  const start = performance.now();
  const answers = await at.worker.herd(size, `/metadata/${path}`).answers;
  const ms = performance.now() - start;
  // The floor writes nothing.
  if (origin.requests.length > 0) await kv.written(key);
  const statuses = tally(answers, ({ status }) => status);
  const result = {
    ms,
    answers: Object.entries(statuses).map(([status, count]) => `${count} × ${status}`).join(", "),
    others: size - (statuses[200] ?? 0),
    layers: tally(answers, ({ layer }) => layer),
    reads: kv.reads(key).length,
    fetches: origin.requests.length,
    writes: kv.writes(key).length,
  };
  kv.clearOperations();
  origin.clearRequests();
  return result;
}

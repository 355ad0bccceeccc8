// Thundering herd: many concurrent requests for one uncached image. Measures KV operations, origin fetches and time.
//
// This process plays KV and the origin, sends the requests, and counts the responses.

import { setTimeout as sleep } from "node:timers/promises";
import { tally } from "../tests/worker/harness/expect.mjs";
import { delayed } from "../tests/worker/harness/origin.mjs";
import { deploy } from "../tests/worker/harness/site.mjs";
import { interleaved, median } from "./rounds.mjs";

const SIZES = [20, 200, 1000];
const KV_MS = 15;
const ORIGIN_MS = 250;

/** Takes as long as KV and the origin together, without calling either. */
const baselineSource = `
export default {
  async fetch() {
    await scheduler.wait(${KV_MS + ORIGIN_MS});
    return new Response("{}");
  },
};`;

export async function measure(t, { rounds }) {
  const site = await deploy(t);
  const baseline = await deploy(t, { source: baselineSource });
  site.kv.intercept("get", () => sleep(KV_MS));
  site.origin.on(delayed(ORIGIN_MS));

  const rows = [["herd", "responses", "KV reads", "origin fetches", "KV writes", "last response, ms", "baseline", "added"]];
  const raw = {};
  let count = 0;
  for (const size of SIZES) {
    // Open the connections before the herd starts.
    for (const { at } of [site, baseline]) await at.worker.herd(size, "/health").answers;
    const [ours, baselines] = await interleaved(rounds, [site, baseline], (contender) => measureHerd(contender, size, `photos/${size}-${count++}.jpg`));
    raw[size] = { ours, baseline: baselines };
    const [took, baselineTook] = [ours, baselines].map((measured) => median(measured.map(({ ms }) => ms)));
    const costs = ["reads", "fetches", "writes"].map((of) => most(ours, of));
    const answers = [...new Set(ours.map(({ answers }) => answers))].join("; ");
    rows.push([size, answers, ...costs, ...[took, baselineTook, took - baselineTook].map((ms) => ms.toFixed(0))]);
  }
  const herds = Object.values(raw).flatMap(({ ours }) => ours);
  return {
    rows,
    targets: [
      { name: "responses other than 200", value: most(herds, "others"), target: 0 },
      { name: "KV reads per herd", value: most(herds, "reads"), target: 1 },
      { name: "origin fetches per herd", value: most(herds, "fetches"), target: 1 },
      { name: "KV writes per herd", value: most(herds, "writes"), target: 1 },
    ],
    raw,
  };
}

const most = (herds, of) => Math.max(...herds.map((herd) => herd[of]));

async function measureHerd({ at, kv, origin }, size, path) {
  const key = `metadata:${path}`;
  const start = performance.now();
  const answers = await at.worker.herd(size, `/metadata/${path}`).answers;
  const ms = performance.now() - start;
  // The baseline writes nothing.
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

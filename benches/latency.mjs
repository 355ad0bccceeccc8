// Measures the latency that the Worker adds to KV and the origin, which take a constant time here.
//
// The Worker and the stand-ins run in one workerd process. So does the baseline: a Worker that makes the same calls and
// returns a constant. The latency that the baseline adds comes from workerd, late timers and the load tool.

import assert from "node:assert/strict";
import { deploy, ORIGIN } from "../tests/worker/harness/site.mjs";
import { response } from "./baseline.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const KV_MS = 15;
const ORIGIN_MS = 250;
const WARM_UP_SECONDS = 2;
const PERCENTILES = ["p50", "p95", "p99"];

// Fewer than two hundred requests per second in each case: no request waits for another.
const cases = [
  {
    name: `KV hit, ${KV_MS} ms`,
    layer: "kv",
    injectedMs: KV_MS,
    found: { width: 4000, height: 3000, format: "jpeg", lastFetched: Date.now(), confidence: "high", source: "format-json" },
    connections: 4,
    work: `await env.IMAGE_METADATA_CACHE.getWithMetadata("key");`,
  },
  {
    name: `origin miss, ${KV_MS} + ${ORIGIN_MS} ms`,
    layer: "origin",
    injectedMs: KV_MS + ORIGIN_MS,
    connections: 64,
    work: `
      await env.IMAGE_METADATA_CACHE.getWithMetadata("key");
      const reply = await fetch("${ORIGIN}/key", { cf: { image: { format: "json" } } });
      await reply.text();`,
  },
];

export async function measure(t, { rounds, seconds }) {
  const rows = [["ms above the injected latency", ...PERCENTILES, ...PERCENTILES.map((p) => `baseline ${p}`), ...PERCENTILES.map((p) => `added ${p}`)]];
  const targets = [];
  const raw = {};
  for (const { name, layer, injectedMs, found, connections, work } of cases) {
    const standIns = { namespace: namespace(found), outbound };
    const site = await deploy(t, standIns);
    const answer = await site.get("/metadata/first.jpg");
    assert.equal(answer.layer, layer);
    const baseline = await deploy(t, { ...standIns, source: `export default { async fetch(_, env) { ${work} return ${response(answer)}; } };` });

    let run = 0;
    const ask = async ({ url }, seconds) => {
      // Each request is for a new image.
      const distinct = `/metadata/photos/${run++}/`;
      const latencies = await load(url, { seconds, connections, distinct, spreadMs: injectedMs });
      for (const p of PERCENTILES) latencies[p] -= injectedMs;
      return latencies;
    };
    for (const contender of [site, baseline]) await ask(contender, WARM_UP_SECONDS);
    const [ours, baselines] = await interleaved(rounds, [site, baseline], (contender) => ask(contender, seconds));

    raw[name] = { ours, baseline: baselines };
    const [latencies, baselineLatencies] = [ours, baselines].map((measured) => PERCENTILES.map((p) => median(measured.map((round) => round[p]))));
    const added = latencies.map((ms, index) => ms - baselineLatencies[index]);
    rows.push([name, ...[...latencies, ...baselineLatencies, ...added].map((ms) => ms.toFixed(2))]);
    targets.push({ name: `p99 added to ${name}`, value: added.at(-1), target: 3, unit: "ms", digits: 2 });
  }
  return { rows, targets, raw };
}

function namespace(found) {
  return `
const metadata = ${JSON.stringify(JSON.stringify(found ?? null))};
export default {
  async fetch({ method }) {
    // Writes happen after the response, so they need no delay.
    if (method !== "GET") return new Response();
    await scheduler.wait(${KV_MS});
    return ${found !== undefined} ? new Response("", { headers: { "CF-KV-Metadata": metadata } }) : new Response("", { status: 404 });
  },
};`;
}

const outbound = `
const image = JSON.stringify({ original: { file_size: 123456, width: 4000, height: 3000, format: "image/jpeg" } });
export default {
  async fetch() {
    await scheduler.wait(${ORIGIN_MS});
    return new Response(image, { headers: { "Content-Type": "application/json" } });
  },
};`;

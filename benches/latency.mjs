// What is added to the latency of KV and of the origin, which here always take the same time.
//
// All of it runs in one workerd process, stand-ins included, and so does the floor: a Worker that makes the same calls
// and answers with a constant. What the floor adds is workerd's, its timers' lateness and the load tool's.

import assert from "node:assert/strict";
import { deploy, ORIGIN } from "../tests/worker/harness/site.mjs";
import { response } from "./floor.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const KV_MS = 15;
const ORIGIN_MS = 250;
const WARM_UP_SECONDS = 2;
const PERCENTILES = ["p50", "p95", "p99"];

// Under two hundred requests a second either way: none waits for another.
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
  const rows = [["ms over the injected", ...PERCENTILES, ...PERCENTILES.map((p) => `floor's ${p}`), ...PERCENTILES.map((p) => `we add ${p}`)]];
  const targets = [];
  const raw = {};
  for (const { name, layer, injectedMs, found, connections, work } of cases) {
    const standIns = { namespace: namespace(found), outbound };
    const site = await deploy(t, standIns);
    const answer = await site.get("/metadata/first.jpg");
    assert.equal(answer.layer, layer);
    const floor = await deploy(t, { ...standIns, source: `export default { async fetch(_, env) { ${work} return ${response(answer)}; } };` });

    let run = 0;
    const ask = async ({ url }, seconds) => {
      // Each request asks for what none has asked for.
      const distinct = `/metadata/photos/${run++}/`;
      const latencies = await load(url, { seconds, connections, distinct, spreadMs: injectedMs });
      for (const p of PERCENTILES) latencies[p] -= injectedMs;
      return latencies;
    };
    for (const contender of [site, floor]) await ask(contender, WARM_UP_SECONDS);
    const [ours, floors] = await interleaved(rounds, [site, floor], (contender) => ask(contender, seconds));

    raw[name] = { ours, floor: floors };
    const [over, floorsOver] = [ours, floors].map((measured) => PERCENTILES.map((p) => median(measured.map((round) => round[p]))));
    const added = over.map((ms, place) => ms - floorsOver[place]);
    rows.push([name, ...[...over, ...floorsOver, ...added].map((ms) => ms.toFixed(2))]);
    targets.push({ what: `p99 added to ${name}`, value: added.at(-1), target: 3, unit: "ms", digits: 2 });
  }
  return { rows, targets, raw };
}

function namespace(found) {
  return `
const metadata = ${JSON.stringify(JSON.stringify(found ?? null))};
export default {
  async fetch({ method }) {
    // A write comes behind the answer.
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

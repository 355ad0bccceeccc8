// CPU time of a KV hit and of an origin miss, compared with the bare KV and origin calls and with a JavaScript service.
//
// KV and the origin run in other processes, so only the CPU time of the Worker's own workerd process is counted.

import assert from "node:assert/strict";
import { deploy, ORIGIN } from "../tests/worker/harness/site.mjs";
import { response } from "./baseline.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const WARM_UP_SECONDS = 2;
const CONNECTIONS = 8;
const record = { width: 4000, height: 3000, format: "jpeg", lastFetched: Date.now(), confidence: "high", source: "format-json", fileSize: 123456 };

const READ = `const found = await env.IMAGE_METADATA_CACHE.getWithMetadata("metadata:" + url, { type: "text", cacheTtl: 300 });`;
const ASK = `
    const reply = await fetch("${ORIGIN}" + new URL(url).pathname, { cf: { image: { format: "json" } } });
    const { original } = await reply.json();
    const metadata = { ...original, lastFetched: Date.now() };
    ctx.waitUntil(env.IMAGE_METADATA_CACHE.put("metadata:" + url, "", { metadata, expirationTtl: 90000 }));`;

const cases = [
  { name: "KV hit", layer: "kv", work: READ, target: 1.7 },
  { name: "origin miss", layer: "origin", work: READ + ASK, target: 1.75 },
];

export async function measure(t, { rounds, seconds }) {
  const rows = [["CPU µs", "this Worker", "bare calls", "ratio", "(range)", "JavaScript", "ratio"]];
  const targets = [];
  const raw = {};
  const kv = await deploy(t, { source: namespace, kv: false, metadata: null });
  // This process plays the origin.
  const { addresses } = await deploy(t);
  const otherProcesses = { sharedWith: { addresses: { ...addresses, kv: new URL(kv.url).host } } };
  for (const { name, layer, work, target } of cases) {
    const site = await deploy(t, otherProcesses);
    const answer = await site.get(`/metadata/${layer}/first.jpg`);
    assert.equal(answer.layer, layer);
    const bare = await deploy(t, { ...otherProcesses, source: `export default { async fetch({ url }, env, ctx) { ${work} return ${response(answer)}; } };` });
    const service = await deploy(t, { ...otherProcesses, source: javascriptOf(work, layer, answer) });

    let run = 0;
    const cpu = async (contender, seconds) => {
      const before = contender.cpu();
      const distinct = `/metadata/${layer}/${run++}/`;
      const { requests } = await load(contender.url, { seconds, connections: CONNECTIONS, distinct });
      return ((contender.cpu() - before) / requests) * 1e6;
    };
    const contenders = [site, bare, service];
    for (const contender of contenders) await cpu(contender, WARM_UP_SECONDS);
    const [ours, bareCalls, javascript] = await interleaved(rounds, contenders, (contender) => cpu(contender, seconds));
    raw[name] = { ours, bareCalls, javascript };
    const ratiosTo = (others) => ours.map((cpu, round) => cpu / others[round]);
    const ratios = ratiosTo(bareCalls);
    rows.push([
      name,
      median(ours).toFixed(0),
      median(bareCalls).toFixed(0),
      median(ratios).toFixed(2),
      `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`,
      median(javascript).toFixed(0),
      median(ratiosTo(javascript)).toFixed(2),
    ]);
    targets.push({ name: `CPU of a ${name} / bare calls`, value: median(ratios), target, digits: 2 });
  }
  return { rows, targets, raw };
}

/** A KV stand-in that has a record for each key below `kv/`, and no others. */
const namespace = `
const metadata = ${JSON.stringify(JSON.stringify(record))};
export default {
  async fetch({ method, url }) {
    if (method !== "GET") return new Response();
    return new URL(url).pathname.includes("kv")
      ? new Response("", { headers: { "CF-KV-Metadata": metadata } })
      : new Response("", { status: 404 });
  },
};`;

/** A JavaScript service of the same design: a Map as cache, one fetch at a time per key, the same headers. */
function javascriptOf(work, layer, { headers }) {
  const { "content-length": _, ...own } = headers;
  return `
const cache = new Map();
const flights = new Map();
export default {
  async fetch({ url }, env, ctx) {
    const path = decodeURIComponent(new URL(url).pathname.slice("/metadata/".length));
    const key = "metadata:" + path;
    let metadata = cache.get(key);
    if (!metadata) {
      let flight = flights.get(key);
      if (!flight) {
        flight = lookUp(url, env, ctx).finally(() => flights.delete(key));
        flights.set(key, flight);
        ctx.waitUntil(flight);
      }
      metadata = await flight;
      cache.set(key, metadata);
      if (cache.size > 1000) for (const old of [...cache.keys()].slice(0, 200)) cache.delete(old);
    }
    return new Response(JSON.stringify({ path, metadata }), { headers: ${JSON.stringify(own)} });
  },
};
async function lookUp(url, env, ctx) {
  ${work}
  return ${layer === "kv" ? "found.metadata" : "metadata"};
}`;
}

// How long an isolate with a full memory answers nobody else: while it prunes a fifth of it, and while it purges a folder.

import assert from "node:assert/strict";
import { deploy } from "../tests/worker/harness/site.mjs";
import { median } from "./rounds.mjs";

const CAPACITY = 50_000;
const PURGED = 40_000;
const PRUNES = 5;
const ADMIN_TOKEN = "token";
const BATCH = 100;

/** KV that has a record for every key, and lists none. */
const namespace = `
const metadata = ${JSON.stringify({ width: 4000, height: 3000, format: "jpeg", lastFetched: Date.now(), confidence: "high", source: "format-json", fileSize: 123456 })};
export default {
  async fetch(request) {
    const { method, url } = request;
    if (method === "POST") {
      const { keys } = await request.json();
      return Response.json(Object.fromEntries(keys.map((key) => [key, { value: "", metadata }])));
    }
    if (method === "GET" && new URL(url).pathname === "/") return Response.json({ keys: [], list_complete: true });
    return new Response();
  },
};`;

const path = (n) => `photos/2026/summer/image-${n}.jpg`;

export async function measure(t) {
  const site = await deploy(t, { namespace, env: { ADMIN_TOKEN }, config: { memoryCacheSize: CAPACITY } });
  const taking = async (request) => {
    const start = performance.now();
    const answer = await request();
    assert.equal(answer.status, 200, answer.text);
    return { ms: performance.now() - start, answer };
  };
  let next = 0;
  const add = (count) => {
    const paths = Array.from({ length: count }, () => path(next++));
    return taking(() => site.request("POST", "/metadata", { body: JSON.stringify({ paths }) }));
  };
  const purge = () => taking(() => site.request("DELETE", "/metadata/photos/*", { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } }));
  const fill = async (to) => {
    for (let held = 0; held < to; held += BATCH) await add(BATCH);
  };

  const purges = [];
  const empty = [];
  for (let n = 0; n < PRUNES; n++) {
    await fill(PURGED);
    const { ms, answer } = await purge();
    assert.equal(answer.json.purged, PURGED);
    purges.push(ms);
    empty.push((await purge()).ms);
  }
  await fill(CAPACITY);
  const prunes = [];
  const writes = [];
  for (let n = 0; n < PRUNES; n++) {
    prunes.push((await add(1)).ms);
    for (let m = 1; m < 100; m++) writes.push((await add(1)).ms);
    await fill(CAPACITY / 5 - BATCH);
  }
  const rows = [
    [`prune of ${CAPACITY / 5} entries`, median(prunes), median(writes), 5],
    [`purge of a folder of ${PURGED} entries`, median(purges), median(empty), 70],
  ];
  return {
    rows: [["ms", "with it", "without", "pause"], ...rows.map(([what, ...ms]) => [what, ...[ms[0], ms[1], ms[0] - ms[1]].map((ms) => ms.toFixed(1))])],
    targets: rows.map(([what, ms, without, target]) => ({ what, value: ms - without, target, unit: "ms", digits: 1 })),
    raw: { prunes, writes, purges, empty },
  };
}

// How long an isolate with a full memory answers nobody else: while it prunes a fifth of it, and while it purges a folder.

import assert from "node:assert/strict";
import { deploy } from "../tests/worker/harness/site.mjs";
import { ask, BATCH, namespace } from "./batches.mjs";
import { median } from "./rounds.mjs";

const CAPACITY = 50_000;
const PURGED = 40_000;
const PRUNES = 5;
const ADMIN_TOKEN = "token";
export async function measure(t) {
  const site = await deploy(t, { namespace, env: { ADMIN_TOKEN }, config: { memoryCacheSize: CAPACITY } });
  const taking = async (work) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  let next = 0;
  const add = (count) => taking(() => ask(site, next, (next += count)));
  const purge = async (expected) => {
    const { json } = await site.request("DELETE", "/metadata/photos/*", { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } });
    assert.deepEqual(json, { purged: expected });
  };

  const purges = [];
  const empty = [];
  for (let n = 0; n < PRUNES; n++) {
    await add(PURGED);
    purges.push(await taking(() => purge(PURGED)));
    empty.push(await taking(() => purge(0)));
  }
  await add(CAPACITY);
  const prunes = [];
  const writes = [];
  for (let n = 0; n < PRUNES; n++) {
    prunes.push(await add(1));
    for (let m = 1; m < 100; m++) writes.push(await add(1));
    await add(CAPACITY / 5 - BATCH);
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

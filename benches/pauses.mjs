// Measures how long an isolate with a full memory cache blocks: to prune a fifth of it, and to purge a folder.

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
  const timed = async (work) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  let next = 0;
  const add = (count) => timed(() => ask(site, next, (next += count)));
  const purge = async (expected) => {
    const { json } = await site.request("DELETE", "/metadata/photos/*", { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } });
    assert.deepEqual(json, { purged: expected });
  };

  const purges = [];
  const empty = [];
  for (let n = 0; n < PRUNES; n++) {
    await add(PURGED);
    purges.push(await timed(() => purge(PURGED)));
    empty.push(await timed(() => purge(0)));
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
    rows: [["ms", "with", "without", "pause"], ...rows.map(([name, ms, without]) => [name, ...[ms, without, ms - without].map((ms) => ms.toFixed(1))])],
    targets: rows.map(([name, ms, without, target]) => ({ name, value: ms - without, target, unit: "ms", digits: 1 })),
    raw: { prunes, writes, purges, empty },
  };
}

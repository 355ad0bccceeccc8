// Measures the memory of the wasm instance, which grows in steps and never shrinks, and of the process, which includes the
// JavaScript heap. The images come from KV, in batches.

import { deploy } from "../tests/worker/harness/site.mjs";
import { ask, namespace, path } from "./batches.mjs";

const SIZES = [1000, 10_000, 50_000];
/** The capacity of the cache that sees many more keys than it can hold. */
const CAPACITY = 10_000;
const MB = 1e6;

export async function measure(t, { keys }) {
  const deployed = async (memoryCacheSize) => {
    const site = await deploy(t, { wasmStats: true, namespace, config: { memoryCacheSize } });
    // Exclude the memory that the first request allocates.
    await site.get("/health");
    return site;
  };
  const growing = await deployed(SIZES.at(-1));
  const raw = [{ keys: 0, entries: 0, ...(await memoryOf(growing)) }];
  for (const entries of SIZES) {
    await ask(growing, raw.at(-1).keys, entries);
    const { wasm, resident } = await memoryOf(growing);
    raw.push({ keys: entries, entries, wasm, resident, each: (wasm - raw[0].wasm) / entries - path(entries).length });
  }
  const full = await deployed(CAPACITY);
  await ask(full, 0, keys);
  raw.push({ keys, entries: CAPACITY, ...(await memoryOf(full)) });
  return {
    rows: [
      ["distinct keys", "max. entries", "wasm, MB", "bytes per entry, without its path", "process, MB"],
      ...raw.map(({ keys, entries, wasm, resident, each }) => [
        keys,
        entries,
        (wasm / MB).toFixed(2),
        each === undefined ? "–" : each.toFixed(0),
        (resident / MB).toFixed(0),
      ]),
    ],
    targets: [
      ...raw
        .filter(({ each }) => each !== undefined)
        .map(({ entries, each }) => ({ name: `bytes per entry at ${entries}, without its path`, value: each, target: 1000 })),
      { name: `wasm memory at ${CAPACITY} entries, after ${keys} keys`, value: raw.at(-1).wasm / MB, target: 16, unit: "MB", digits: 1 },
    ],
    raw,
  };
}

async function memoryOf(site) {
  return { wasm: (await site.wasmStats()).bytes, resident: site.memory() };
}

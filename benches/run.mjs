// Runs the named parts of the benchmark, prints the results and writes them to results/. See scripts/bench.mjs.

import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../scripts/lib/process.mjs";
import { machine } from "./machine.mjs";
import { table, verdict } from "./report.mjs";

const folder = join(root, "benches", "results");
mkdirSync(folder, { recursive: true });

const [effort, ...names] = process.argv.slice(2);
const results = { at: new Date().toISOString(), effort: JSON.parse(effort), machine: machine(), parts: {} };
const file = join(folder, `${results.at.replaceAll(":", "-")}.json`);
console.log(Object.entries(results.machine).map(([name, value]) => `${name}: ${value}`).join("; "));
for (const name of names) {
  const { measure } = await import(`./${name}.mjs`);
  console.log(`\n── ${name}\n`);
  const part = await scoped((t) => measure(t, results.effort));
  results.parts[name] = part;
  writeFileSync(file, JSON.stringify(results, null, 2));
  console.log([table(part.rows), "", ...(part.notes ?? []), ...part.targets.map(verdict)].join("\n"));
}
console.log(`\nResults of every round: ${relative(process.cwd(), file)}`);

/** Stops what `body` deployed when it ends, as a test would. */
async function scoped(body) {
  const cleanups = [];
  try {
    return await body({ after: (cleanup) => cleanups.push(cleanup) });
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

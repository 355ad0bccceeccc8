// Runs the parts that the arguments name, prints what they measured and writes it to results/. See scripts/bench.mjs.

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
console.log(Object.entries(results.machine).map(([fact, value]) => `${fact}: ${value}`).join("; "));
for (const name of names) {
  const { measure } = await import(`./${name}.mjs`);
  console.log(`\n── ${name}\n`);
  const part = await scoped((t) => measure(t, results.effort));
  results.parts[name] = part;
  writeFileSync(file, JSON.stringify(results, null, 2));
  console.log([table(part.rows), "", ...(part.notes ?? []), ...part.targets.map(verdict)].join("\n"));
}
console.log(`\nAll of it, round by round: ${relative(process.cwd(), file)}`);

/** What `body` deploys ends with it, as with a test. */
async function scoped(body) {
  const endings = [];
  try {
    return await body({ after: (end) => endings.push(end) });
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

// `npm run bench`: measures the release Worker on workerd and compares the results with the targets.
// `npm run bench -- hot-path herd` runs only these parts. `--quick` takes a minute or two; its figures are rough.
//
// A missed target does not fail anything, because times depend on the machine. Tests check the counts.

import { environment } from "./lib/environment.mjs";
import { installed, main, Problem, run } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

const parts = ["hot-path", "miss", "placeholders", "latency", "herd", "startup", "pauses", "size", "memory", "headers"];
const thorough = { rounds: 5, seconds: 3, keys: 1_000_000 };
const quick = { rounds: 2, seconds: 1, keys: 20_000 };

await main(async () => {
  const named = process.argv.slice(2).filter((argument) => argument !== "--quick");
  const unknown = named.find((name) => !parts.includes(name));
  if (unknown) throw new Problem(`The benchmark has no part "${unknown}". Parts: ${parts.join(", ")}.`);
  const env = await environment();
  const chosen = named.length ? named : parts;
  // This part builds its own module.
  if (chosen.some((name) => name !== "headers")) {
    if (!installed("wrk", env)) throw new Problem("wrk is missing. Install it: apt-get install wrk, or brew install wrk");
    await buildWorker([], env);
  }
  const effort = process.argv.includes("--quick") ? quick : thorough;
  await run("node", ["benches/run.mjs", JSON.stringify(effort), ...chosen], { env });
});

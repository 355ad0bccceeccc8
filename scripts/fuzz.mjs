// `npm run fuzz -- 600`: fuzzes the core, for this many seconds per target (60 by default).
//
// Requires a nightly compiler, which alone can instrument the code: rustup toolchain install nightly

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main, output, Problem, root, run } from "./lib/process.mjs";
import { fuzzer } from "./lib/tools.mjs";

const folder = join(root, "fuzz");

await main(async () => {
  const seconds = Number(process.argv[2] ?? 60);
  if (!(seconds > 0)) throw new Problem("The argument must be a number of seconds per target, for example: npm run fuzz -- 600");
  if (output("cargo", ["+nightly", "--version"], process.env) === undefined) {
    throw new Problem("A nightly compiler is missing. Install it: rustup toolchain install nightly");
  }
  const env = await fuzzer(process.env);
  for (const target of readdirSync(join(folder, "corpus"))) {
    console.log(`\n── ${target}`);
    // New inputs go into a separate folder. The corpus contains selected inputs, which the tests replay.
    const found = join("found", target);
    mkdirSync(join(folder, found), { recursive: true });
    const inputs = [found, join("corpus", target)];
    if (target === "image_header") inputs.push(join("..", "tests", "cases"));
    await run("cargo", ["+nightly", "fuzz", "run", target, ...inputs, "--", `-max_total_time=${seconds}`], { cwd: folder, env });
  }
});

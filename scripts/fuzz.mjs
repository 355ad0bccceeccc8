// `npm run fuzz`: looks for inputs that break the core, for as many seconds for each target as the argument says (60).
//
// Needs a nightly compiler (`rustup toolchain install nightly`): only that one can instrument the code.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main, output, Problem, root, run } from "./lib/process.mjs";
import { fuzzer } from "./lib/tools.mjs";

const folder = join(root, "fuzz");

await main(async () => {
  const seconds = Number(process.argv[2] ?? 60);
  if (!(seconds > 0)) throw new Problem("Say for how many seconds, as in: npm run fuzz -- 600");
  if (output("cargo", ["+nightly", "--version"], process.env) === undefined) {
    throw new Problem("A nightly compiler is missing: rustup toolchain install nightly");
  }
  const env = await fuzzer(process.env);
  for (const target of readdirSync(join(folder, "corpus"))) {
    console.log(`\n── ${target}`);
    // What is found goes into a folder of its own: the corpus holds chosen inputs, which the tests replay.
    const found = join("found", target);
    mkdirSync(join(folder, found), { recursive: true });
    const inputs = [found, join("corpus", target)];
    if (target === "image_header") inputs.push(join("..", "tests", "cases"));
    await run("cargo", ["+nightly", "fuzz", "run", target, ...inputs, "--", `-max_total_time=${seconds}`], { cwd: folder, env });
  }
});

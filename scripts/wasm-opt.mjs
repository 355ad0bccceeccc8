#!/usr/bin/env node
// wasm-opt as worker-build calls it (`IN -o OUT options…`), except that work once done is not done again.
//
// It takes longer than everything else in a build that changes nothing, and wrangler builds at each start.
//
// The names of functions, a sixth of the upload, are left out: a panic tells its file and line. The newest module in
// target/wasm-opt is the same one with names.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { bin } from "./lib/packages.mjs";
import { main, root, run } from "./lib/process.mjs";

const wasmOpt = join(bin, "wasm-opt");
const { version } = createRequire(import.meta.url)("binaryen/package.json");

await main(async () => {
  const [input, , output, ...options] = process.argv.slice(2);
  const key = createHash("sha256").update(JSON.stringify([version, options])).update(readFileSync(input)).digest("hex");
  const folder = join(root, "target", "wasm-opt");
  const kept = join(folder, `${key}.wasm`);
  if (!existsSync(kept)) {
    mkdirSync(folder, { recursive: true });
    const partial = `${kept}.${process.pid}`;
    await run(wasmOpt, [input, "-o", partial, ...options]);
    renameSync(partial, kept);
  }
  await run(wasmOpt, [kept, "-o", output, "--strip-debug", ...options.filter((option) => option.startsWith("--enable-"))]);
});

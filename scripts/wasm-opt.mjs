#!/usr/bin/env node
// A cache for wasm-opt, with the arguments that worker-build passes (`IN -o OUT options…`).
//
// wasm-opt takes most of the time of a build without changes, and wrangler builds on every start.
//
// The output has no function names, which are a sixth of the upload: a panic reports its file and line. The newest module
// in target/wasm-opt is the same module with names.

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
  const cached = join(folder, `${key}.wasm`);
  if (!existsSync(cached)) {
    mkdirSync(folder, { recursive: true });
    const partial = `${cached}.${process.pid}`;
    await run(wasmOpt, [input, "-o", partial, ...options]);
    renameSync(partial, cached);
  }
  await run(wasmOpt, [cached, "-o", output, "--strip-debug", ...options.filter((option) => option.startsWith("--enable-"))]);
});

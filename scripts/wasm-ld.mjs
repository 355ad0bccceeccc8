#!/usr/bin/env node
// wasm-ld as rustc calls it, except that classes of the worker crate which nothing here uses stay behind.
//
// The crate exports them to JavaScript whether they are used or not, and what is exported cannot be optimised away: a
// tenth of the Worker. Code that begins to use one of them fails with "... is not a function"; take it off the list then.

import { spawnSync } from "node:child_process";

const UNUSED = [
  "ContainerStartupOptions",
  "IntoUnderlyingByteSource",
  "IntoUnderlyingSink",
  "IntoUnderlyingSource",
  "MinifyConfig",
  "R2Range",
];

// As wasm-bindgen names a class's methods, fields and destructor. It ignores an export that has no description.
const unused = new RegExp(`^(__wbindgen_describe_)?(__wbg_|__wbg_get_|__wbg_set_)?(${UNUSED.join("|")})_`, "i");

const args = [];
for (const arg of process.argv.slice(2)) {
  if (args.at(-1) === "--export" && unused.test(arg)) args.pop();
  else args.push(arg);
}
// rustc has put the folder of its own linker on the path.
const { status, error } = spawnSync(process.env.WASM_LD || "rust-lld", args, { stdio: "inherit" });
if (error) throw error;
process.exitCode = status ?? 1;

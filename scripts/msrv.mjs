// `npm run msrv`: checks that the library and its tests compile with the minimum Rust version in Cargo.toml.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { main, output, Problem, root, run } from "./lib/process.mjs";

await main(async () => {
  const [, version] = readFileSync(join(root, "Cargo.toml"), "utf8").match(/^rust-version = "(.+)"$/m);
  if (output("cargo", [`+${version}`, "--version"], process.env) === undefined) {
    throw new Problem(`Rust ${version} is missing. Install it: rustup toolchain install ${version} --profile minimal`);
  }
  // A separate target folder, so that neither compiler invalidates the other's build.
  const env = { ...process.env, CARGO_TARGET_DIR: join(root, "target", "msrv") };
  await run("cargo", [`+${version}`, "check", "--locked", "--all-targets"], { env });
});

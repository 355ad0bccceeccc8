// Set-up: installs what is missing, and returns the environment variables for all other commands.

import { join } from "node:path";
import { bin, packages } from "./packages.mjs";
import { root, withPath } from "./process.mjs";
import { toolchain } from "./toolchain.mjs";
import { tools } from "./tools.mjs";

export async function environment() {
  await packages();
  await toolchain(process.env);
  const env = withPath(await tools(process.env), bin);
  return {
    ...env,
    // Otherwise worker-build downloads its own, at versions that no lock file pins.
    WASM_BINDGEN_BIN: "wasm-bindgen",
    WASM_OPT_BIN: join(root, "scripts", "wasm-opt.mjs"),
    ESBUILD_BIN: join(bin, "esbuild"),
    // A name, not a path: cargo splits this variable at spaces, and a path may contain one.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: "wasm-bindgen-test-runner",
  };
}

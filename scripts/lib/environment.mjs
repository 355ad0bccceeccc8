// Set-up: installs what is missing and gives the environment in which everything else runs.

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
    // Without these worker-build downloads its own, at versions no lock file names.
    WASM_BINDGEN_BIN: "wasm-bindgen",
    WASM_OPT_BIN: join(root, "scripts", "wasm-opt.mjs"),
    ESBUILD_BIN: join(bin, "esbuild"),
    // By name: cargo splits this variable at spaces, and a folder's name may have one.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: "wasm-bindgen-test-runner",
  };
}

// The release Worker, made by worker-build.
//
// It is compiled with panic=unwind, standard library included, so that a panic fails the one request that met it. The
// default, abort, ends the whole instance: every other request in flight would wait for it in vain. worker-build has an
// option for this that asks for a nightly compiler; these settings do the same with the one that is there.

import { run } from "./process.mjs";

const flags = [
  "-Cpanic=unwind",
  // A hit takes as long as with the default, 225, and the upload is a fourteenth smaller.
  "-Cllvm-args=-inline-threshold=25",
  // The compact SHA-256 is a tenth of the unrolled one, and hashes a hundred bytes at a time here.
  '--cfg sha2_backend_soft="compact"',
];

/** The environment in which cargo compiles for WebAssembly as worker-build does for the release Worker. */
export function releaseEnvironment(env) {
  return {
    ...env,
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: flags.join(" "),
    CARGO_UNSTABLE_BUILD_STD: "std,panic_unwind",
    CARGO_UNSTABLE_BUILD_STD_FEATURES: "panic-unwind,optimize_for_size",
    RUSTC_BOOTSTRAP: "1",
  };
}

export async function buildWorker(args, env) {
  await run("worker-build", ["--release", ...args], { env: releaseEnvironment(env) });
}

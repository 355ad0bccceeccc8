// The Rust toolchain: a cargo whose rustc can compile for the Worker's target.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, installed, output, Problem, run } from "./process.mjs";

export const target = "wasm32-unknown-unknown";

/** A firewall may make a download hang instead of fail. */
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Ensures that `cargo` can build for the host and for the Worker; installs what rustup can install. */
export async function toolchain(env) {
  if (!output("cargo", ["--version"], env)) {
    throw new Problem("cargo is missing. Install Rust from https://rustup.rs.");
  }
  if (!installed("cc", env)) {
    throw new Problem("A C compiler is missing: Rust links with cc. On Debian: apt-get install gcc libc6-dev");
  }
  if (!compiles(env) && !(await addTarget(env))) {
    throw new Problem(`Rust's ${target} target is missing. Install it: rustup target add ${target}`);
  }
  await addLibrarySource(env);
}

/** Adds the Worker's target with rustup, and returns whether the compiler can use it now. */
export async function addTarget(env) {
  if (!installed("rustup", env)) return false;
  console.error(`Adding the Rust target ${target}.`);
  await attempt(() => run("rustup", ["target", "add", target], { env, timeout: DOWNLOAD_TIMEOUT_MS }));
  return compiles(env);
}

/** Adds the source of the standard library, which the Worker's build compiles. */
async function addLibrarySource(env) {
  const exists = () => existsSync(join(output("rustc", ["--print", "sysroot"], env), "lib/rustlib/src/rust/library"));
  if (exists()) return;
  if (installed("rustup", env)) {
    console.log("Adding the source of Rust's standard library.");
    await attempt(() => run("rustup", ["component", "add", "rust-src"], { env, timeout: DOWNLOAD_TIMEOUT_MS }));
    if (exists()) return;
  }
  throw new Problem("The source of Rust's standard library is missing. Install it: rustup component add rust-src");
}

/** Compiles an empty library: an installed target may belong to another compiler version, or lack a linker. */
export function compiles(env) {
  const folder = mkdtempSync(join(tmpdir(), "rust-target-"));
  try {
    const linker = env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER;
    const args = ["--target", target, "--crate-type", "cdylib", "--out-dir", folder, ...(linker ? [`-Clinker=${linker}`] : []), "-"];
    return output("rustc", args, env) !== undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

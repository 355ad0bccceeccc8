// The Rust toolchain: a cargo whose rustc can compile for the Worker's target.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as debian from "./debian.mjs";
import { attempt, installed, output, Problem, run } from "./process.mjs";

const target = "wasm32-unknown-unknown";

/** The environment in which `cargo` builds for the host and for the Worker. */
export async function toolchain(env) {
  const found = await withTarget(env);
  await librarySource(found);
  return found;
}

async function withTarget(env) {
  if (!output("cargo", ["--version"], env)) {
    throw new Problem("cargo is missing: install Rust from https://rustup.rs.");
  }
  if (!installed("cc", env)) {
    throw new Problem("A C compiler is missing: Rust links with cc (on Debian: apt-get install gcc libc6-dev).");
  }
  const debianEnv = debian.environment(env);
  if (compiles(env)) return env;
  if (debian.installed() && compiles(debianEnv)) return debianEnv;

  console.log(`Adding the Rust target ${target}.`);
  if (installed("rustup", env)) {
    // Behind a firewall a download may hang instead of failing.
    await attempt(() => run("rustup", ["target", "add", target], { env, timeout: 120_000 }));
    if (compiles(env)) return env;
  }
  if (debian.available()) {
    await attempt(() => debian.install(debianEnv));
    if (compiles(debianEnv)) return debianEnv;
  }
  throw new Problem(`Rust's ${target} target is missing: get it with "rustup target add ${target}".`);
}

/** The source of the standard library, which the Worker is built with. */
async function librarySource(env) {
  const there = () => existsSync(join(output("rustc", ["--print", "sysroot"], env), "lib/rustlib/src/rust/library"));
  if (there()) return;
  if (installed("rustup", env)) {
    console.log("Adding the source of Rust's standard library.");
    await attempt(() => run("rustup", ["component", "add", "rust-src"], { env, timeout: 120_000 }));
    if (there()) return;
  }
  throw new Problem('The source of Rust\'s standard library is missing: get it with "rustup component add rust-src".');
}

/** Asks the compiler itself: a folder may be there and hold another version's libraries, or no linker. */
function compiles(env) {
  const folder = mkdtempSync(join(tmpdir(), "rust-target-"));
  try {
    const linker = env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER;
    const args = ["--target", target, "--crate-type", "cdylib", "--out-dir", folder, ...(linker ? [`-Clinker=${linker}`] : []), "-"];
    return output("rustc", args, env) !== undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

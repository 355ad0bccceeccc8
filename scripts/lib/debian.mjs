// Rust from Debian's packages, for machines that reach Debian's servers but not Rust's.
//
// Debian packages a recent compiler (for building web browsers) with its source, but no wasm32 standard library.
// This builds that library from the packaged source, once for each compiler version.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed as onPath, output, run, withPath } from "./process.mjs";

const target = "wasm32-unknown-unknown";
const linker = "/usr/bin/wasm-ld-22";
const packages = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "rustfmt-web", "lld-22"];

export const installed = () => existsSync("/usr/bin/cargo") && existsSync(linker);

export function available() {
  return onPath("apt-get", process.env) && sudo() !== undefined;
}

export function environment(env) {
  return { ...withPath(env, "/usr/bin"), CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker };
}

export async function install(env) {
  console.log("Installing Rust from Debian's packages.");
  const apt = (...args) => asRoot("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args);
  await apt("update");
  await apt("install", "-y", "--no-install-recommends", ...packages);
  await installStd(env);
}

async function installStd(env) {
  console.log(`Building the standard library for ${target}.`);
  const folder = mkdtempSync(join(tmpdir(), "rust-std-"));
  try {
    writeFileSync(join(folder, "Cargo.toml"), '[package]\nname = "empty"\n\n[lib]\npath = "empty.rs"\n');
    writeFileSync(join(folder, "empty.rs"), "");
    const std = "-Zbuild-std=std,panic_abort,proc_macro,test";
    await run(
      "cargo",
      ["build", "--quiet", "--release", std, "--target", target, "--target-dir", "target"],
      // Without bitcode the libraries cannot take part in link-time optimisation.
      { cwd: folder, env: { ...env, RUSTC_BOOTSTRAP: "1", RUSTFLAGS: "-Cembed-bitcode=yes" } },
    );
    const built = join(folder, "target", target, "release", "deps");
    const libraries = readdirSync(built).filter((name) => name.endsWith(".rlib") && !name.startsWith("libempty-"));
    const home = output("rustc", ["--print", "target-libdir", "--target", target], env);
    await place(libraries.map((name) => join(built, name)), home);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Puts the libraries in place whole, so that an interruption leaves no half of them. */
async function place(libraries, folder) {
  const partial = `${folder}.partial`;
  await asRoot("rm", "-rf", partial, folder);
  await asRoot("mkdir", "-p", partial);
  await asRoot("cp", ...libraries, partial);
  await asRoot("mv", partial, folder);
}

/** How to act as root without a question: nothing as root, sudo where it asks no password. */
function sudo() {
  if (process.getuid() === 0) return [];
  return output("sudo", ["-n", "true"], process.env) === undefined ? undefined : ["sudo", "-n"];
}

async function asRoot(...command) {
  const [first, ...rest] = [...sudo(), ...command];
  await run(first, rest);
}

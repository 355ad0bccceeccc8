// Installs Rust from Debian's packages if the WebAssembly target cannot be installed with rustup, for example because
// a firewall blocks Rust's servers. Prints the shell commands that select the compiler: eval "$(node .ci/debian.mjs)"
//
// Debian packages a recent compiler, for building web browsers, with its source but without a wasm32 standard library.
// This builds the library from that source, once per compiler version.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed, main, output, root, run, withPath } from "../scripts/lib/process.mjs";
import { addTarget, compiles, target } from "../scripts/lib/toolchain.mjs";

const linker = "/usr/bin/wasm-ld-22";
/** Links to the installed programs. /usr/bin itself may not come first on the path: it may have another Node. */
const bin = join(root, "target", "debian-rust");
const programs = ["cargo", "rustc", "rustdoc", "cargo-clippy", "clippy-driver", "cargo-fmt", "rustfmt"];
const packages = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "rustfmt-web", "lld-22"];

await main(async () => {
  if (compiles(process.env)) return;
  const env = { ...withPath(process.env, bin), CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker };
  link();
  if (!(isInstalled() && compiles(env))) {
    if (await addTarget(process.env)) return;
    // scripts/lib/toolchain.mjs reports what is missing.
    if (!installed("apt-get", process.env) || sudo() === undefined) return;
    await install(env);
  }
  console.log(`export PATH="${bin}:$PATH" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=${linker}`);
});

function isInstalled() {
  return existsSync("/usr/bin/cargo") && existsSync(linker);
}

function link() {
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  for (const program of programs) symlinkSync(join("/usr/bin", program), join(bin, program));
}

async function install(env) {
  console.error("Installing Rust from Debian's packages.");
  const apt = (...args) => asRoot("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args);
  await apt("update");
  await apt("install", "-y", "--no-install-recommends", ...packages);
  await installStd(env);
}

async function installStd(env) {
  console.error(`Building the standard library for ${target}.`);
  const folder = mkdtempSync(join(tmpdir(), "rust-std-"));
  try {
    writeFileSync(join(folder, "Cargo.toml"), '[package]\nname = "empty"\n\n[lib]\npath = "empty.rs"\n');
    writeFileSync(join(folder, "empty.rs"), "");
    const std = "-Zbuild-std=std,panic_abort,proc_macro,test";
    await runToStderr(
      "cargo",
      ["build", "--quiet", "--release", std, "--target", target, "--target-dir", "target"],
      // Link-time optimization needs bitcode in the libraries.
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

/** Copies the libraries, then renames the folder: an interruption leaves no incomplete set. */
async function place(libraries, folder) {
  const partial = `${folder}.partial`;
  await asRoot("rm", "-rf", partial, folder);
  await asRoot("mkdir", "-p", partial);
  await asRoot("cp", ...libraries, partial);
  await asRoot("mv", partial, folder);
}

/** The command prefix that runs as root without a password: empty for root itself, `undefined` if there is none. */
function sudo() {
  if (process.getuid() === 0) return [];
  return output("sudo", ["-n", "true"], process.env) === undefined ? undefined : ["sudo", "-n"];
}

async function asRoot(...command) {
  const [first, ...rest] = [...sudo(), ...command];
  await runToStderr(first, rest);
}

/** Sends a command's output to stderr: the caller evaluates what this script prints to stdout. */
function runToStderr(command, args, options) {
  return run(command, args, { stdio: ["ignore", 2, 2], ...options });
}

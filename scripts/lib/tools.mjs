// Tools from crates.io: the build tools, at the versions that Cargo.lock requires, the fuzzer and the auditor.
//
// They are in a per-user cache, with one folder per tool and version, which all clones share.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { output, Problem, root, run, withPath } from "./process.mjs";

const cache =
  process.env.OPTIMIZED_METADATA_TOOLS ||
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "optimized-metadata");

/** Returns the environment with the build tools on its path. */
export async function tools(env) {
  // wasm-bindgen rejects modules for other versions. worker-build is released together with `worker`.
  return withTools(env, [
    { name: "wasm-bindgen-cli", version: locked("wasm-bindgen") },
    { name: "worker-build", version: locked("worker") },
  ]);
}

/** Returns the environment with cargo-fuzz on its path. */
export function fuzzer(env) {
  return withTools(env, [{ name: "cargo-fuzz", version: "0.13.2" }]);
}

/** Returns the environment with cargo-deny on its path. */
export function auditor(env) {
  return withTools(env, [{ name: "cargo-deny", version: "0.20.2" }]);
}

async function withTools(env, tools) {
  const wanted = tools.map((tool) => ({ ...tool, folder: join(cache, `${tool.name}-${tool.version}`) }));
  const missing = wanted.filter(({ folder }) => !existsSync(folder));
  if (missing.length > 0) await install(missing, env);
  return withPath(env, ...wanted.map(({ folder }) => join(folder, "bin")));
}

async function install(missing, env) {
  const openssl = process.platform !== "linux" || env.OPENSSL_DIR || findsOpenssl(env);
  if (!openssl) {
    throw new Problem("OpenSSL's headers or pkg-config are missing. On Debian: apt-get install libssl-dev pkg-config");
  }
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, "installing-"));
  try {
    for (const { name, version, folder } of missing) {
      console.log(`Installing ${name} ${version} in the per-user cache.`);
      const staged = join(scratch, name);
      await run("cargo", ["install", name, `--version==${version}`, "--locked", "--root", staged], {
        cwd: scratch,
        env: {
          ...withPath(env, join(staged, "bin")),
          CARGO_TARGET_DIR: join(scratch, "target"),
          // They run for a second per build, so fast compilation matters more than fast code.
          CARGO_PROFILE_RELEASE_OPT_LEVEL: "0",
          CARGO_PROFILE_RELEASE_DEBUG: "0",
        },
      });
      publish(staged, folder);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const findsOpenssl = (env) => output("pkg-config", ["--exists", "openssl"], env) !== undefined;

/** Moves a tool into the cache. A rename is atomic: a crash leaves no broken tool, and another clone may win the race. */
function publish(staged, folder) {
  try {
    renameSync(staged, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

function locked(crate) {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = lock.match(new RegExp(`^name = "${crate}"\nversion = "(.+)"$`, "m"))?.[1];
  if (!version) throw new Problem(`Cargo.lock does not contain ${crate}.`);
  return version;
}

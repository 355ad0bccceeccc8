// Validates the settings in wrangler.toml, for all environments, with the Worker's own code, and calculates what follows from them.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { Problem, root } from "./process.mjs";

/** Throws a `Problem` that names every setting that the Worker would reject. */
export function checkSettings(env, toml = manifest()) {
  check(env, toml);
}

/**
 * Returns for how long old metadata can be returned after a purge, as `{ where, seconds, rows }` for the top level and for each
 * environment. Throws as `checkSettings` does.
 */
export function purgeBounds(env, toml = manifest()) {
  return JSON.parse(check(env, toml, "--purge-bound"));
}

const manifest = () => readFileSync(join(root, "wrangler.toml"), "utf8");

function check(env, toml, ...flags) {
  const args = ["run", "--quiet", "--locked", "--bin", "check_settings", "--", ...flags];
  const { status, stdout, stderr, error } = spawnSync("cargo", args, { cwd: root, env, input: JSON.stringify(parts(toml)), encoding: "utf8" });
  if (error || status !== 0) throw new Problem(`wrangler.toml is invalid.\n${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Returns the settings and the bucket and service bindings of the top level and of each environment. Environments do not inherit them. */
function parts(toml) {
  const { env = {}, ...top } = configuration(toml);
  const named = [["[vars.metadata]", top], ...Object.entries(env).map(([name, part]) => [`[env.${name}.vars.metadata]`, part])];
  return (
    named
      // With keep_vars, missing settings may be set in the dashboard.
      .filter(([, part]) => part.vars?.metadata !== undefined || !top.keep_vars)
      .map(([where, { vars, r2_buckets = [], services = [], images }]) => ({
        where,
        settings: vars?.metadata ?? null,
        buckets: r2_buckets.map(({ binding }) => binding),
        services: services.map(({ binding }) => binding),
        images: images ? [images.binding] : [],
      }))
  );
}

function configuration(toml) {
  try {
    return parse(toml);
  } catch (error) {
    throw new Problem(`wrangler.toml is not valid TOML.\n${error.message}`);
  }
}

// Checks the settings of wrangler.toml, those of all environments, by the Worker's own rules.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { Problem, root } from "./process.mjs";

/** Throws a `Problem` that names each setting that the Worker would refuse. */
export function checkSettings(env, toml = readFileSync(join(root, "wrangler.toml"), "utf8")) {
  const args = ["run", "--quiet", "--locked", "--bin", "check_settings"];
  const { status, stderr, error } = spawnSync("cargo", args, { cwd: root, env, input: JSON.stringify(parts(toml)), encoding: "utf8" });
  if (error || status !== 0) throw new Problem(`wrangler.toml cannot be used.\n${error?.message ?? stderr.trim()}`);
}

/** The settings and bucket bindings of the file and of each environment, which inherits neither. */
function parts(toml) {
  const { env = {}, ...top } = configuration(toml);
  const named = [["[vars.metadata]", top], ...Object.entries(env).map(([name, part]) => [`[env.${name}.vars.metadata]`, part])];
  return (
    named
      // What is missing here may be set in the dashboard, if a deployment keeps that.
      .filter(([, part]) => part.vars?.metadata !== undefined || !top.keep_vars)
      .map(([where, { vars, r2_buckets = [] }]) => ({
        where,
        settings: vars?.metadata ?? null,
        buckets: r2_buckets.map(({ binding }) => binding),
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

import { createRequire } from "node:module";
import os from "node:os";
import { output } from "../scripts/lib/process.mjs";
import { version as wrk } from "./load.mjs";

const installed = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;

/** Describes the commit and the machine that produced the results. */
export function machine() {
  const git = (...args) => output("git", args, process.env);
  const changed = git("status", "--porcelain") ? ", with changes" : "";
  return {
    commit: `${git("rev-parse", "--short", "HEAD") ?? "unknown"}${changed}`,
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    workerd: installed("workerd"),
    wrangler: installed("wrangler"),
    wrk: wrk(),
  };
}

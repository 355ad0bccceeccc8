// Child processes, and the one way every script ends.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Something the reader can put right: it is shown as its one line, without a stack. */
export class Problem extends Error {}

/** The reader's own wish to stop. */
class Stopped extends Error {}

export const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs a script's body and turns a `Problem` into its one line. */
export async function main(body) {
  try {
    if (Number.parseInt(process.versions.node) < 20) {
      throw new Problem(`Node ${process.versions.node} is too old: install Node 20 or later.`);
    }
    await body();
  } catch (error) {
    if (!(error instanceof Problem || error instanceof Stopped)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/** Runs a command in the foreground, in the project's folder unless told otherwise. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
  // With a handler installed, Node outlives the signal and callers get to clean up after the child.
  let stopped = false;
  const forward = (signal) => {
    stopped = true;
    child.kill(signal);
  };
  for (const signal of stopSignals) process.on(signal, forward);
  try {
    const [code, signal] = await once(child, "exit");
    if (stopped) throw new Stopped("Stopped.");
    if (code !== 0) throw new Problem(`Failed (${signal ?? code}): ${command} ${args.join(" ")}`);
  } finally {
    for (const signal of stopSignals) process.off(signal, forward);
  }
}

/** Runs what may fail, for the caller to look at what came of it. */
export async function attempt(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/** What a command prints, or `undefined` where it is missing or fails. */
export function output(command, args, env, input = "") {
  const result = spawnSync(command, args, { env, input, encoding: "utf8", cwd: root });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Whether a command is on the path. */
export function installed(command, env) {
  return env.PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The environment with these folders first on its path. */
export function withPath(env, ...folders) {
  return { ...env, PATH: [...folders, env.PATH].join(delimiter) };
}

// Child processes, and the main function of every script.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** An error that the user can fix. It is shown as one line, without a stack trace. */
export class Problem extends Error {}

/** Thrown after a signal has stopped a command. */
class Stopped extends Error {}

export const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs a script's body and prints a `Problem` as one line. */
export async function main(body) {
  try {
    if (Number.parseInt(process.versions.node) < 20) {
      throw new Problem(`Node ${process.versions.node} is too old. Install Node 20 or later.`);
    }
    await body();
  } catch (error) {
    if (!(error instanceof Problem || error instanceof Stopped)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/** Runs a command in the foreground, by default in the project's root folder. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
  // A handler keeps Node alive after the signal, so that callers can clean up.
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

/** Runs `body` and ignores a `Problem`. The caller checks the result. */
export async function attempt(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/** Returns a command's output, or `undefined` if it is not installed or fails. */
export function output(command, args, env, input = "") {
  const result = spawnSync(command, args, { env, input, encoding: "utf8", cwd: root });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Returns whether a command is on the path. */
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

/** Returns the environment with these folders first on its path. */
export function withPath(env, ...folders) {
  return { ...env, PATH: [...folders, env.PATH].join(delimiter) };
}

// Commands that run in the background until the script ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Problem, root, stopSignals } from "./process.mjs";

/** How long a command may take until it is ready. The first one may have to build the Worker. */
const START_TIMEOUT_MS = 900_000;

const children = new Set();

/** Starts a command, and resolves when it has printed a line that contains `ready`. */
export async function startInBackground(command, args, ready, options) {
  // A separate process group, so that signals also reach the children.
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], detached: true, ...options });
  children.add(child);
  const lines = [];
  const outcome = Promise.withResolvers();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (line) => {
      lines.push(line);
      if (line.includes(ready)) outcome.resolve();
    });
  }
  const failed = (why) => outcome.reject(new Problem(`${command} ${args.join(" ")} ${why}. It printed:\n${lines.slice(-30).join("\n")}`));
  child.once("error", (error) => failed(`did not start: ${error.message}`));
  child.once("exit", (code, signal) => {
    children.delete(child);
    failed(`has ended (${signal ?? code})`);
  });
  const timer = setTimeout(() => failed(`is not ready after ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
  await outcome.promise.finally(() => clearTimeout(timer));
}

/** Ends all commands and what they have started. Resolves when they have ended. */
export async function stopAll() {
  const ended = Promise.all([...children].map((child) => once(child, "exit")));
  terminateAll();
  await ended;
}

/** Not SIGKILL: a command has to end its own children, some of which are in other process groups. */
function terminate({ pid }) {
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It has ended already.
  }
}

const terminateAll = () => children.forEach(terminate);
for (const signal of stopSignals) process.on(signal, terminateAll);
process.on("exit", terminateAll);

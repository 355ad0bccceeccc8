import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import workerd from "workerd";
import { capnp } from "./config.mjs";
import { Chronicle, within } from "./gate.mjs";

/** One workerd process. Its sockets listen on free ports of the loopback interface. */
export class Workerd {
  #child;
  #directory;
  #exited;
  #lines = new Chronicle();
  #spawnedAt;
  ports = {};

  /** Starts workerd on a configuration (see config.mjs); resolves when all its sockets listen. */
  static async start(configuration) {
    const started = new Workerd();
    await started.#start(configuration);
    return started;
  }

  async #start(configuration) {
    this.#directory = mkdtempSync(path.join(os.tmpdir(), "workerd-"));
    const file = path.join(this.#directory, "config.capnp");
    writeFileSync(file, capnp(configuration));
    const flags = configuration.experimental ? ["--experimental"] : [];
    this.#spawnedAt = performance.now();
    // The import path makes absolute `embed`s resolve.
    this.#child = spawn(workerd.default, ["serve", "--import-path=/", "--control-fd=3", ...flags, file, "config"], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    living.add(this);
    this.#exited = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      readline.createInterface(stream).on("line", (line) => this.#lines.add(parseLine(line)));
    }
    const names = configuration.sockets.map((socket) => socket.name);
    await within(Promise.race([this.#listening(names), this.#died()]), () => `workerd listening; it said:\n${this.transcript()}`, 30_000);
  }

  async #listening(names) {
    for await (const line of readline.createInterface(this.#child.stdio[3])) {
      const message = JSON.parse(line);
      if (message.event === "listen") this.ports[message.socket] = message.port;
      if (names.every((name) => name in this.ports)) return;
    }
    await this.#died();
  }

  async #died() {
    await this.#exited;
    throw new Error(`workerd exited early:\n${this.transcript()}`);
  }

  /** Console lines that are JSON objects, parsed. Output travels through pipes: wait with `logged`, or count after `stop`. */
  get log() {
    return this.#lines.items.filter((line) => line.entry).map((line) => line.entry);
  }

  /** All that workerd and the Worker wrote. */
  transcript() {
    return this.#lines.items.map((line) => line.text).join("\n");
  }

  /** Resolves with the first log entry whose fields include those of `fields`. */
  async logged(fields) {
    const wanted = Object.entries(fields);
    const line = await this.#lines.when(
      ({ entry }) => entry && wanted.every(([key, value]) => entry[key] === value),
      () => `a log entry ${JSON.stringify(fields)} among\n${this.transcript()}`,
    );
    return line.entry;
  }

  /** Resident memory of the process, in bytes. */
  memory() {
    const { pid } = this.#child;
    if (process.platform !== "linux") return Number(execFileSync("ps", ["-o", "rss=", "-p", pid])) * 1024;
    return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;
  }

  /** Processor time the process has taken, user and system together, in seconds. */
  cpu() {
    const { pid } = this.#child;
    if (process.platform !== "linux") return secondsOf(execFileSync("ps", ["-o", "time=", "-p", pid], { encoding: "utf8" }));
    // The second field, the name in parentheses, may itself have spaces. A tick is a hundredth of a second.
    const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / 100;
  }

  /** How long ago the process was spawned, in milliseconds. */
  age() {
    return performance.now() - this.#spawnedAt;
  }

  /** Ends the process; all it wrote has been read afterwards. */
  async stop() {
    this.kill();
    await this.#exited;
    living.delete(this);
  }

  kill() {
    this.#child.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const living = new Set();
// Where a test runner gives up on a file, its `after` hooks do not run.
process.on("exit", () => living.forEach((workerd) => workerd.kill()));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** `1:02:03` or `2:03.45`, as ps writes a time. */
function secondsOf(time) {
  return time.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** With structured logging each line is `{ timestamp, level, message }`; the Worker's messages are JSON themselves. */
function parseLine(line) {
  const text = parse(line)?.message ?? line;
  const entry = parse(text);
  return { text, entry: entry !== null && typeof entry === "object" ? entry : undefined };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import workerd from "workerd";
import { capnp } from "./config.mjs";
import { EventLog, within } from "./gate.mjs";

/** One workerd process. Its sockets listen on free ports of the loopback interface. */
export class Workerd {
  #child;
  #directory;
  #exited;
  #lines = new EventLog();
  #spawnedAt;
  ports = {};

  /** Starts workerd with a configuration (see config.mjs); resolves once all its sockets listen. */
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
    // The import path lets absolute `embed` paths resolve.
    this.#child = spawn(workerd.default, ["serve", "--import-path=/", "--control-fd=3", ...flags, file, "config"], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    running.add(this);
    this.#exited = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      readline.createInterface(stream).on("line", (line) => this.#lines.add(parseLine(line)));
    }
    const names = configuration.sockets.map((socket) => socket.name);
    await within(Promise.race([this.#listening(names), this.#exitedEarly()]), () => `workerd to listen; its output:\n${this.transcript()}`, 30_000);
  }

  async #listening(names) {
    for await (const line of readline.createInterface(this.#child.stdio[3])) {
      const message = JSON.parse(line);
      if (message.event === "listen") this.ports[message.socket] = message.port;
      if (names.every((name) => name in this.ports)) return;
    }
    await this.#exitedEarly();
  }

  async #exitedEarly() {
    await this.#exited;
    throw new Error(`workerd exited early:\n${this.transcript()}`);
  }

  /** The console lines that are JSON objects, parsed. Output arrives through pipes: wait with `logged`, or count after `stop`. */
  get log() {
    return this.#lines.items.filter((line) => line.entry).map((line) => line.entry);
  }

  /** The whole output of workerd and the Worker. */
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

  /** Resolves with the first line of output that matches, past or future: output arrives through pipes. */
  printed(pattern) {
    return this.#lines.when(
      ({ text }) => pattern.test(text),
      () => `a line ${pattern} among\n${this.transcript()}`,
    );
  }

  /** Resident memory of the process, in bytes. */
  memory() {
    const { pid } = this.#child;
    if (process.platform !== "linux") return Number(execFileSync("ps", ["-o", "rss=", "-p", pid])) * 1024;
    return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;
  }

  /** CPU time of the process, user and system, in seconds. */
  cpu() {
    const { pid } = this.#child;
    if (process.platform !== "linux") return secondsOf(execFileSync("ps", ["-o", "time=", "-p", pid], { encoding: "utf8" }));
    // The second field, the name in parentheses, may contain spaces. A tick is a hundredth of a second.
    const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / 100;
  }

  /** Milliseconds since the process was spawned. */
  age() {
    return performance.now() - this.#spawnedAt;
  }

  /** Kills the process; resolves once all its output has been read. */
  async stop() {
    this.kill();
    await this.#exited;
    running.delete(this);
  }

  kill() {
    this.#child.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const running = new Set();
// If the test runner gives up on a file, the file's `after` hooks do not run.
process.on("exit", () => running.forEach((workerd) => workerd.kill()));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Parses a time of ps, such as `1:02:03` or `2:03.45`, into seconds. */
function secondsOf(time) {
  return time.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** With structured logging each line is `{ timestamp, level, message }`, where the Worker's messages are JSON too. */
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

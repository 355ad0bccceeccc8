// The state file: which paths are done, so that an interrupted run can be resumed.
//
// Its first line names the run, and each further line is a batch of finished paths with the totals up to it. Lines are only
// appended, so a process that is killed loses at most the line it was writing.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Problem } from "../process.mjs";
import { AppendedFile, remove, sizeOf } from "./appended-file.mjs";
import { BYTES } from "./fingerprints.mjs";

const KIND = "optimized-metadata warm-state 1";

export class State {
  #file;
  #path;

  /**
   * Opens the state of a run at `path`, called `name` in messages. `run` has what must not change when it is resumed. Adds the
   * finished paths to `fingerprints`. Resolves with the state and the last totals, `undefined` for a new run.
   */
  static async open(path, name, run, fingerprints) {
    const state = new State();
    state.#path = path;
    const header = `${JSON.stringify({ kind: KIND, ...run })}\n`;
    const { length, totals } = await read(path, name, run, fingerprints);
    state.#file = await AppendedFile.open(path, name, length);
    if (length === 0) await state.#file.append(header);
    return { state, totals };
  }

  /** Saves that the paths of these fingerprints are done, with the totals up to and including them. */
  async append(done, totals) {
    await this.#file.append(`${JSON.stringify({ ...totals, done: Buffer.concat(done).toString("base64") })}\n`);
  }

  async close() {
    await this.#file.close();
  }

  /** Deletes the file, after a run that is complete. */
  async remove() {
    await this.close();
    await remove(this.#path);
  }
}

/** Reads a state file; returns the length of its whole lines, and the totals of the last one. */
async function read(path, name, run, fingerprints) {
  const size = await sizeOf(path);
  if (size === 0) return { length: 0 };
  let length = 0;
  let totals;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const line of lines) {
    const value = json(line);
    const end = length + Buffer.byteLength(line) + 1;
    if (length === 0) checkRun(value, name, run);
    // The process was killed while it wrote this line.
    else if (end > size || !value) break;
    else totals = restore(value, fingerprints);
    length = end;
  }
  return { length, totals };
}

function checkRun(value, name, run) {
  if (value?.kind !== KIND) throw new Problem(`${name} is not a state file. Delete it, or pass another file with --state.`);
  const other = Object.keys(run).find((key) => value[key] !== run[key]);
  if (!other) return;
  const saved = other === "host" ? value.host : value[other] ? `--${other} ${value[other]}` : `no --${other}`;
  throw new Problem(`${name} is of an interrupted run with ${saved}. Resume that run, or delete ${name} to start anew.`);
}

function restore({ done, ...totals }, fingerprints) {
  const bytes = Buffer.from(done, "base64");
  for (let start = 0; start + BYTES <= bytes.length; start += BYTES) fingerprints.add(bytes.subarray(start, start + BYTES));
  return totals;
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

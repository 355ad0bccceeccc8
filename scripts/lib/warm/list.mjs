// The list of paths, read as a stream.

import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Problem } from "../process.mjs";

/** No path of the service is as long, so a longer line means that the file is not a list of paths. */
const MAX_LINE_BYTES = 8192;
const LF = 0x0a;
const BOM = Buffer.from("\ufeff");

/** A list of paths in a file or a stream. It holds no more of it in memory than one chunk. */
export class List {
  #stream;
  #name;
  /** Size in bytes; `undefined` for a stream. */
  size;
  /** Bytes read so far, up to the end of the last path. */
  position = 0;

  constructor(stream, name, size) {
    this.#stream = stream;
    this.#name = name;
    this.size = size;
  }

  /** Opens a file, called `name` in messages. */
  static async open(file, name) {
    const info = await stat(file).catch((error) => {
      throw new Problem(error.code === "ENOENT" ? `There is no file ${name}.` : `Cannot read ${name}: ${error.message}.`);
    });
    if (info.isDirectory()) throw new Problem(`${name} is a folder. Pass a file with one path per line.`);
    const stream = createReadStream(file);
    await once(stream, "open").catch((error) => {
      throw new Problem(`Cannot read ${name}: ${error.message}.`);
    });
    // A pipe (`<(…)`) has no size.
    return new List(stream, name, info.isFile() ? info.size : undefined);
  }

  close() {
    this.#stream.destroy();
  }

  /** Yields the path of each line that has one. */
  async *paths() {
    let number = 0;
    for await (const line of this.#lines()) {
      number++;
      this.position += line.length + 1;
      if (line.length > MAX_LINE_BYTES) throw this.#problem(number, `is longer than ${MAX_LINE_BYTES} bytes`);
      if (!isUtf8(line)) throw this.#problem(number, "is not UTF-8");
      const path = pathOf(line.toString());
      if (path !== undefined) yield path;
    }
  }

  async *#lines() {
    let rest = Buffer.alloc(0);
    let first = true;
    for await (const chunk of this.#stream) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      if (first && rest.length >= BOM.length) {
        if (rest.subarray(0, BOM.length).equals(BOM)) rest = rest.subarray(BOM.length);
        first = false;
      }
      let start = 0;
      for (let end; (end = rest.indexOf(LF, start)) >= 0; start = end + 1) yield rest.subarray(start, end);
      rest = rest.subarray(start);
      // Without this, a file without line breaks would be read into memory.
      if (rest.length > MAX_LINE_BYTES) break;
    }
    if (rest.length > 0) yield rest;
  }

  #problem(number, what) {
    return new Problem(`Line ${number} of ${this.#name} ${what}. The list is a UTF-8 text file with one path per line.`);
  }
}

/** Returns a line's path. A tab ends it, so that a file of failed paths is a list too; no path has a tab. */
function pathOf(line) {
  const path = line.replace(/\r$/, "").split("\t", 1)[0];
  return line.startsWith("#") || path.trim() === "" ? undefined : path;
}

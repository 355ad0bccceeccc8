// A file that is only appended to, and cut back to a known length after an interruption.

import { open, rm, stat } from "node:fs/promises";
import { Problem } from "../process.mjs";

export class AppendedFile {
  #handle;
  #name;
  length = 0;

  /** Opens `file`, called `name` in messages, and cuts it to `length` bytes: what follows was written after the last saved state. */
  static async open(file, name, length) {
    const opened = new AppendedFile();
    opened.#name = name;
    await opened.#try(async () => {
      const size = length > 0 ? await sizeOf(file) : 0;
      if (size < length) throw new Problem(`${name} has changed since the run was interrupted. Delete the state file to start anew.`);
      opened.#handle = await open(file, length > 0 ? "r+" : "w");
      await opened.#handle.truncate(length);
    });
    opened.length = length;
    return opened;
  }

  async append(text) {
    if (text === "") return;
    const bytes = Buffer.from(text);
    await this.#try(async () => {
      // One write may be partial, for example if the disk is full.
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, this.length + written);
        written += bytesWritten;
      }
    });
    this.length += bytes.length;
  }

  async close() {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #try(body) {
    try {
      return await body();
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem(`Cannot write ${this.#name}: ${error.message}.`);
    }
  }
}

/** Returns the size of a file, 0 if there is none. */
export async function sizeOf(file) {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error.code === "ENOENT") return 0;
    throw error;
  }
}

/** Deletes a file if it exists. */
export const remove = (file) => rm(file, { force: true });

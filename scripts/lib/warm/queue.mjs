// The paths that wait to be requested: those to try again, then the rest of the list.

import { fingerprint } from "./fingerprints.mjs";

/** The service accepts bodies of up to 262,144 bytes. */
const MAX_BODY_BYTES = 250_000;

/**
 * A queue of items `{ path, fingerprint, attempts, failures, largest }`: how often the path has been refused, how often its
 * whole batch has failed, and the largest batch that it may be part of.
 */
export class Queue {
  #list;
  #paths;
  #seen;
  #most;
  #ended = false;
  #waiting = [];
  /** Paths per batch. */
  size;
  /** Lines whose path was known already. */
  repeated = 0;

  /** `seen` has the fingerprints of the paths to skip. At most about `most` items wait for another attempt. */
  constructor(list, seen, { size, most }) {
    this.#list = list;
    this.#paths = list.paths();
    this.#seen = seen;
    this.#most = most;
    this.size = size;
  }

  /** Takes the next batch; it is empty if there is nothing to request at this time. */
  async take(now) {
    const batch = new Batch(this.size);
    this.#waiting = this.#waiting.filter((item) => item.due > now || !batch.add(item));
    // Otherwise a service that refuses everything would fill memory with the whole list.
    while (this.#waiting.length < this.#most && !batch.full) {
      const item = await this.#next();
      if (!item) break;
      if (!batch.add(item)) {
        this.#waiting.push(item);
        break;
      }
    }
    return batch.items;
  }

  /** Puts items back, to be taken at `due` or later. */
  retry(items, due) {
    for (const item of items) this.#waiting.push(Object.assign(item, { due }));
  }

  /** Lowers the number of paths per batch, after one of `count` was too large. */
  shrink(count) {
    this.size = Math.min(this.size, Math.max(1, Math.floor(count / 2)));
  }

  /** Closes the list. A `take` that waits for it then ends or fails. */
  close() {
    this.#list.close();
  }

  /** When the next item can be taken; `undefined` if none waits. */
  get due() {
    return this.#waiting.length > 0 ? this.#waiting.reduce((least, { due }) => Math.min(least, due), Infinity) : undefined;
  }

  async #next() {
    while (!this.#ended) {
      const { value: path, done } = await this.#paths.next();
      if (done) {
        this.#ended = true;
        break;
      }
      const print = fingerprint(path);
      if (this.#seen.add(print)) return { path, fingerprint: print, attempts: 0, failures: 0, largest: Infinity, due: 0 };
      this.repeated++;
    }
    return undefined;
  }
}

class Batch {
  #size;
  #bytes = 0;
  items = [];

  constructor(size) {
    this.#size = size;
  }

  get full() {
    return this.items.length >= this.#size;
  }

  /** Adds an item, unless the batch would be too large for it. */
  add(item) {
    const size = Math.min(this.#size, item.largest);
    const bytes = this.#bytes + Buffer.byteLength(JSON.stringify(item.path)) + 1;
    if (this.items.length >= size || (this.items.length > 0 && bytes > MAX_BODY_BYTES)) return false;
    this.#size = size;
    this.#bytes = bytes;
    this.items.push(item);
    return true;
  }
}

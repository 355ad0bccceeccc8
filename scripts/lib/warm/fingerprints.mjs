// A set of paths that keeps 8 bytes of each, for lists of millions of lines.

import { createHash } from "node:crypto";

/** The length of a fingerprint. In a list of ten million paths, two share one with a probability of 3 in a million. */
export const BYTES = 8;

export function fingerprint(path) {
  return createHash("sha256").update(path).digest().subarray(0, BYTES);
}

/** A hash table with open addressing. It takes 11 to 21 bytes for each fingerprint, half as much again while it grows. */
export class Fingerprints {
  #slots = new Uint32Array(2 * 1024);
  size = 0;

  /** Adds a fingerprint; returns whether it is new. */
  add(bytes) {
    if ((this.size + 1) * 2 * 4 > this.#slots.length * 3) this.#grow();
    // 0, 0 marks a free slot.
    const added = insert(this.#slots, bytes.readUInt32LE(0), bytes.readUInt32LE(4) || 1);
    if (added) this.size++;
    return added;
  }

  #grow() {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let n = 0; n < old.length; n += 2) if (old[n + 1] !== 0) insert(this.#slots, old[n], old[n + 1]);
  }
}

function insert(slots, low, high) {
  const mask = slots.length / 2 - 1;
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    if (slots[2 * slot + 1] === 0) {
      slots[2 * slot] = low;
      slots[2 * slot + 1] = high;
      return true;
    }
    if (slots[2 * slot] === low && slots[2 * slot + 1] === high) return false;
  }
}

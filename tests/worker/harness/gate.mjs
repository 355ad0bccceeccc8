/** How long a test waits for an event before it fails. A safety net, never a means of synchronisation. */
const PATIENCE_MS = 10_000;

/** `promise`, or a failure that names what did not happen. */
export async function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain: ${typeof what === "function" ? what() : what}`)), ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** A list that can be awaited: `when(found)` resolves with the first item, past or future, that satisfies `found`. */
export class Chronicle {
  #waiting = new Set();
  items = [];

  add(item) {
    this.items.push(item);
    this.changed();
    return item;
  }

  /** Looks again, for predicates over something that changed after it was added. */
  changed() {
    for (const look of [...this.#waiting]) look();
  }

  when(found, what, ms) {
    return this.#until(() => this.items.find(found), what, ms);
  }

  /** Resolves once `count` items satisfy `found`. */
  whenCount(count, found, what, ms) {
    const counted = () => this.items.filter(found).length;
    return this.#until(
      () => (counted() >= count ? count : undefined),
      () => `${what}: ${counted()} of ${count}`,
      ms,
    );
  }

  #until(result, what, ms) {
    const seen = new Promise((resolve) => {
      const look = () => {
        const found = result();
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
    return within(seen, what, ms);
  }
}

/** Holds all who `pass()` until the test opens it, and tells the test who has arrived. */
export class Gate {
  #arrivals = new Chronicle();
  #opened = Promise.withResolvers();

  async pass(who = true) {
    this.#arrivals.add(who);
    await this.#opened.promise;
  }

  open() {
    this.#opened.resolve();
  }

  /** Resolves once `count` callers have come to the gate. */
  arrived(count = 1) {
    return this.#arrivals.whenCount(count, () => true, "callers at the gate");
  }

  get arrivals() {
    return this.#arrivals.items.length;
  }
}

/** Holds all who `pass()` until the test lets them through, in the order in which they came. */
export class Turnstile {
  #arrivals = new Chronicle();
  #waiting = [];

  async pass(who = true) {
    const admitted = Promise.withResolvers();
    this.#waiting.push(admitted.resolve);
    this.#arrivals.add(who);
    await admitted.promise;
  }

  admit(count = 1) {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  /** Resolves once `count` callers have come, admitted or not. */
  arrived(count = 1) {
    return this.#arrivals.whenCount(count, () => true, "callers at the turnstile");
  }

  get arrivals() {
    return this.#arrivals.items.length;
  }

  /** How many are held now. */
  get waiting() {
    return this.#waiting.length;
  }
}

/** How long a test waits for an event before it fails. A safety net, never used to synchronise. */
const TIMEOUT_MS = 10_000;

/** Resolves with `promise`, or rejects after `ms` with an error that says what did not happen. */
export async function within(promise, what, ms = TIMEOUT_MS) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out after ${ms} ms waiting for ${typeof what === "function" ? what() : what}`)), ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** A list of events to wait for: `when(matches)` resolves with the first item, past or future, that matches. */
export class EventLog {
  #waiting = new Set();
  items = [];

  add(item) {
    this.items.push(item);
    this.changed();
    return item;
  }

  /** Evaluates the waiting predicates again after an item has been modified. */
  changed() {
    for (const check of [...this.#waiting]) check();
  }

  when(matches, what, ms) {
    return this.#until(() => this.items.find(matches), what, ms);
  }

  /** Resolves once `count` items match. */
  whenCount(count, matches, what, ms) {
    const counted = () => this.items.filter(matches).length;
    return this.#until(
      () => (counted() >= count ? count : undefined),
      () => `${what}: ${counted()} of ${count}`,
      ms,
    );
  }

  #until(result, what, ms) {
    const matched = new Promise((resolve) => {
      const check = () => {
        const found = result();
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
    return within(matched, what, ms);
  }
}

/** Blocks every caller of `pass()` until the test opens it, and records the arrivals. */
export class Gate {
  #arrivals = new EventLog();
  #opened = Promise.withResolvers();

  async pass(caller = true) {
    this.#arrivals.add(caller);
    await this.#opened.promise;
  }

  open() {
    this.#opened.resolve();
  }

  /** Resolves once `count` callers have arrived. */
  arrived(count = 1) {
    return this.#arrivals.whenCount(count, () => true, "callers at the gate");
  }

  get arrivals() {
    return this.#arrivals.items.length;
  }
}

/** Blocks every caller of `pass()` until the test admits it, in the order of arrival. */
export class Turnstile {
  #arrivals = new EventLog();
  #waiting = [];

  async pass(caller = true) {
    const admitted = Promise.withResolvers();
    this.#waiting.push(admitted.resolve);
    this.#arrivals.add(caller);
    await admitted.promise;
  }

  admit(count = 1) {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  /** Resolves once `count` callers have arrived, admitted or not. */
  arrived(count = 1) {
    return this.#arrivals.whenCount(count, () => true, "callers at the turnstile");
  }

  get arrivals() {
    return this.#arrivals.items.length;
  }

  /** The number of callers that are blocked now. */
  get waiting() {
    return this.#waiting.length;
  }
}

// Ctrl-C and other signals that end a run.

import { stopSignals } from "../process.mjs";

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
/** npm passes the terminal's signal on, so one Ctrl-C arrives twice. */
const SECOND_AFTER_MS = 500;

/** Until `release`, signals do not end the process: `first` and `second` are aborted instead. */
export class Interruption {
  #first = new AbortController();
  #second = new AbortController();
  #at;
  #signal;
  #handle = (signal) => this.#interrupt(signal);

  constructor() {
    for (const signal of stopSignals) process.on(signal, this.#handle);
  }

  get first() {
    return this.#first.signal;
  }

  get second() {
    return this.#second.signal;
  }

  /** The exit code by convention; `undefined` without a signal. */
  get exitCode() {
    return this.#signal && 128 + NUMBERS[this.#signal];
  }

  release() {
    for (const signal of stopSignals) process.off(signal, this.#handle);
  }

  #interrupt(signal) {
    const now = performance.now();
    if (this.#signal && now - this.#at > SECOND_AFTER_MS) this.#second.abort();
    this.#signal ??= signal;
    this.#at ??= now;
    this.#first.abort();
  }
}

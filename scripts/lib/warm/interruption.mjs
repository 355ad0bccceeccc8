// Ctrl-C and other signals that end a run.

import { stopSignals } from "../process.mjs";
import { clock } from "./clock.mjs";

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
/** npm passes the terminal's signal on, so one Ctrl-C arrives twice. */
const SECOND_AFTER_MS = 500;

/** Until `release`, signals do not end the process: `first` and `second` are aborted instead. */
export class Interruption {
  #first = new AbortController();
  #second = new AbortController();
  #source;
  #now;
  #at;
  #signal;
  #handle = (signal) => this.#interrupt(signal);

  /** Tests replace the source of signals and the clock. */
  constructor(source = process, now = clock.now) {
    this.#source = source;
    this.#now = now;
    for (const signal of stopSignals) source.on(signal, this.#handle);
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
    for (const signal of stopSignals) this.#source.off(signal, this.#handle);
  }

  #interrupt(signal) {
    const now = this.#now();
    if (this.#signal && now - this.#at > SECOND_AFTER_MS) this.#second.abort();
    this.#signal ??= signal;
    this.#at ??= now;
    this.#first.abort();
  }
}

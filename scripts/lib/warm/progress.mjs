// The progress of a run: a bar on a terminal, and a line every ten seconds elsewhere.

const LINE_EVERY_MS = 10_000;
const BAR_EVERY_MS = 100;
const BAR_CELLS = 24;

export class Progress {
  #stream;
  #now;
  #list;
  #started;
  #resumed;
  #last;
  #results;
  #pausedUntil = 0;
  #reason;

  /** `stream` is where it is written; `list` has `position` and `size`; `resumed` paths were done before. */
  constructor({ stream, now, list, resumed }) {
    this.#stream = stream;
    this.#now = now;
    this.#list = list;
    this.#resumed = resumed;
    this.#started = now();
    this.#last = this.#started;
  }

  /** Shows the totals of `results`, unless it has just done so. */
  update(results) {
    this.#results = results;
    const now = this.#now();
    if (now - this.#last < (this.#stream.isTTY ? BAR_EVERY_MS : LINE_EVERY_MS)) return;
    this.#show(now);
  }

  /** Shows that the run pauses. */
  pause(reason, duration) {
    const now = this.#now();
    // The difference of two times may be a hair less or more than a second.
    const ms = Math.round(duration);
    this.#pausedUntil = now + ms;
    this.#reason = reason;
    if (this.#stream.isTTY) this.#show(now);
    else if (ms >= 1000) this.#stream.write(`Waiting ${Math.ceil(ms / 1000)} s: ${reason}.\n`);
  }

  /** Removes the bar, so that other output can follow. */
  end() {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }

  /** Seconds since the start. */
  get seconds() {
    return (this.#now() - this.#started) / 1000;
  }

  #show(now) {
    this.#last = now;
    const { found = 0, failed = 0 } = this.#results ?? {};
    const share = this.#list.size ? Math.min(1, this.#list.position / this.#list.size) : undefined;
    const rate = (found + failed - this.#resumed) / Math.max(this.seconds, 0.001);
    const parts = [
      share === undefined ? "" : `${Math.floor(share * 100)} %`.padStart(5),
      countPaths(found + failed),
      `${count(failed)} failed`,
      `${count(Math.round(rate))}/s`,
    ];
    const text = parts.filter(Boolean).join("  ");
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`);
      return;
    }
    const waiting = now < this.#pausedUntil ? `  waiting ${Math.ceil((this.#pausedUntil - now) / 1000)} s: ${this.#reason}` : "";
    // A line that wraps could not be redrawn.
    const line = `${bar(share)}${text}${waiting}`.slice(0, (this.#stream.columns || 80) - 1);
    this.#stream.write(`\r${line}\x1b[K`);
  }
}

export const count = (number) => number.toLocaleString("en-US");

export const countPaths = (number) => `${count(number)} ${number === 1 ? "path" : "paths"}`;

function bar(share) {
  if (share === undefined) return "";
  const full = Math.floor(share * BAR_CELLS);
  return `[${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}]`;
}

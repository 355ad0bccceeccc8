// A run: sends the batches, several at a time, and decides what becomes of each path.
//
// A path that is refused waits by itself. A request that is refused or fails as a whole, and a rate limit, pause the run: they
// concern every path. If a batch fails because of one of its paths, smaller batches find that path.

import { Problem } from "../process.mjs";
import { pauseMs } from "./backoff.mjs";
import { retryAfterMs } from "./service.mjs";

/** How often a batch fails before it is divided. */
const FAILURES_BEFORE_DIVISION = 3;
/** How long a stopped run waits for responses, so that their paths are not requested again. */
const GRACE_MS = 5000;

export class Warming {
  #service;
  #queue;
  #results;
  #progress;
  #clock;
  #parallel;
  #attempts;
  #random;
  #sending = new Set();
  #stopping = new AbortController();
  #aborting = new AbortController();
  #resumeAt = 0;
  /** Requests that fail together count as one failure: those that were sent since the same pause. */
  #pauses = 0;
  #failuresInARow = 0;
  #error;

  constructor({ service, queue, results, progress, clock, parallel, attempts, random }) {
    this.#service = service;
    this.#queue = queue;
    this.#results = results;
    this.#progress = progress;
    this.#clock = clock;
    this.#parallel = parallel;
    this.#attempts = attempts;
    this.#random = random;
  }

  /** Requests every path. Resolves with whether it got to the end: `stop` has not been called. Throws a `Problem` that ends the run. */
  async run() {
    try {
      await this.#sendAll();
    } catch (error) {
      // Reading the list fails if `stop` closes it.
      if (!this.#stopping.signal.aborted) this.#fail(error);
    }
    await Promise.all(this.#sending);
    // Ends the wait of `stop`.
    this.#aborting.abort();
    if (this.#error) throw this.#error;
    return !this.#stopping.signal.aborted;
  }

  /** Sends nothing more. Requests that are being answered have a few seconds; with `atOnce`, none. */
  stop(atOnce = false) {
    this.#stopping.abort();
    this.#queue.close();
    if (atOnce) this.#aborting.abort();
    else this.#clock.sleep(GRACE_MS, this.#aborting.signal).then(() => this.#aborting.abort());
  }

  async #sendAll() {
    while (!this.#stopping.signal.aborted) {
      const now = this.#clock.now();
      if (this.#sending.size >= this.#parallel) await Promise.race(this.#sending);
      else if (this.#resumeAt > now) await this.#wait(this.#resumeAt - now);
      else {
        const items = await this.#queue.take(now);
        if (this.#stopping.signal.aborted) break;
        // A pause may have begun while the list was read.
        if (this.#resumeAt > now) this.#queue.retry(items, 0);
        else if (items.length > 0) this.#start(items);
        else if (this.#queue.due === undefined && this.#sending.size === 0) break;
        else await this.#wait((this.#queue.due ?? Infinity) - now, this.#sending);
      }
    }
  }

  #start(items) {
    const sending = this.#send(items)
      .catch((error) => {
        if (!this.#aborting.signal.aborted) this.#fail(error);
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Waits for `ms`, one of `events` or `stop`, whichever is first. */
  async #wait(ms, events = []) {
    const waiting = new AbortController();
    const end = () => waiting.abort();
    this.#stopping.signal.addEventListener("abort", end);
    for (const event of events) event.then(end);
    await this.#clock.sleep(ms, waiting.signal);
    this.#stopping.signal.removeEventListener("abort", end);
  }

  async #send(items) {
    const pauses = this.#pauses;
    const paths = items.map(({ path }) => path);
    const { results, refused, tooLarge } = await this.#service.look(paths, this.#aborting.signal);
    if (refused) await this.#refuse(items, refused, pauses);
    else if (tooLarge) await this.#divide(items, tooLarge);
    else await this.#sort(items, results, pauses);
    this.#progress.update(this.#results);
  }

  /** Sorts the items of a batch: finished, or to try again. */
  async #sort(items, results, pauses) {
    const finished = [];
    const limited = [];
    let limitedMs;
    for (const [n, item] of items.entries()) {
      const { status, metadata, problem } = results[n];
      const afterMs = retryAfterMs(problem?.retryAfter);
      if (status === 200) finished.push({ ...item, metadata });
      else if (status === 429) {
        limited.push(item);
        limitedMs = Math.max(limitedMs ?? 0, afterMs ?? 0);
      } else if (problem.code === "subrequest-limit" && items.length > 1) {
        this.#queue.shrink(items.length);
        this.#queue.retry([item], this.#clock.now() + (afterMs ?? 0));
      } else if ((afterMs !== undefined || status === 503) && ++item.attempts < this.#attempts) {
        this.#queue.retry([item], this.#clock.now() + pauseMs(item.attempts, afterMs, this.#random));
      } else finished.push({ ...item, status, code: problem.code, detail: problem.detail });
    }
    if (limited.length < items.length) this.#failuresInARow = 0;
    this.#queue.retry(limited, 0);
    await this.#results.add(finished);
    if (limited.length > 0) {
      const { problem } = results.find(({ status }) => status === 429);
      this.#pause({ status: 429, ...problem, afterMs: limitedMs }, pauses);
    }
  }

  /** Handles a request that was refused or failed as a whole. */
  async #refuse(items, refused, pauses) {
    const { status, code, detail, afterMs } = refused;
    this.#pause(refused, pauses);
    // A service that names a time is at its limit, whatever the batch.
    if (afterMs === undefined) {
      for (const item of items) {
        item.failures++;
        if (item.failures >= FAILURES_BEFORE_DIVISION) item.largest = Math.ceil(items.length / 2);
      }
    }
    const [{ failures }] = items;
    if (items.length === 1 && failures >= this.#attempts) await this.#results.add([{ ...items[0], status, code, detail }]);
    else this.#queue.retry(items, 0);
  }

  async #divide(items, { status, code, detail }) {
    this.#queue.shrink(items.length);
    if (items.length === 1) await this.#results.add([{ ...items[0], status, code, detail }]);
    else this.#queue.retry(items, 0);
  }

  /** Pauses the run after a failure, or ends it if there were too many without a success in between. */
  #pause(refused, pauses) {
    const { afterMs, status, code, detail } = refused;
    const now = this.#clock.now();
    const repeated = pauses !== this.#pauses;
    if (!repeated) {
      this.#pauses++;
      this.#failuresInARow++;
    }
    const reason = [status || "", code].filter(Boolean).join(" ");
    if (this.#failuresInARow >= this.#attempts) {
      const attempts = this.#attempts === 1 ? "1 attempt" : `${this.#attempts} attempts in a row`;
      throw new Problem(`Gave up after ${attempts}: ${reason}${detail ? `: ${detail}` : "."}`);
    }
    if (repeated && afterMs === undefined) return;
    const resumeAt = now + pauseMs(Math.max(1, this.#failuresInARow), afterMs, this.#random);
    if (resumeAt <= this.#resumeAt) return;
    this.#resumeAt = resumeAt;
    this.#progress.pause(reason, resumeAt - now);
  }

  #fail(error) {
    this.#error ??= error;
    this.stop();
  }
}

/**
 * Wraps the Worker under test so that the test controls its clocks. It replaces `Date` and `performance.now` before the
 * Worker is loaded. The test sets the clock through a named entrypoint with its own socket, so that the Worker's routes do
 * not change. Timers still run on real time.
 */
export const clockSource = `
const RealDate = Date;
const realNow = RealDate.now, realTick = performance.now.bind(performance);
let offset = 0, frozen;
const now = () => frozen ?? realNow() + offset;

globalThis.Date = class extends RealDate {
  constructor(...args) { args.length ? super(...args) : super(now()); }
  static now() { return now(); }
};
performance.now = () => (frozen === undefined ? realTick() : 0);

export function set(state) {
  if ("offset" in state) offset = state.offset;
  if ("frozen" in state) frozen = state.frozen ?? undefined;
}
`;

/** The wrapper's main module around the entry module of the given name. */
export function clockWrapperSource(entry) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import { set } from "./test-clock.js";
import worker from "./${entry}";
export default worker;
export * from "./${entry}";
export class Clock extends WorkerEntrypoint {
  async fetch(request) {
    set(await request.json());
    return new Response();
  }
}
`;
}

/** The test's control of the Worker's clock, and of those of all isolates that share it. */
export class Clock {
  #clients = new Map();
  #state = {};

  /** Connects to a new isolate of `site`, whose clock takes over the state of the others. */
  async connect(site, client) {
    this.#clients.set(site, client);
    if (Object.keys(this.#state).length > 0) await this.#update({});
  }

  /** Disconnects from the isolate of `site`. */
  disconnect(site) {
    this.#clients.delete(site);
  }

  /** The Worker's current time, within the latency of a request. */
  now() {
    return this.#state.frozen ?? Date.now() + (this.#state.offset ?? 0);
  }

  advance(seconds) {
    const { offset = 0, frozen } = this.#state;
    return this.#update(frozen ? { frozen: frozen + seconds * 1000 } : { offset: offset + seconds * 1000 });
  }

  /** Stops the clock at `ms` until `thaw`. */
  freeze(ms = this.now()) {
    return this.#update({ frozen: ms });
  }

  thaw() {
    return this.#update({ frozen: null });
  }

  async #update(change) {
    Object.assign(this.#state, change);
    const body = JSON.stringify(this.#state);
    const answers = await Promise.all([...this.#clients.values()].map((client) => client.request("POST", "/", { body })));
    for (const { status } of answers) if (status !== 200) throw new Error(`a clock responded with ${status}`);
  }
}

/**
 * A Worker around the one under test whose clocks the test holds. It puts a `Date` and a `performance.now` of its own
 * in place before the Worker is loaded, and takes its orders at a named entrypoint with a socket of its own, so that
 * the Worker's routes stay as they are. Timers still run on real time.
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

export function set(order) {
  if ("offset" in order) offset = order.offset;
  if ("frozen" in order) frozen = order.frozen ?? undefined;
}
`;

/** The wrapper's main module, for an entry of the given module name. */
export function clockedSource(entry) {
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

/** The test's side: moves the Worker's clock. */
export class Clock {
  #client;
  #order = {};

  /** Holds the clock of a new isolate, which takes over what the one before was told. */
  async connect(client) {
    this.#client = client;
    if (Object.keys(this.#order).length > 0) await this.#tell({});
  }

  /** What the Worker reads now, within the latency of a request. */
  now() {
    return this.#order.frozen ?? Date.now() + (this.#order.offset ?? 0);
  }

  advance(seconds) {
    const { offset = 0, frozen } = this.#order;
    return this.#tell(frozen ? { frozen: frozen + seconds * 1000 } : { offset: offset + seconds * 1000 });
  }

  /** Stops the clock at `ms`; it reads the same until `thaw`. */
  freeze(ms = this.now()) {
    return this.#tell({ frozen: ms });
  }

  thaw() {
    return this.#tell({ frozen: null });
  }

  async #tell(order) {
    Object.assign(this.#order, order);
    const { status } = await this.#client.request("POST", "/", { body: JSON.stringify(this.#order) });
    if (status !== 200) throw new Error(`the clock answered ${status}`);
  }
}

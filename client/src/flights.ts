import { type AnswerCache, keep, type Outcome } from "./cache.js";
import { MetadataError } from "./error.js";
import type { ClientOptions } from "./options.js";
import type { Image, Transport } from "./transport.js";

/** A look-up that all calls for the same image share. */
interface Flight extends Image {
  /** How to return the outcome to a call, and until when it waits. Without waiters, the look-up is abandoned. */
  waiters: Map<(outcome: Outcome) => void, number>;
  retries: number;
  /** Aborts its request if all look-ups of the batch are abandoned. */
  abandon?(): void;
}

export interface Flights {
  /** Joins the look-up of an image, or begins one. Returns a function that leaves it. */
  join(image: Image, untilMs: number, done: (outcome: Outcome) => void): () => void;
}

/** Collects the look-ups of one tick in batches, and repeats those that the service postpones. */
export function createFlights({ request }: Transport, cache: AnswerCache, options: ClientOptions): Flights {
  const { batchLimit = 100, maxRequests = 6, retries = 2, maxEntries = 1_000, batchMaxAgeS = 0 } = options;
  const byUrl = new Map<string, Flight>();
  /** The look-ups of this tick, by query. */
  const tick = new Map<string, Flight[]>();
  const batches: Flight[][] = [];
  let requests = 0;

  function enqueue(flight: Flight): void {
    const { query } = flight;
    // A timer, unlike a microtask, waits for all that follows from resolved promises.
    if (!tick.size) setTimeout(flush, 0);
    const flights = tick.get(query) ?? [];
    flights.push(flight);
    tick.set(query, flights);
  }

  function flush(): void {
    for (const flights of tick.values()) while (flights.length) batches.push(flights.splice(0, batchLimit > 1 ? batchLimit : 1));
    tick.clear();
    sendNext();
  }

  function sendNext(): void {
    while (batches.length && (requests < maxRequests || !requests)) {
      const flights = batches.shift()?.filter(({ waiters }) => waiters.size);
      if (flights?.length) void send(flights);
    }
  }

  async function send(flights: Flight[]): Promise<void> {
    requests++;
    const controller = new AbortController();
    const abandon = () => {
      if (flights.every(({ waiters }) => !waiters.size)) controller.abort();
    };
    for (const flight of flights) flight.abandon = abandon;
    const { outcomes, header } = await request(flights, controller.signal);
    flights.forEach((flight, index) => {
      const { url, waiters } = flight;
      // Another look-up may have taken the place of an abandoned one.
      if (!waiters.size) return;
      const outcome = outcomes[index] as Outcome;
      if (outcome instanceof MetadataError && [429, 503].includes(outcome.status) && flight.retries++ < retries) {
        const delayMs = (outcome.retryAfter ?? 1) * 1_000;
        // Some would time out before the next response. The error says more.
        for (const [done, untilMs] of waiters) if (untilMs <= Date.now() + delayMs && waiters.delete(done)) done(outcome);
        if (waiters.size) {
          // The timers of the calls keep a process of Node alive. Without waiters, this one must not.
          (setTimeout(() => enqueue(flight), delayMs) as { unref?(): void }).unref?.();
          return;
        }
      }
      const control = header ? header("Cache-Control") : outcome instanceof MetadataError ? "" : `max-age=${batchMaxAgeS}`;
      keep(cache, maxEntries, url, outcome, control ?? "", +(header?.("Age") ?? 0));
      byUrl.delete(url);
      for (const done of waiters.keys()) done(outcome);
    });
    requests--;
    sendNext();
  }

  return {
    join(image, untilMs, done) {
      const flight: Flight = byUrl.get(image.url) ?? { ...image, waiters: new Map(), retries: 0 };
      const { waiters } = flight;
      if (!waiters.size) {
        byUrl.set(image.url, flight);
        enqueue(flight);
      }
      waiters.set(done, untilMs);
      return () => {
        waiters.delete(done);
        if (waiters.size) return;
        byUrl.delete(image.url);
        flight.abandon?.();
      };
    },
  };
}

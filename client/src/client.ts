import { onAbort } from "./abort.js";
import type { CropOptions, ImageAnswer, NoCrop, Processed, ProcessedImage } from "./api.js";
import { type Outcome, recall } from "./cache.js";
import { clientError, MetadataError } from "./error.js";
import { createFlights } from "./flights.js";
import type { CallOptions, ClientOptions, Target } from "./options.js";
import { queryOf } from "./parameters.js";
import { createTransport } from "./transport.js";

/** An answer with or without a crop. */
export type Answer = ImageAnswer & Partial<Processed>;

/** The result for a path as it was passed: an answer if `ok` is `true`, and otherwise an error. */
export type Result<A extends Answer = Answer> = { ok: true; path: string; answer: A } | { ok: false; path: string; error: MetadataError };

/**
 * Looks up images. Paths are encoded as in a URL after `/metadata/`, without a leading slash: a literal `%` is `%25`, and a `?` begins the
 * query of a version (`photos/cat.jpg?v=3`).
 *
 * Calls share answers: do not change them.
 */
export interface Client {
  /**
   * Looks up an image.
   *
   * @throws {MetadataError} If the look-up fails. If `signal` aborts, its reason is thrown instead.
   */
  get(path: string, crop?: NoCrop, options?: CallOptions): Promise<ImageAnswer>;
  get(path: string, crop: CropOptions, options?: CallOptions): Promise<ProcessedImage>;

  /**
   * Looks up images, all with the same crop. Resolves with one result for each path, in the same order.
   *
   * @throws The reason of `signal` if it aborts. Every other failure is the result of an image.
   */
  getMany(paths: readonly string[], crop?: NoCrop, options?: CallOptions): Promise<Result<ImageAnswer>[]>;
  getMany(paths: readonly string[], crop: CropOptions, options?: CallOptions): Promise<Result<ProcessedImage>[]>;
}

/**
 * Creates a client. The look-ups of one tick travel together: those with the same crop are one `POST /metadata`. A single one is a `GET`,
 * which HTTP caches can answer. Calls for the same image share one look-up.
 *
 * In a Worker, create a client for each request, because requests cannot share I/O. They can share `cache`.
 */
export function createClient(target: Target, options: ClientOptions = {}): Client {
  const { cache = new Map(), timeoutMs: defaultMs = 30_000 } = options;
  const transport = createTransport(target, options);
  const flights = createFlights(transport, cache, options);

  /** Resolves with the outcome of each path. Rejects if the signal aborts. */
  function lookUp(paths: readonly string[], crop?: CropOptions, { signal, timeoutMs = defaultMs }: CallOptions = {}, useCache = true) {
    return new Promise<Outcome[]>((resolve, reject) => {
      signal?.throwIfAborted();
      const query = queryOf(crop);
      const nowMs = Date.now();
      const outcomes: Outcome[] = [];
      /** Functions that leave the look-ups that this call waits for. */
      const waiting = new Set<() => void>();
      paths.forEach((path, index) => {
        const image = transport.imageOf(path, query);
        const kept = useCache && recall(cache, image.url, nowMs);
        if (kept) {
          outcomes[index] = kept.outcome;
          if (nowMs >= kept.freshUntil) void lookUp([path], crop, {}, false);
          return;
        }
        const leave = flights.join(image, nowMs + timeoutMs, (outcome) => {
          outcomes[index] = outcome;
          waiting.delete(leave);
          if (!waiting.size) end();
        });
        waiting.add(leave);
      });
      if (!waiting.size) return resolve(outcomes);
      // Timers beyond 2^31 ms would fire at once.
      const timer = setTimeout(
        () => {
          paths.forEach((path, index) => (outcomes[index] ??= new MetadataError(path, clientError(0, "timeout", `No answer within ${timeoutMs} ms. Raise timeoutMs.`))));
          end();
        },
        Math.min(timeoutMs, 2e9),
      );
      const unlisten =
        signal &&
        onAbort(signal, () => {
          reject(signal.reason);
          end();
        });

      function end() {
        clearTimeout(timer);
        unlisten?.();
        for (const leave of waiting) leave();
        resolve(outcomes);
      }
    });
  }

  async function get(path: string, crop?: CropOptions, options?: CallOptions) {
    const [outcome] = await lookUp([path], crop, options);
    if (outcome instanceof MetadataError) throw outcome;
    return outcome;
  }

  async function getMany(paths: readonly string[], crop?: CropOptions, options?: CallOptions) {
    const outcomes = await lookUp(paths, crop, options);
    return paths.map((path, index) => {
      const outcome = outcomes[index] as Outcome;
      return outcome instanceof MetadataError ? { ok: false, path, error: outcome } : { ok: true, path, answer: outcome };
    });
  }

  return { get, getMany } as Client;
}

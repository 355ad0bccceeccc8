import type { AnswerCache } from "./cache.js";

/** What the client uses of `fetch`. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

export interface FetchInit {
  method?: "POST";
  body?: string;
  signal: AbortSignal;
}

export interface FetchResponse {
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  json(): Promise<unknown>;
}

/** Where the service is. */
export type Target =
  /** Its URL, such as `https://metadata.example.com`. In a browser, `""` is the site of the page. */
  | { baseUrl: string; binding?: undefined }
  /** A service binding of a Worker, such as `env.METADATA`. The client sends requests to its `fetch`. */
  | { binding: { fetch: Fetch }; baseUrl?: undefined };

export interface ClientOptions {
  /** The maximum number of paths in a request, from 1 to the service's own `batchLimit`. Both defaults are 100. */
  batchLimit?: number;
  /** The maximum number of requests at a time. Default 6. */
  maxRequests?: number;
  /** How often a look-up is repeated after a 429 or 503. Default 2. */
  retries?: number;
  /** The default of each call, in milliseconds. Default 30,000. */
  timeoutMs?: number;
  /** The maximum number of answers to keep. Default 1,000; 0 keeps none. */
  maxEntries?: number;
  /**
   * How long the answers of batches are kept, in seconds. Default 0, because the response of a batch is `no-store`: it has no lifetime for
   * each image. Lone look-ups are kept as their headers allow.
   */
  batchMaxAgeS?: number;
  /** Where answers are kept. Several clients can share one `Map`, such as those of the requests of a Worker. */
  cache?: AnswerCache;
  /** Replaces the global `fetch`, for example to add headers. Not used with a binding. */
  fetch?: Fetch;
}

export interface CallOptions {
  /** Ends this call. Other calls for the same image, or in the same batch, go on. */
  signal?: AbortSignal | undefined;
  /** After this time, in milliseconds and with all retries, images without an answer fail with the code `timeout`. */
  timeoutMs?: number | undefined;
}

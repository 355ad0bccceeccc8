import { createClient } from "../dist/index.js";

/** A body as the service returns it for an image. */
export const answerTo = (path, metadata = {}) => ({ path, metadata: { width: 4000, height: 3000, confidence: "high", source: "format-json", ...metadata } });

/** A problem of the service. */
export const problem = (status, code, fields) => ({ type: `urn:optimized-metadata:problem:${code}`, title: code, status, detail: `It is ${code}.`, code, ...fields });

/**
 * A fake of `fetch`, for clients whose requests a test answers by hand or by `respond(path, request)`, which returns the body of an image:
 * an answer or a problem, for each path of each request.
 */
export class FakeService {
  requests = [];
  #respond;

  constructor(respond) {
    this.#respond = respond;
  }

  client(options) {
    return createClient({ baseUrl: "https://metadata.test" }, { fetch: this.fetch, ...options });
  }

  /** The paths of each request. */
  get paths() {
    return this.requests.map(({ paths }) => paths);
  }

  fetch = (url, { method = "GET", body, signal }) => {
    const { promise, resolve, reject } = withResolvers();
    const { paths = [url.replace(/^.*\/metadata\//, "")], ...parameters } = body ? JSON.parse(body) : {};
    const request = { url, method, paths, parameters, signal, respond: (of = this.#respond) => resolve(response(request, of)), resolve };
    this.requests.push(request);
    signal.addEventListener("abort", () => reject(signal.reason));
    if (this.#respond) request.respond();
    return promise;
  };
}

/** The response of the service to a `GET` or a batch. `headers` of a body are those of a `GET`. */
function response(request, of) {
  const items = request.paths.map((path) => of(path, request));
  if (request.method === "POST") {
    const results = items.map(({ headers, ...item }) => (item.code ? { status: item.status, path: "", problem: item } : { status: 200, ...item }));
    return Response.json({ results }, { headers: { "Cache-Control": "no-store" } });
  }
  const [{ headers, retryAfter, ...item }] = items;
  const retry = retryAfter === undefined ? {} : { "Retry-After": `${retryAfter}` };
  return Response.json(item, { status: item.code ? item.status : 200, headers: { ...retry, ...headers } });
}

// Promise.withResolvers is not in Node 20.
export function withResolvers() {
  let resolvers;
  const promise = new Promise((resolve, reject) => (resolvers = { resolve, reject }));
  return { promise, ...resolvers };
}

/** Lets everything happen that follows from resolved promises. Not a timer of `mock.timers`. */
export async function settled() {
  for (let n = 0; n < 5; n++) await new Promise(setImmediate);
}

/** Replaces timers and the clock: `await clock.advance(ms)` moves both. */
export function mockClock(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  return {
    async advance(ms) {
      await settled();
      t.mock.timers.tick(ms);
      await settled();
    },
  };
}

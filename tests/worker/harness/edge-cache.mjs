import CachePolicy from "http-cache-semantics";
import { ClientResponse } from "./client.mjs";
import { EventLog } from "./gate.mjs";
import { close, createTestServer, listen } from "./listener.mjs";

/** The headers of a response that are for the cache alone. */
const EDGE_CONTROL = "cloudflare-cdn-cache-control";
const TAGS = "cache-tag";

/** How long the platform keeps a response without `Cache-Control`, by status, in seconds. */
const HEURISTIC_S = { 200: 7_200, 404: 180, 405: 60 };

/**
 * A model of the platform's cache in front of the Worker (https://developers.cloudflare.com/workers/cache/), in this process.
 *
 * http-cache-semantics decides what a shared cache may do. This class adds what the platform documents: the key is path, query and
 * version; `Cloudflare-CDN-Cache-Control` replaces `Cache-Control`; responses without either are kept by heuristics; concurrent misses
 * share one request; stale responses are served in the background of a refresh, and in place of an error, without limit unless
 * `stale-if-error` is given; tags are purged regardless of case. Where the platform's behavior is not documented, it keeps as much as it
 * may: it stores any status, responses that may only be served stale, and those of requests that a purge overtakes.
 *
 * The Worker purges through the module of `workersSource`.
 */
export class EdgeCache {
  #send;
  #now;
  #variants = new Map();
  #fills = new Map();
  #refreshes = new Set();
  #purges = new EventLog();
  #server = createTestServer((request, response) => this.#servePurge(request, response));
  /** The version of the Worker, which is part of the key. */
  version = 1;
  /** What the Worker's purges get: `works`, `refuses`, `rejects` or `hangs`. */
  purging = "works";

  /** `send(method, path, options, through)` asks the Worker; `now()` returns the time in milliseconds. */
  constructor(send, now) {
    this.#send = send;
    this.#now = now;
  }

  listen() {
    return listen(this.#server);
  }

  close() {
    close(this.#server);
  }

  /** The options of all purges, in order. */
  get purges() {
    return this.#purges.items;
  }

  get(path, headers, through) {
    return this.request("GET", path, { headers }, through);
  }

  /** Sends a request through the cache. If it has to ask a Worker, `through` says which of several. */
  async request(method, path, options = {}, through = undefined) {
    const headers = lowerCase(options.headers);
    if (method !== "GET" && method !== "HEAD") return answer(split(await this.#send(method, path, options, through)), "DYNAMIC");
    const key = `${this.version} ${path}`;
    const request = { method, path, headers, key, through };
    const usable = this.#usable(request);
    if (usable) return usable;
    // A HEAD request has no body to store, so it fills nothing.
    if (method === "HEAD") return this.#ask(request);
    const fill = this.#fills.get(key);
    if (fill) {
      await fill;
      // What cannot be stored is not shared.
      return this.#usable(request) ?? this.#ask(request);
    }
    const asked = this.#ask(request);
    const filled = asked.then(
      () => {},
      () => {},
    );
    this.#fills.set(key, filled);
    try {
      return await asked;
    } finally {
      this.#fills.delete(key);
    }
  }

  /** Removes what matches, as `cache.purge` does. */
  purge({ tags = [], purgeEverything = false }) {
    const purged = new Set(tags.map((tag) => tag.toLowerCase()));
    for (const [key, variants] of this.#variants) {
      const kept = variants.filter((stored) => !purgeEverything && !stored.tags.some((tag) => purged.has(tag)));
      if (kept.length > 0) this.#variants.set(key, kept);
      else this.#variants.delete(key);
    }
  }

  /** The paths of stored responses, stale ones included, in order. */
  get paths() {
    return [...this.#variants.keys()].map((key) => key.slice(key.indexOf(" ") + 1)).sort();
  }

  /** What is stored for a path, as `{ status, ttl, whileRevalidate, ifError, tags }`, one for each variant. Times are in seconds. */
  stored(path) {
    const variants = this.#variants.get(`${this.version} ${path}`) ?? [];
    return variants.map(({ policy, status, whileRevalidate, ifError, tags }) => {
      const ttl = Math.round(policy.maxAge() - policy.age());
      return { status, ttl, whileRevalidate, ifError, tags };
    });
  }

  /** Resolves once the background refreshes under way have ended. */
  refreshed() {
    return Promise.all(this.#refreshes);
  }

  #usable(request) {
    const stored = this.#find(request);
    if (!stored) return undefined;
    const { response, revalidation } = stored.policy.evaluateRequest(toPolicy(request));
    if (!response) return undefined;
    if (revalidation) this.#refresh(request);
    return answer(stored, revalidation ? "UPDATING" : "HIT", request);
  }

  #refresh(request) {
    if (this.#fills.has(request.key)) return;
    const { "if-none-match": _, ...headers } = request.headers;
    const refresh = this.#ask({ ...request, headers, method: "GET" }).then(
      () => {},
      () => {},
    );
    this.#fills.set(request.key, refresh);
    this.#refreshes.add(refresh);
    refresh.then(() => {
      this.#fills.delete(request.key);
      this.#refreshes.delete(refresh);
    });
  }

  #find(request) {
    const variants = this.#variants.get(request.key) ?? [];
    return variants.find(({ policy }) => policy._requestMatches(toPolicy(request), false));
  }

  /** Asks the Worker, conditionally if a stale response is stored. */
  async #ask(request) {
    const { method, path, headers, through } = request;
    const stored = method === "GET" ? this.#find(request) : undefined;
    const condition = stored?.headers.etag ? { "if-none-match": stored.headers.etag } : {};
    const response = split(await this.#send(method, path, { headers: { ...headers, ...condition } }, through));
    if (response.status >= 500 && stored && stored.policy.age() - stored.policy.maxAge() < stored.ifError) return answer(stored, "STALE", request);
    if (method === "HEAD") return answer(response, "MISS", request);
    if (response.status === 304 && stored) {
      const revalidated = { ...response, status: stored.status, bytes: stored.bytes, headers: { ...stored.headers, ...response.headers } };
      return answer(this.#store(request, revalidated), "REVALIDATED", request);
    }
    // With its own condition the client has asked for the 304. It has no body to store.
    if (response.status === 304) return answer(response, "BYPASS");
    const isStored = this.#store(request, response).isStored;
    return answer(response, !isStored ? "BYPASS" : stored ? "EXPIRED" : "MISS", request);
  }

  /** Stores a response in place of the variant of this request, unless its headers forbid that. */
  #store(request, { status, headers, bytes, control, tags }) {
    const policy = new Policy(
      toPolicy(request),
      // All statuses are stored if the headers allow it.
      { status: 200, headers: { ...headers, "cache-control": control ?? heuristic(status, headers) } },
      this.#now,
    );
    const whileRevalidate = Number(policy._rescc["stale-while-revalidate"] ?? 0);
    const ifError = Number(policy._rescc["stale-if-error"] ?? Infinity);
    const mayBeStale = whileRevalidate > 0 || (ifError > 0 && ifError < Infinity);
    const isStored = policy.storable() && (policy.maxAge() > 0 || mayBeStale);
    const stored = { policy, status, headers, bytes, tags, whileRevalidate, ifError, isStored };
    const others = (this.#variants.get(request.key) ?? []).filter((variant) => !variant.policy._requestMatches(toPolicy(request), false));
    const variants = isStored ? [...others, stored] : others;
    if (variants.length > 0) this.#variants.set(request.key, variants);
    else this.#variants.delete(request.key);
    return stored;
  }

  async #servePurge(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const options = this.#purges.add(JSON.parse(Buffer.concat(chunks)));
    if (this.purging === "hangs") return;
    if (this.purging === "works") this.purge(options);
    const failure = this.purging === "refuses" ? { success: false, errors: [{ code: 1, message: "rate limited" }] } : undefined;
    response.writeHead(this.purging === "rejects" ? 500 : 200);
    response.end(JSON.stringify(failure ?? { success: true, errors: [] }));
  }
}

/** The module in place of `cloudflare:workers`: the real one of workerd has a `cache` without methods that cannot be extended. */
export const workersSource = `
import { env } from "cloudflare:workers";
export * from "cloudflare:workers";
export const cache = {
  async purge(options) {
    const response = await env.TEST_EDGE_CACHE.fetch("http://edge-cache/purge", { method: "POST", body: JSON.stringify(options) });
    if (!response.ok) throw new Error("the purge failed");
    return response.json();
  },
};
`;

/** A policy with an injected clock, which its constructor already reads. */
class Policy extends CachePolicy {
  static #next;
  #now;

  constructor(request, response, now) {
    Policy.#next = now;
    super(request, response, { shared: true });
    this.#now = now;
  }

  now() {
    return (#now in this ? this.#now : Policy.#next)();
  }
}

function lowerCase(headers = {}) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The request as the policy sees it. The platform ignores a client's `Cache-Control`, and answers `HEAD` from a stored `GET`. */
function toPolicy({ path, headers: { "cache-control": _, pragma: __, ...headers } }) {
  return { url: path, method: "GET", headers };
}

function heuristic(status, { expires }) {
  if (expires) return undefined;
  return HEURISTIC_S[status] ? `public, max-age=${HEURISTIC_S[status]}` : "no-store";
}

/** Splits a response of the Worker into what clients get and what only the cache reads. */
function split({ status, headers, bytes }) {
  const { [EDGE_CONTROL]: edge, [TAGS]: tags = "", ...visible } = headers;
  return { status, headers: visible, bytes, control: edge ?? headers["cache-control"], tags: tags.toLowerCase().split(",").filter(Boolean) };
}

/** The client's response. `cf-cache-status` has the platform's names. */
function answer({ policy, status, headers, bytes, isStored }, state, request) {
  const age = isStored && policy && state !== "REVALIDATED" ? { age: String(Math.floor(policy.age())) } : {};
  const all = { ...headers, ...age, "cf-cache-status": state };
  const condition = request?.headers["if-none-match"];
  if (status === 200 && condition !== undefined && condition === headers.etag) return new ClientResponse({ statusCode: 304, headers: all }, Buffer.alloc(0));
  return new ClientResponse({ statusCode: status, headers: all }, request?.method === "HEAD" ? Buffer.alloc(0) : bytes);
}

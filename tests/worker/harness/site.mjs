import { AbortProxy, abortProxySource } from "./abort-proxy.mjs";
import { Analytics } from "./analytics.mjs";
import { Bucket } from "./bucket.mjs";
import { callerSource, callPath } from "./caller.mjs";
import { Client } from "./client.mjs";
import { Clock, clockSource, clockWrapperSource } from "./clock.mjs";
import { EdgeCache, workersSource } from "./edge-cache.mjs";
import { entrypointSource } from "./entrypoint.mjs";
import { Images, imagesBinding } from "./images.mjs";
import { Kv } from "./kv.mjs";
import { entry, manifest, modulesOf, withModule } from "./modules.mjs";
import { CONSUMER_FLAGS, Queue, consumerSource } from "./queue.mjs";
import { rateLimitSource } from "./rate-limit.mjs";
import { CF_BLOB, Origin } from "./origin.mjs";
import { TERMINATOR_FLAGS, terminatorSource, terminatorWrapperSource } from "./terminator.mjs";
import { wasmStatsSource, wasmStatsWrapperSource } from "./wasm-stats.mjs";
import { Workerd } from "./workerd.mjs";

export const ORIGIN = "https://images.test/assets";

/**
 * Starts the built Worker on workerd, with a fake KV and origin in this process, and stops it after the test (or, given
 * `{ after }` of node:test, after the file).
 *
 * - `config`: settings merged into the default `{ originUrl }`; `metadata`: the whole variable, any JSON; `null` omits it.
 * - `kv: false`: no KV binding; `kvBinding`: its name.
 * - `bucket: true`: an R2 bucket bound as IMAGES, which `config` has to name, and a second time as ARCHIVE.
 * - `images: true`: an Images binding bound as RESIZER, which `config` has to name.
 * - `service: true`: a service bound as FILES, which is the fake origin too; its requests have the host `service`.
 * - `outbound`: the source of a Worker that replaces the fake origin, for many requests that no test inspects.
 * - `namespace`: the same for KV, with the wire protocol of kv.mjs.
 * - `source`: the source of a Worker to serve instead of the built one, for comparison; `data`: a file that it embeds.
 * - `services`: the sources of Workers by the names that they are bound under. Their fetches go to the fake origin, too.
 * - `env`: further text bindings, such as ADMIN_TOKEN.
 * - `analytics: true`: an Analytics Engine dataset.
 * - `queue: true`: a queue bound as METADATA_QUEUE, which records what is sent; `queue: "consumer"`: only `deliver()`, which both have.
 * - `clock: true`: clocks that the test controls.
 * - `wasmStats: true`: enables `wasmStats()`, which measures the wasm instance.
 * - `v8Flags`: flags of V8, for the whole process.
 * - `prelude`: the source of a module that is evaluated before the Worker.
 * - `terminator: true`: enables `terminateAt()`, which terminates a request at a chosen point.
 * - `entrypoint`: a further entrypoint, see entrypoint.mjs, reached through `site.at[name]`.
 * - `caller: true`: a Worker that binds the service, for `call()`; `{ source, compatibilityDate }` for another such Worker.
 * - `edgeCache: true`: the platform's cache in front, as `site.edge`; the Worker's purges reach it.
 * - `sharedWith`: another site, whose KV, origin, clock and edge cache this one shares as a second isolate.
 * - `abortProxy: true`: a Worker in front that can abort requests. It calls the `entrypoint` if there is one; with
 *   `abortProxy: "caller"` it calls the caller.
 */
export async function deploy(t, options = {}) {
  const site = new Site(options);
  t.after(async () => {
    await site.stop();
    if (t.passed === false || t.error) t.diagnostic(`output of workerd:\n${site.transcript()}`);
  });
  await site.start();
  return site;
}

class Site {
  #options;
  #workerd;
  #addresses;
  #clients = [];
  kv = new Kv();
  origin = new Origin();
  at = {};

  constructor(options) {
    this.#options = options;
    if (options.abortProxy) this.abortProxy = new AbortProxy();
    if (options.clock) this.clock = options.sharedWith?.clock ?? new Clock();
    if (options.analytics) this.analytics = new Analytics();
    if (options.bucket) this.bucket = new Bucket();
    if (options.images) this.images = new Images();
    if (options.queue === true) this.queue = new Queue();
    const { sharedWith } = options;
    if (sharedWith) Object.assign(this, { kv: sharedWith.kv, origin: sharedWith.origin });
    if (options.edgeCache) this.edge = sharedWith?.edge ?? this.#newEdgeCache();
  }

  #newEdgeCache() {
    const send = (method, path, options, site = this) => site.request(method, path, options);
    return new EdgeCache(send, () => this.clock?.now() ?? Date.now());
  }

  async start() {
    const [signal, analytics, bucket, images, queue, kv, origin, edge] = await Promise.all(this.#fakes.map((fake) => fake?.listen()));
    const { sharedWith } = this.#options;
    this.#addresses = { kv, origin, edge, ...sharedWith?.addresses, signal, analytics, bucket, images, queue };
    await this.#boot();
  }

  /** The addresses of the fakes that another site can share. */
  get addresses() {
    const { kv, origin, edge } = this.#addresses;
    return { kv, origin, edge };
  }

  /** Starts a new isolate with the same KV and origin. */
  async restart() {
    await this.#halt();
    await this.#boot();
  }

  async stop() {
    await this.#halt();
    await Promise.all(this.#fakes.map((fake) => fake?.close()));
  }

  get #fakes() {
    const own = [this.abortProxy, this.analytics, this.bucket, this.images, this.queue];
    return this.#options.sharedWith ? own : [...own, this.kv, this.origin, this.edge];
  }

  request(method, path, options) {
    return this.at.worker.request(method, path, options);
  }

  get(path, headers) {
    return this.at.worker.get(path, headers);
  }

  /** Calls a method over a service binding; resolves with what it returns, or `{ error }`. */
  async call(method, ...args) {
    return outcomeOf(await this.at.caller.get(callPath(method, ...args)));
  }

  /** As `call`, but resolves once the Worker has started on it. `.outcome` is the promise of its result. */
  async startCall(method, ...args) {
    const { sent, answer } = this.at.caller.begin("GET", callPath(method, ...args));
    await sent;
    // Once a later call has been rejected, the Worker has started on this one.
    for (let n = 0; n < 2; n++) await this.call("fetchMetadata", "");
    return { outcome: answer.then(outcomeOf) };
  }

  /**
   * Sends `count` concurrent requests and resolves once the Worker has started on all of them: it takes requests in order,
   * and has answered a later one. `.answers` is the promise of their responses.
   */
  async herd(count, path) {
    const herd = this.at.worker.herd(count, path);
    await herd.sent;
    await this.settled();
    return herd;
  }

  /** Resolves once the Worker has started on every request sent before. */
  async settled() {
    await this.get("/metadata/");
    await this.get("/metadata/");
  }

  /**
   * Delivers a batch of messages to the Worker, each a body or `{ kind, attempts, sent }` (see queue.mjs). Resolves with `outcome`,
   * and what becomes of each message: `"ack"`, or the delay of its retry in seconds.
   */
  async deliver(messages) {
    const { status, text } = await this.at.queue.request("POST", "/", { body: JSON.stringify(messages) });
    if (status !== 200) throw new Error(`the queue responded with ${status}: ${text}`);
    return JSON.parse(text);
  }

  get log() {
    return this.#workerd.log;
  }

  logged(fields) {
    return this.#workerd.logged(fields);
  }

  transcript() {
    return this.#workerd.transcript();
  }

  printed(pattern) {
    return this.#workerd.printed(pattern);
  }

  /** Resident memory of the workerd process, in bytes. */
  memory() {
    return this.#workerd.memory();
  }

  /** The wasm instance: `bytes` of memory, entries in its table of `references` to JavaScript objects, and `calls` by import. */
  async wasmStats() {
    return (await this.at.WasmStats.get("/")).json;
  }

  /**
   * Terminates the Worker's execution at the `n`th call from WebAssembly into JavaScript, counted from now. Resolves with
   * whether the previous `n` was reached.
   */
  async terminateAt(n) {
    const { status, json } = await this.at.Terminator.request("POST", "/", { body: JSON.stringify({ at: n }) });
    if (status !== 200) throw new Error(`the terminator responded with ${status}`);
    return json.terminated;
  }

  /** CPU time of the workerd process, in seconds. */
  cpu() {
    return this.#workerd.cpu();
  }

  /** Milliseconds since the workerd process was spawned. */
  age() {
    return this.#workerd.age();
  }

  /** The Worker's base URL. */
  get url() {
    return `http://127.0.0.1:${this.#workerd.ports.worker}`;
  }

  async #boot() {
    this.#workerd = await Workerd.start(this.#configuration());
    this.at = {};
    for (const [name, port] of Object.entries(this.#workerd.ports)) {
      this.at[name] = new Client(port);
      this.#clients.push(this.at[name]);
    }
    this.abortProxy?.connect(this.#workerd.ports.abortProxy);
    await this.clock?.connect(this, this.at.Clock);
  }

  async #halt() {
    this.clock?.disconnect(this);
    for (const client of this.#clients.splice(0)) client.close();
    await this.#workerd?.stop();
  }

  #configuration() {
    const { abortProxy, caller, clock, wasmStats, terminator, entrypoint, outbound, namespace, analytics, bucket, images, queue, rateLimit, edgeCache, v8Flags, services: bound = {} } = this.#options;
    const entrypoints = [clock && "Clock", wasmStats && "WasmStats", terminator && "Terminator", entrypoint?.name].filter(Boolean);
    const { compatibilityDate, compatibilityFlags: flags } = manifest();
    const compatibilityFlags = terminator ? [...flags.filter((flag) => !flag.startsWith("no_nodejs")), ...TERMINATOR_FLAGS] : flags;
    const runtime = { compatibilityDate, compatibilityFlags };
    const fakeWorker = (name, source) => ({ name, ...runtime, modules: [esModule(`${name}.js`, source)], bindings: [] });
    const services = [
      { name: "worker", ...runtime, modules: this.#modules(), bindings: this.#bindings(), globalOutbound: "origin" },
      namespace ? fakeWorker("kv", namespace) : { name: "kv", external: this.#addresses.kv },
      outbound ? fakeWorker("origin", outbound) : { name: "origin", external: this.#addresses.origin, proxy: true },
    ];
    for (const [name, source] of Object.entries(bound)) services.push({ ...fakeWorker(name, source), globalOutbound: "origin" });
    const sockets = [{ name: "worker", service: "worker" }, ...entrypoints.map((name) => ({ name, service: "worker", entrypoint: name }))];
    if (caller) {
      const { source = callerSource, ...own } = caller;
      const bindings = [{ name: "METADATA", service: "worker" }];
      services.push({ name: "caller", ...runtime, ...own, modules: [esModule("caller.js", source)], bindings });
      sockets.push({ name: "caller", service: "caller" });
    }
    if (edgeCache) services.push({ name: "edge", external: this.#addresses.edge });
    if (bucket) services.push({ name: "bucket", external: this.#addresses.bucket });
    if (images) services.push({ name: "images", external: this.#addresses.images });
    if (queue) {
      const { modules } = fakeWorker("queue", consumerSource);
      const flags = [...compatibilityFlags, ...CONSUMER_FLAGS];
      services.push({ name: "queue", compatibilityDate, compatibilityFlags: flags, modules, bindings: [{ name: "WORKER", service: "worker" }] });
      sockets.push({ name: "queue", service: "queue" });
      if (queue === true) services.push({ name: "sent", external: this.#addresses.queue });
    }
    if (rateLimit) {
      services.push(fakeWorker("rateLimit", rateLimitSource(rateLimit)));
      sockets.push({ name: "rateLimit", service: "rateLimit" });
    }
    if (analytics) services.push({ name: "analytics", external: this.#addresses.analytics });
    if (abortProxy) {
      const modules = [esModule("abort-proxy.js", abortProxySource)];
      const site = abortProxy === "caller" ? { service: "caller" } : { service: "worker", entrypoint: entrypoint?.name };
      const bindings = [
        { name: "SITE", ...site },
        { name: "SIGNAL", service: "signal" },
      ];
      services.push({ name: "abortProxy", ...runtime, modules, bindings }, { name: "signal", external: this.#addresses.signal });
      sockets.push({ name: "abortProxy", service: "abortProxy" });
    }
    // In workerd Analytics Engine and deliveries by a Worker are experimental.
    return { services, sockets, cfHeader: CF_BLOB, experimental: analytics || queue, v8Flags };
  }

  #modules() {
    const { prelude, clock, wasmStats, terminator, entrypoint, edgeCache, source, data } = this.#options;
    const modules = source ? [esModule("worker.js", source)] : modulesOf(entry());
    if (edgeCache) {
      modules.splice(0, modules.length, ...withModule(modules, "cloudflare:workers", "test-workers.js"));
      modules.push(esModule("test-workers.js", workersSource));
    }
    if (data) modules.push({ name: "data", kind: "data", file: data });
    const wrap = (name, source) => modules.unshift(esModule(name, source(modules[0].name)));
    if (entrypoint) wrap("test-entrypoint.js", (main) => entrypointSource(main, entrypoint));
    if (prelude) {
      modules.push(esModule("test-prelude.js", prelude));
      wrap("test-with-prelude.js", (main) => `import "./test-prelude.js";\nimport worker from "./${main}";\nexport default worker;\nexport * from "./${main}";\n`);
    }
    if (clock) {
      modules.push(esModule("test-clock.js", clockSource));
      wrap("test-with-clock.js", clockWrapperSource);
    }
    if (wasmStats) {
      modules.push(esModule("test-wasm-stats.js", wasmStatsSource));
      wrap("test-with-wasm-stats.js", wasmStatsWrapperSource);
    }
    if (terminator) {
      modules.push(esModule("test-terminator.js", terminatorSource));
      wrap("test-with-terminator.js", terminatorWrapperSource);
    }
    return modules;
  }

  #bindings() {
    const { config, metadata = { originUrl: ORIGIN, ...config }, kv, kvBinding = "IMAGE_METADATA_CACHE", bucket, images, service, analytics, queue, rateLimit, edgeCache, services = {}, env = {} } = this.#options;
    const bindings = Object.entries(env).map(([name, value]) => ({ name, value }));
    if (metadata !== null) bindings.push({ name: "metadata", json: metadata });
    if (kv !== false) bindings.push({ name: kvBinding, kvNamespace: "kv" });
    if (bucket) bindings.push(...["IMAGES", "ARCHIVE"].map((name) => ({ name, r2Bucket: "bucket" })));
    if (images) bindings.push(imagesBinding("RESIZER"));
    if (queue === true) bindings.push({ name: "METADATA_QUEUE", queue: "sent" });
    if (service) bindings.push({ name: "FILES", service: "origin" });
    for (const name of Object.keys(services)) bindings.push({ name, service: name });
    if (rateLimit) bindings.push({ name: "METADATA_RATE_LIMIT", service: "rateLimit", entrypoint: "Limiter" });
    if (edgeCache) bindings.push({ name: "TEST_EDGE_CACHE", service: "edge" });
    if (analytics) bindings.push({ name: "METADATA_ANALYTICS", analyticsEngine: "analytics" });
    return bindings;
  }
}

function outcomeOf(answer) {
  if (answer.status !== 200) throw new Error(`the caller responded with ${answer.status}: ${answer.text}`);
  const { value, plain, error } = answer.json;
  if (error) return { error };
  if (!plain) throw new Error(`the method did not return a plain object: ${answer.text}`);
  return value;
}

function esModule(name, source) {
  return { name, kind: "esModule", source };
}

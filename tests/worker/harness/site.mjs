import { Analytics } from "./analytics.mjs";
import { Bucket } from "./bucket.mjs";
import { callerSource, callPath } from "./caller.mjs";
import { Client } from "./client.mjs";
import { Clock, clockedSource, clockSource } from "./clock.mjs";
import { entrypointSource } from "./entrypoint.mjs";
import { Front, frontSource } from "./front.mjs";
import { gaugedSource, gaugeSource } from "./gauge.mjs";
import { Kv } from "./kv.mjs";
import { entry, manifest, modulesOf } from "./modules.mjs";
import { CF_BLOB, Origin } from "./origin.mjs";
import { TERMINATOR_FLAGS, terminatedSource, terminatorSource } from "./terminator.mjs";
import { Workerd } from "./workerd.mjs";

export const ORIGIN = "https://images.test/assets";

/**
 * Starts the built Worker on workerd, with KV and origin played by this process, and ends it with the test (or, given
 * `{ after }` of node:test, with the file).
 *
 * - `config`: laid over the default `{ originUrl }`; `metadata`: the whole variable, any JSON; `null` leaves it out.
 * - `kv: false`: no KV binding; `kvBinding`: its name.
 * - `bucket: true`: with an R2 bucket bound as IMAGES, which `config` has to name.
 * - `outbound`: the source of a Worker to play the origin instead, where many requests matter and none of them is looked at.
 * - `namespace`: the same for KV, over the wire protocol of kv.mjs.
 * - `source`: the source of a Worker to serve in place of the built one, to compare the two; `data`: a file that it embeds.
 * - `env`: further text bindings, such as ADMIN_TOKEN.
 * - `analytics: true`: with a dataset for data points.
 * - `clock: true`: with clocks that the test holds.
 * - `gauge: true`: with `wasm()`, which tells the size of the Worker's memory.
 * - `v8Flags`: flags of V8, for the whole process.
 * - `prelude`: the source of a module that is evaluated before the Worker.
 * - `terminator: true`: with `terminateAt()`, which ends a request in the middle.
 * - `entrypoint`: a further entrypoint, see entrypoint.mjs, reached through `site.at[name]`.
 * - `caller: true`: with a Worker that binds it, for `call()`; `{ source, compatibilityDate }` for another such Worker.
 * - `beside`: another site, whose KV and origin it shares: a second isolate.
 * - `front: true`: with a Worker before it that can abort requests; it calls the `entrypoint` where there is one, or,
 *   as `front: "caller"`, the caller.
 */
export async function deploy(t, options = {}) {
  const site = new Site(options);
  t.after(async () => {
    await site.stop();
    if (t.passed === false || t.error) t.diagnostic(`workerd said:\n${site.transcript()}`);
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
    if (options.front) this.front = new Front();
    if (options.clock) this.clock = new Clock();
    if (options.analytics) this.analytics = new Analytics();
    if (options.bucket) this.bucket = new Bucket();
    const { beside } = options;
    if (beside) Object.assign(this, { kv: beside.kv, origin: beside.origin });
  }

  async start() {
    const [hand, analytics, bucket, kv, origin] = await Promise.all(this.#standIns.map((standIn) => standIn?.listen()));
    const { beside } = this.#options;
    this.#addresses = { kv, origin, ...beside?.addresses, hand, analytics, bucket };
    await this.#boot();
  }

  /** Where its stand-ins listen, for an isolate `beside` it. */
  get addresses() {
    const { kv, origin } = this.#addresses;
    return { kv, origin };
  }

  /** A new isolate, with the same KV and origin. */
  async restart() {
    await this.#halt();
    await this.#boot();
  }

  async stop() {
    await this.#halt();
    await Promise.all(this.#standIns.map((standIn) => standIn?.close()));
  }

  get #standIns() {
    const own = [this.front, this.analytics, this.bucket];
    return this.#options.beside ? own : [...own, this.kv, this.origin];
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

  /** As `call`, but resolves once the Worker has begun to work on it. The outcome is still to come, as `.outcome`. */
  async calling(method, ...args) {
    const { sent, answer } = this.at.caller.begin("GET", callPath(method, ...args));
    await sent;
    // A later call has been refused: this one has been taken.
    for (let n = 0; n < 2; n++) await this.call("fetchMetadata", "");
    return { outcome: answer.then(outcomeOf) };
  }

  /**
   * `count` concurrent requests, all of which the Worker has begun to work on when this resolves: it takes them in the
   * order in which they come, and has answered a later one. The answers are still to come, as `.answers`.
   */
  async herd(count, path) {
    const herd = this.at.worker.herd(count, path);
    await herd.sent;
    await this.settled();
    return herd;
  }

  /** Resolves once all that was sent before has been begun by the Worker. */
  async settled() {
    await this.get("/metadata/");
    await this.get("/metadata/");
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

  /** Resident memory of the workerd process, in bytes. */
  memory() {
    return this.#workerd.memory();
  }

  /** The wasm instance: `bytes` of memory, and places in its table of `references` to JavaScript objects. */
  async wasm() {
    return (await this.at.Gauge.get("/")).json;
  }

  /** Ends the Worker's execution at the `n`th call from WebAssembly into JavaScript; resolves with whether the last such order was met. */
  async terminateAt(n) {
    const { status, json } = await this.at.Terminator.request("POST", "/", { body: JSON.stringify({ at: n }) });
    if (status !== 200) throw new Error(`the terminator answered ${status}`);
    return json.sprung;
  }

  /** Processor time of the workerd process, in seconds. */
  cpu() {
    return this.#workerd.cpu();
  }

  /** How long ago the workerd process was spawned, in milliseconds. */
  age() {
    return this.#workerd.age();
  }

  /** Where the Worker listens. */
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
    this.front?.connect(this.#workerd.ports.front);
    await this.clock?.connect(this.at.Clock);
  }

  async #halt() {
    for (const client of this.#clients.splice(0)) client.close();
    await this.#workerd?.stop();
  }

  #configuration() {
    const { front, caller, clock, gauge, terminator, entrypoint, outbound, namespace, analytics, bucket, v8Flags } = this.#options;
    const entrypoints = [clock && "Clock", gauge && "Gauge", terminator && "Terminator", entrypoint?.name].filter(Boolean);
    const { compatibilityDate, compatibilityFlags: flags } = manifest();
    const compatibilityFlags = terminator ? [...flags.filter((flag) => !flag.startsWith("no_nodejs")), ...TERMINATOR_FLAGS] : flags;
    const runtime = { compatibilityDate, compatibilityFlags };
    const standIn = (name, source) => ({ name, ...runtime, modules: [esModule(`${name}.js`, source)], bindings: [] });
    const services = [
      { name: "worker", ...runtime, modules: this.#modules(), bindings: this.#bindings(), globalOutbound: "origin" },
      namespace ? standIn("kv", namespace) : { name: "kv", external: this.#addresses.kv },
      outbound ? standIn("origin", outbound) : { name: "origin", external: this.#addresses.origin, proxy: true },
    ];
    const sockets = [{ name: "worker", service: "worker" }, ...entrypoints.map((name) => ({ name, service: "worker", entrypoint: name }))];
    if (caller) {
      const { source = callerSource, ...own } = caller;
      const bindings = [{ name: "METADATA", service: "worker" }];
      services.push({ name: "caller", ...runtime, ...own, modules: [esModule("caller.js", source)], bindings });
      sockets.push({ name: "caller", service: "caller" });
    }
    if (bucket) services.push({ name: "bucket", external: this.#addresses.bucket });
    if (analytics) services.push({ name: "analytics", external: this.#addresses.analytics });
    if (front) {
      const modules = [esModule("front.js", frontSource)];
      const site = front === "caller" ? { service: "caller" } : { service: "worker", entrypoint: entrypoint?.name };
      const bindings = [
        { name: "SITE", ...site },
        { name: "HAND", service: "hand" },
      ];
      services.push({ name: "front", ...runtime, modules, bindings }, { name: "hand", external: this.#addresses.hand });
      sockets.push({ name: "front", service: "front" });
    }
    // workerd has Analytics Engine as an experiment only.
    return { services, sockets, cfHeader: CF_BLOB, experimental: analytics, v8Flags };
  }

  #modules() {
    const { prelude, clock, gauge, terminator, entrypoint, source, data } = this.#options;
    const modules = source ? [esModule("worker.js", source)] : modulesOf(entry());
    if (data) modules.push({ name: "data", kind: "data", file: data });
    const wrap = (name, source) => modules.unshift(esModule(name, source(modules[0].name)));
    if (entrypoint) wrap("test-entrypoint.js", (main) => entrypointSource(main, entrypoint));
    if (prelude) {
      modules.push(esModule("test-prelude.js", prelude));
      wrap("test-preluded.js", (main) => `import "./test-prelude.js";\nimport worker from "./${main}";\nexport default worker;\nexport * from "./${main}";\n`);
    }
    if (clock) {
      modules.push(esModule("test-clock.js", clockSource));
      wrap("test-clocked.js", clockedSource);
    }
    if (gauge) {
      modules.push(esModule("test-gauge.js", gaugeSource));
      wrap("test-gauged.js", gaugedSource);
    }
    if (terminator) {
      modules.push(esModule("test-terminator.js", terminatorSource));
      wrap("test-terminated.js", terminatedSource);
    }
    return modules;
  }

  #bindings() {
    const { config, metadata = { originUrl: ORIGIN, ...config }, kv, kvBinding = "IMAGE_METADATA_CACHE", bucket, analytics, env = {} } = this.#options;
    const bindings = Object.entries(env).map(([name, value]) => ({ name, value }));
    if (metadata !== null) bindings.push({ name: "metadata", json: metadata });
    if (kv !== false) bindings.push({ name: kvBinding, kvNamespace: "kv" });
    if (bucket) bindings.push({ name: "IMAGES", r2Bucket: "bucket" });
    if (analytics) bindings.push({ name: "METADATA_ANALYTICS", analyticsEngine: "analytics" });
    return bindings;
  }
}

function outcomeOf(answer) {
  if (answer.status !== 200) throw new Error(`the caller answered ${answer.status}: ${answer.text}`);
  const { value, plain, error } = answer.json;
  if (error) return { error };
  if (!plain) throw new Error(`the method returned no plain object: ${answer.text}`);
  return value;
}

function esModule(name, source) {
  return { name, kind: "esModule", source };
}

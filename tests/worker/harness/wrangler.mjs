import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { promisify } from "node:util";
import { getPlatformProxy } from "wrangler";
import { Client } from "./client.mjs";
import { EventLog, within } from "./gate.mjs";
import { entry, manifest, root } from "./modules.mjs";

const command = path.join(root, "node_modules/.bin/wrangler");

/**
 * Serves the built Worker through `wrangler dev`, with local KV and wrangler's emulation of `cf.image`, and stops it after the
 * test. The configuration is that of wrangler.toml without its build step, which would replace files that other tests read.
 *
 * - `source`: the source of a Worker to serve instead of the built one.
 * - `env`: further text bindings, such as ADMIN_TOKEN.
 * - `objects`: the content of a bucket bound as IMAGES, by key: `{ bytes, httpMetadata }`.
 * - `records`: the content of KV, by key.
 * - `images`: the name of an Images binding, which wrangler emulates with sharp.
 * - `queue`: the settings of a queue that the Worker consumes and that is bound as METADATA_QUEUE, with a dead-letter queue. Enables
 *   `put()`, `send()` and `failed()`.
 */
export async function wranglerDev(t, { metadata, source, env, objects, records, rateLimit, queue, images }) {
  const directory = mkdtempSync(path.join(os.tmpdir(), "wrangler-"));
  const { compatibilityDate, compatibilityFlags } = manifest();
  const config = path.join(directory, "wrangler.json");
  const own = path.join(directory, "index.js");
  const main = queue ? wrapperSource(entry()) : source;
  if (main) writeFileSync(own, main);
  writeFileSync(
    config,
    JSON.stringify({
      name: "optimized-metadata-test",
      main: main ? own : entry(),
      compatibility_date: compatibilityDate,
      compatibility_flags: compatibilityFlags,
      kv_namespaces: [{ binding: "IMAGE_METADATA_CACHE", id: "test" }],
      r2_buckets: objects && [{ binding: "IMAGES", bucket_name: "test" }],
      images: images && { binding: images },
      ratelimits: rateLimit && [{ name: "METADATA_RATE_LIMIT", namespace_id: "1001", simple: rateLimit }],
      queues: queue && queuesOf(queue),
      vars: { metadata, ...env },
      dev: { ip: "127.0.0.1", port: 0, inspector_port: 0 },
    }),
  );

  const state = path.join(directory, "state");
  if (objects || records) await fill({ objects, records }, config, state);

  const lines = new EventLog();
  const child = spawn(command, ["dev", "--config", config, "--persist-to", state], {
    cwd: directory,
    env: environment(directory),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // In its own process group, so that its children can be killed with it.
    detached: true,
  });
  const kill = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has exited already.
    }
  };
  process.on("exit", kill);
  for (const stream of [child.stdout, child.stderr]) readline.createInterface(stream).on("line", (line) => lines.add(line));
  const exited = once(child, "close");
  const withOutput = (what) => `${what}; output of wrangler dev:\n${lines.items.join("\n")}`;

  const ready = new Promise((resolve, reject) => {
    child.on("message", (text) => {
      const message = JSON.parse(text);
      if (message.event === "DEV_SERVER_READY") resolve(message);
    });
    exited.then(() => reject(new Error(withOutput("wrangler dev exited before it was ready"))));
  });
  t.after(async () => {
    kill();
    await exited;
    process.off("exit", kill);
    rmSync(directory, { recursive: true, force: true });
  });
  const { ip, port } = await within(ready, () => withOutput("it to be ready"), 60_000);
  const client = new Client(port, ip);
  t.after(() => client.close());
  /** Resolves with the first log entry of the Worker that has these fields. */
  client.logged = async (fields) => {
    const wanted = Object.entries(fields);
    const has = (line) => wanted.every(([key, value]) => line.includes(`${JSON.stringify(key)}:${JSON.stringify(value)}`));
    const line = await lines.when(has, () => withOutput(`a log entry ${JSON.stringify(fields)}`));
    // wrangler adds text around the Worker's output.
    return JSON.parse(line.slice(line.indexOf("{"), line.lastIndexOf("}") + 1));
  };
  return Object.assign(client, controlsOf(client));
}

const FAILED = "metadata-events-failed";

const queuesOf = (settings) => ({
  producers: [{ binding: "METADATA_QUEUE", queue: "metadata-events" }],
  consumers: [{ queue: "metadata-events", dead_letter_queue: FAILED, ...settings }, { queue: FAILED, max_batch_timeout: 0 }],
});

/** A Worker around the one under test that also puts objects into its bucket, sends messages, and consumes the dead-letter queue. */
const wrapperSource = (main) => `
import Worker from ${JSON.stringify(main)};
export * from ${JSON.stringify(main)};
const failed = [];
const KINDS = { bytes: [new Uint8Array([1, 2, 3]), "bytes"], bigint: [1n, "v8"], text: ["text", "text"], null: [null, "json"] };
const messageOf = ({ kind, body }) => {
  const [value, contentType] = kind ? KINDS[kind] : [body, "json"];
  return { body: value, contentType };
};
export default class extends Worker {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/test/put": {
        const { keys, bytes } = await request.json();
        await Promise.all(keys.map((key) => this.env.IMAGES.put(key, Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)))));
        return new Response();
      }
      case "/test/send":
        await this.env.METADATA_QUEUE.sendBatch((await request.json()).map(messageOf));
        return new Response();
      case "/test/failed":
        return Response.json(failed);
      default:
        return super.fetch(request);
    }
  }

  async queue(batch) {
    if (batch.queue === ${JSON.stringify(FAILED)}) for (const { body } of batch.messages) failed.push(body);
    else return super.queue(batch);
  }
}
`;

function controlsOf(client) {
  const call = async (path, body) => {
    const answer = await client.request(body ? "POST" : "GET", `/test/${path}`, { body: body && JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.text}`);
    return answer;
  };
  return {
    /** Stores the same object under each key. */
    put: (keys, bytes) => call("put", { keys, bytes: bytes.toString("base64") }),
    /** Sends messages, each `{ body }` or one of the `kind`s that JSON cannot express. */
    send: async (messages) => {
      for (let n = 0; n < messages.length; n += 100) await call("send", messages.slice(n, n + 100));
    },
    /** Returns the messages in the dead-letter queue so far. */
    failed: async () => (await call("failed")).json,
  };
}

/** Stores objects in the bucket and records in KV before wrangler serves them. */
async function fill({ objects = {}, records = {} }, configPath, state) {
  const { env, dispose } = await getPlatformProxy({ configPath, persist: { path: path.join(state, "v3") } });
  try {
    for (const [key, { bytes, httpMetadata }] of Object.entries(objects)) await env.IMAGES.put(key, bytes, { httpMetadata });
    for (const [key, metadata] of Object.entries(records)) await env.IMAGE_METADATA_CACHE.put(key, "", { metadata });
  } finally {
    await dispose();
  }
}

/** The upload size in KiB that `wrangler deploy` reports: `{ total, gzip }`. */
export async function uploadSize() {
  const [, total, gzip] = (await dryRun()).match(/Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/);
  return { total: Number(total), gzip: Number(gzip) };
}

/** The output of `wrangler deploy --dry-run` with these arguments; `edit` changes the text of wrangler.toml. */
export async function dryRun({ edit = (toml) => toml, args: further = [] } = {}) {
  const directory = mkdtempSync(path.join(os.tmpdir(), "wrangler-"));
  try {
    const config = path.join(directory, "wrangler.toml");
    // Unchanged except for the build step, which would replace files that other tests read.
    const toml = edit(readFileSync(path.join(root, "wrangler.toml"), "utf8"));
    writeFileSync(config, toml.replace(/^main\s*=.*/m, () => `main = ${JSON.stringify(entry())}`).replace(/^\[build\]\n([^#[\n][^\n]*\n|\n)*/m, ""));
    const args = ["deploy", "--dry-run", "--config", config, "--outdir", path.join(directory, "out"), ...further];
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd: directory, env: environment(directory) });
    return stdout + stderr;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The environment of a wrangler that writes only to its directory and sends nothing to other hosts. */
function environment(directory) {
  return {
    ...process.env,
    // wrangler needs the Node that runs these tests, which may differ from the system's.
    PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`,
    CI: "1",
    WRANGLER_SEND_METRICS: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_LOG_PATH: path.join(directory, "logs"),
    MINIFLARE_REGISTRY_PATH: path.join(directory, "registry"),
  };
}

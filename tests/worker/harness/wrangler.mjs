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
 */
export async function wranglerDev(t, { metadata, source, env, objects, records, rateLimit }) {
  const directory = mkdtempSync(path.join(os.tmpdir(), "wrangler-"));
  const { compatibilityDate, compatibilityFlags } = manifest();
  const config = path.join(directory, "wrangler.json");
  const own = path.join(directory, "index.js");
  if (source) writeFileSync(own, source);
  writeFileSync(
    config,
    JSON.stringify({
      name: "optimized-metadata-test",
      main: source ? own : entry(),
      compatibility_date: compatibilityDate,
      compatibility_flags: compatibilityFlags,
      kv_namespaces: [{ binding: "IMAGE_METADATA_CACHE", id: "test" }],
      r2_buckets: objects && [{ binding: "IMAGES", bucket_name: "test" }],
      ratelimits: rateLimit && [{ name: "METADATA_RATE_LIMIT", namespace_id: "1001", simple: rateLimit }],
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
  return client;
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

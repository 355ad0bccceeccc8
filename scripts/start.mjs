// `npm start`: serves the Worker locally, with the images of samples/ from an HTTP origin and, below bucket/, from R2.
//
// `ORIGIN_URL=https://images.my.site npm start` uses your own origin instead of the samples. `PLACEHOLDERS=1 npm start` adds
// placeholders to the metadata.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "./lib/environment.mjs";
import { imagesIn, serveOrigin } from "./lib/origin.mjs";
import { main, Problem, root, run, stopSignals } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

const port = Number(process.env.PORT ?? 8787);
const samples = join(root, "samples");
/** The port of the local HTTP origin, so that pages can show its images. */
const originPort = port + 10;
/** A name that wrangler.toml is unlikely to have: two buckets cannot share a binding. */
const bucket = "START_SAMPLES";
/** The paths below it are read from the bucket, all others from the HTTP origin. */
const prefix = "bucket";
/** The local resizer re-encodes each image. On two cores a large AVIF takes longer than the default `originTimeoutMs`. */
const originTimeoutMs = 25_000;
/** With these, metadata has placeholders. The local resizer is slow, but all timeouts together must be less than 30 s. */
const placeholders = process.env.PLACEHOLDERS && { placeholders: ["thumbhash", "color"], imagesBinding: "START_RESIZER", placeholderTimeoutMs: 4_000 };
// In the same folder as wrangler.toml, because its paths are relative.
const configuration = join(root, ".start.wrangler.toml");

await main(async () => {
  await requireFreePort();
  const env = await environment();
  // wrangler also builds, but build errors are easier to read from here.
  await buildWorker([], env);
  const originUrl = process.env.ORIGIN_URL ?? (await serveOrigin(samples, originPort));
  try {
    configure();
    await run("node", ["scripts/seed-bucket.mjs", configuration, bucket, samples, prefix], { env: quiet(env) });
    process.exitCode = await serve(originUrl, env);
  } finally {
    rmSync(configuration, { force: true });
  }
  process.exit();
});

async function requireFreePort() {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch (error) {
    const why = error.code === "EADDRINUSE" ? "is in use. Stop the program that uses it" : `is not available (${error.code}). Fix that`;
    throw new Problem(`Port ${port} ${why}, or use another port: PORT=8788 npm start`);
  }
  await once(server.close(), "close");
}

/**
 * Writes a copy of wrangler.toml with an R2 bucket and a queue of its events, which are optional in production. Its Worker also accepts
 * uploads to the bucket.
 */
function configure() {
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  const main = toml.replace(/^main = .*$/m, 'main = "scripts/lib/local-worker.mjs"');
  const further = `
[[r2_buckets]]
binding = "${bucket}"
bucket_name = "start-samples"
[[queues.producers]]
binding = "START_EVENTS"
queue = "start-events"
[[queues.consumers]]
queue = "start-events"
max_batch_size = 100
max_batch_timeout = 0
`;
  // A Worker has at most one Images binding.
  const images = `
[images]
binding = "${placeholders?.imagesBinding}"
`;
  writeFileSync(configuration, main.replace(/^\[images\]\nbinding = .*$/m, "") + further + (placeholders ? images : ""));
}

/** Stops wrangler from sending telemetry and from looking up this machine's location. */
function quiet(env) {
  return { ...env, WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
}

/** Runs wrangler until it exits or a signal stops it. Returns the exit code. */
async function serve(originUrl, env) {
  const settings = `metadata:${JSON.stringify({ originUrl, origins: [{ prefix, bucket }], originTimeoutMs, ...placeholders })}`;
  // A secret in production. A fixed value makes purges easy to try locally.
  const token = "ADMIN_TOKEN:local";
  // The Inspector shows them. A browser shows no pictures from the bucket, so one of them is enough.
  const own = process.env.ORIGIN_URL;
  const images = `START_IMAGES:${JSON.stringify([...(own ? [] : await imagesIn(samples)), `${prefix}/portrait.png`])}`;
  const wrangler = spawn("wrangler", ["dev", "--config", configuration, "--port", port, "--var", settings, "--var", token, "--var", images], {
    cwd: root,
    env: {
      ...quiet(env),
      ...(process.stdout.isTTY && { FORCE_COLOR: "1" }),
    },
    stdio: ["ignore", "pipe", "inherit"],
    // A separate process group, so that signals also reach wrangler's children.
    detached: true,
  });
  createInterface({ input: wrangler.stdout }).on("line", (line) => {
    console.log(line);
    if (line.includes("Ready on ")) printExamples(originUrl);
  });
  let stopped = false;
  for (const signal of stopSignals) {
    process.on(signal, () => {
      killGroup(wrangler, stopped ? "SIGKILL" : "SIGTERM");
      stopped = true;
    });
  }
  const [code] = await once(wrangler, "exit");
  killGroup(wrangler, "SIGKILL");
  return stopped ? 0 : code;
}

function killGroup({ pid }, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

async function printExamples(originUrl) {
  const site = `http://localhost:${port}`;
  // The records of a start without placeholders have none, and are served while they are refreshed.
  if (placeholders) await fetch(`${site}/metadata/*`, { method: "DELETE", headers: { Authorization: "Bearer local" } }).catch(() => {});
  const own = process.env.ORIGIN_URL;
  const images = own
    ? `  curl -i ${site}/metadata/<the path of an image below ${own}>`
    : `  curl -i ${site}/metadata/landscape.jpg
  curl -i "${site}/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=16:9"`;
  const fromBucket = await answer(site, `${prefix}/corners.png`);
  const answers = own ? [fromBucket, `  ${"all others".padEnd(18)} from ${own}`] : [await answer(site, "corners.png"), fromBucket];
  console.log(`
The path of an image selects its origin:
${answers.join("\n")}

Try:
${images}
  curl -i ${site}/metadata/${prefix}/portrait.png${placeholders ? `\n  curl -i "${site}/metadata/landscape.jpg?placeholder=data-url"` : ""}
  curl -i ${site}/health
  ${process.env.PORT ? `PORT=${port} ` : ""}npm run upload -- samples/landscape.jpg corners.png    # overwrites ${prefix}/corners.png, whose event reaches the Worker

${own ? "" : `Pages that you build can show the images of the HTTP origin, such as ${originUrl.replace("127.0.0.1", "localhost")}/landscape.jpg.
`}Or open ${site}/${own ? "" : "#path=landscape.jpg&aspect=16:9"}`);
}

/** Looks an image up, and describes it and its origin in a line. */
async function answer(site, path) {
  const from = path.startsWith(`${prefix}/`) ? "a local R2 bucket" : "a local HTTP origin";
  return `  ${path.padEnd(18)} ${await describe(`${site}/metadata/${path}`)}, from ${from}`;
}

async function describe(url) {
  try {
    const response = await fetch(url);
    const { metadata, detail } = await response.json();
    return response.ok ? `${metadata.width} by ${metadata.height} pixels, ${metadata.format}` : `${response.status}: ${detail}`;
  } catch (error) {
    return `no response (${error.message})`;
  }
}

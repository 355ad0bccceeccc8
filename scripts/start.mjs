// `npm start`: serves the Worker on this machine, with the images of samples/ at an HTTP origin and, below bucket/, in R2.
//
// `ORIGIN_URL=https://images.my.site npm start` takes images of your own instead of the samples.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "./lib/environment.mjs";
import { serveOrigin } from "./lib/origin.mjs";
import { main, Problem, root, run, stopSignals } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

const port = Number(process.env.PORT ?? 8787);
const samples = join(root, "samples");
const bucket = "IMAGES";
/** Where the bucket's images are: all other paths are not in the bucket, and go on to the HTTP origin. */
const bucketFolder = "bucket/";
/** The local resizer re-encodes each image: a large AVIF takes longer than the default of `originTimeoutMs` on two cores. */
const originTimeoutMs = 25_000;
// Beside wrangler.toml, whose paths it has.
const configuration = join(root, ".start.wrangler.toml");

await main(async () => {
  await requireFreePort();
  const env = await environment();
  // wrangler builds too, but what goes wrong in a build is easier to read from here.
  await buildWorker([], env);
  const originUrl = process.env.ORIGIN_URL ?? (await serveOrigin(samples));
  try {
    configure();
    await run("node", ["scripts/seed-bucket.mjs", configuration, bucket, samples, bucketFolder], { env: quiet(env) });
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
    const why = error.code === "EADDRINUSE" ? "is taken: stop what uses it" : `cannot be used (${error.code})`;
    throw new Problem(`Port ${port} ${why}, or take another with PORT=8788 npm start.`);
  }
  await once(server.close(), "close");
}

/** wrangler.toml, and the bucket that not everybody has. */
function configure() {
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  writeFileSync(configuration, `${toml}\n[[r2_buckets]]\nbinding = "${bucket}"\nbucket_name = "local"\n`);
}

/** For a wrangler that keeps to this machine: neither telemetry nor a look-up of where it is. */
function quiet(env) {
  return { ...env, WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
}

/** Runs wrangler until it ends or is told to stop, and gives the exit code. */
async function serve(originUrl, env) {
  const settings = `metadata:${JSON.stringify({ originBucket: bucket, originUrl, originTimeoutMs })}`;
  // A secret in production; here a purge should be easy to try.
  const token = "ADMIN_TOKEN:local";
  const wrangler = spawn("wrangler", ["dev", "--config", configuration, "--port", port, "--var", settings, "--var", token], {
    cwd: root,
    env: {
      ...quiet(env),
      ...(process.stdout.isTTY && { FORCE_COLOR: "1" }),
    },
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own, so that a signal reaches wrangler's children too.
    detached: true,
  });
  createInterface({ input: wrangler.stdout }).on("line", (line) => {
    console.log(line);
    if (line.includes("Ready on ")) invite();
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

function invite() {
  const site = `http://localhost:${port}`;
  const own = process.env.ORIGIN_URL;
  const images = own
    ? `  curl -i ${site}/metadata/<the path of an image below ${own}>`
    : `  curl -i ${site}/metadata/landscape.jpg
  curl -i "${site}/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=16:9"`;
  console.log(`
Try:
${images}
  curl -i ${site}/metadata/${bucketFolder}portrait.png    # from the local R2 bucket
  curl -i ${site}/health

Or open ${site}/${own ? "" : "#path=landscape.jpg&aspect=16:9"}`);
}

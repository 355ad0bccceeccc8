// `npm run smoke -- https://host photos/cat.jpg cdn/logo.png`: checks a running instance from outside, with an image of each origin.
// The first path goes through all checks. Each further path is looked up until a cache has it.
//
// It needs no token. Its only effect is that the images are cached.

import { setTimeout as sleep } from "node:timers/promises";
import { main, Problem } from "./lib/process.mjs";

/** The platform may route each request to another isolate, whose memory is cold. */
const TRIES = 20;
const PAUSE_MS = 250;
const TIMEOUT_MS = 30_000;

/** The headers of every response with metadata. See docs/http-api.md. */
const HEADERS = {
  "content-type": /^application\/json/,
  etag: /^(W\/)?"[0-9a-f]+"$/,
  "cache-control": /^public, max-age=\d+/,
  "cache-status": /^OptimizedMetadata; /,
  "metadata-age": /^\d+$/,
  "server-timing": /\btotal;dur=/,
  "x-content-type-options": /^nosniff$/,
};

/** The checks of the instance, with the image at the first path. */
const checks = {
  async health(host) {
    const response = await ask(`${host}/health`);
    const health = json(response);
    if (health?.code === "configuration-error") throw new Problem(health.detail);
    if (response.status !== 200 || health?.status !== "ok") {
      throw new Problem(`${response.url} returned ${response.status} ${response.headers.get("content-type") ?? ""}: this is not the service.`);
    }
    return `version ${health.version}`;
  },

  async image(host, path) {
    return described(path, await fetchMetadata(host + path));
  },

  async headers(host, path) {
    const { headers } = await fetchMetadata(host + path);
    for (const [name, value] of Object.entries(HEADERS)) {
      const actual = headers.get(name);
      if (actual === null) throw new Problem(`${name} is missing. Check whether a proxy in front of the Worker removes it.`);
      if (!value.test(actual)) throw new Problem(`${name} is "${actual}".`);
    }
    const again = await ask(host + path, { "If-None-Match": headers.get("etag") });
    if (again.status !== 304) throw new Problem(`If-None-Match with the ETag returned ${again.status} instead of 304.`);
    return `${Object.keys(HEADERS).length} as documented, and 304 for the ETag`;
  },

  async memory(host, path) {
    const layers = [];
    while (layers.length < TRIES) {
      if (layers.length > 0) await sleep(PAUSE_MS);
      const status = (await fetchMetadata(host + uncachedPath(path, layers.length))).headers.get("cache-status") ?? "";
      if (status.includes("fwd=bypass")) throw new Problem("The caches are disabled. Set cacheEnabled to true.");
      const layer = status.match(/detail=(\w+)/)?.[1];
      layers.push(layer);
      if (layer === "memory") return `hit at request ${layers.length}`;
    }
    throw new Problem(`No memory hit in ${TRIES} requests; layers: ${[...new Set(layers)].join(", ")}. Check that memoryCacheTtl is not 0.`);
  },

  async kv(host, path) {
    const { bindings } = json(await ask(`${host}/health`)) ?? {};
    if (!bindings?.kv) throw new Problem("KV is not bound. Bind a namespace with the name in kvNamespace.");
    // This image, beside the other one, is in no layer, so the request reaches all of them.
    const response = await ask(`${host}${path.replace(/[^/]*(\?.*)?$/, `smoke-${Date.now()}`)}`);
    const problem = json(response);
    // Without permission to list a bucket, S3 denies access to missing objects.
    if (!["not-found", "forbidden-by-origin"].includes(problem?.code)) throw new Problem(`A missing image returned ${response.status} ${problem?.code ?? ""} instead of 404 not-found.`);
    const [, duration] = response.headers.get("server-timing")?.match(/\bkv;dur=(\d+)/) ?? [];
    if (duration === undefined) throw new Problem("KV is bound, but was not read for an image that is not in memory.");
    return `bound, read in ${duration} ms`;
  },
};

/** Looks up the image of a further origin, and then again until a cache has the same metadata. */
async function checkOrigin(host, path) {
  const first = await fetchMetadata(host + path);
  const layers = [layerOf(first)];
  while (layers.length < TRIES) {
    const again = await fetchMetadata(host + path);
    layers.push(layerOf(again));
    if (again.headers.get("etag") !== first.headers.get("etag")) throw new Problem(`${path} has another ETag at request ${layers.length}.`);
    if (isEdgeHit(again) || again.headers.get("cache-status")?.includes("; hit")) return `${described(path, first)}, from ${layers[0]}, then from ${layerOf(again)}`;
    await sleep(PAUSE_MS);
  }
  throw new Problem(`${path} is not cached after ${TRIES} requests; layers: ${[...new Set(layers)].join(", ")}.`);
}

/** Returns the layer that answered. A hit in the platform's cache has the `Cache-Status` of the moment when it was stored. */
function layerOf(response) {
  if (isEdgeHit(response)) return "the platform's cache";
  return response.headers.get("cache-status")?.match(/detail=(\w+)/)?.[1] ?? "an unknown layer";
}

const isEdgeHit = ({ headers }) => headers.get("cf-cache-status") === "HIT";

/** Adds a parameter that the Worker ignores, but that is part of the key of the platform's cache in front of it. */
function uncachedPath(path, attempt) {
  return `${path}${path.includes("?") ? "&" : "?"}smoke=${Date.now()}-${attempt}`;
}

function described(path, { metadata: { width, height, format, source } }) {
  if (!(width > 0 && height > 0)) throw new Problem(`${path} is ${width} by ${height} pixels.`);
  return `${width} by ${height} pixels, ${format ?? "unknown format"}, source ${source}`;
}

/** Returns the path and query of a request for an image. As in a batch, `?` begins the query of a version. */
function requestPath(image) {
  const [path, ...query] = image.split("?");
  return ["/metadata/" + path.split("/").map(encodeURIComponent).join("/"), ...query].join("?");
}

await main(async () => {
  const [site, named, ...further] = process.argv.slice(2);
  const image = named || "landscape.jpg";
  const host = site && URL.canParse(site) && new URL(site).origin;
  if (!host || host === "null") throw new Problem("Pass the URL of the instance and the path of an image, or of one at each origin: npm run smoke -- https://host photos/cat.jpg");
  const path = requestPath(image);
  const all = [
    ...Object.entries(checks).map(([name, check]) => [name, () => check(host, path)]),
    ...further.map((image) => [image, () => checkOrigin(host, requestPath(image))]),
  ];
  let failures = 0;
  for (const [name, check] of all) {
    try {
      console.log(`ok    ${name}: ${await check()}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      console.log(`FAIL  ${name}: ${error.message}`);
      failures++;
      // The other checks mean nothing if this is not the service.
      if (name === "health") break;
    }
  }
  if (failures > 0) throw new Problem(`${failures === 1 ? "A check" : `${failures} checks`} of ${host} failed.`);
});

async function ask(url, headers) {
  try {
    // The timeout covers the body, too.
    const response = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    throw new Problem(`Cannot reach ${url}: ${(error.cause ?? error).message || error.cause.code}.`);
  }
}

/** Requests metadata; returns the headers and the metadata. */
async function fetchMetadata(url) {
  const response = await ask(url);
  const body = json(response);
  if (response.status !== 200 || !body?.metadata) {
    throw new Problem(`${url} returned ${response.status}${body?.code ? ` ${body.code}: ${body.detail}` : ""}`);
  }
  return { headers: response.headers, metadata: body.metadata };
}

function json({ text }) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

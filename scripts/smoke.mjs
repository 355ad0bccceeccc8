// `npm run smoke -- https://host photos/cat.jpg`: checks a running instance from outside, with an image that its origin has.
//
// It needs no token and changes nothing but that the image is in the caches afterwards.

import { setTimeout as sleep } from "node:timers/promises";
import { main, Problem } from "./lib/process.mjs";

/** The platform may hand each request to another isolate, whose memory is cold. */
const TRIES = 20;
const PAUSE_MS = 250;
const TIMEOUT_MS = 30_000;

/** What every answer with metadata has, as docs/http-api.md says. */
const HEADERS = {
  "content-type": /^application\/json/,
  etag: /^(W\/)?"[0-9a-f]+"$/,
  "cache-control": /^public, max-age=\d+/,
  "cache-status": /^OptimizedMetadata; /,
  "metadata-age": /^\d+$/,
  "server-timing": /\btotal;dur=/,
  "x-content-type-options": /^nosniff$/,
};

const checks = {
  async health(host) {
    const answer = await ask(`${host}/health`);
    const health = json(answer);
    if (health?.code === "configuration-error") throw new Problem(health.detail);
    if (answer.status !== 200 || health?.status !== "ok") {
      throw new Problem(`${answer.url} answers ${answer.status} ${answer.headers.get("content-type") ?? ""}: this is not the service.`);
    }
    return `version ${health.version}`;
  },

  async image(host, path) {
    const { width, height, format, source } = (await found(host + path)).metadata;
    if (!(width > 0 && height > 0)) throw new Problem(`${path} is ${width} by ${height} pixels.`);
    return `${width} by ${height} pixels, ${format ?? "of an unknown format"}, by ${source}`;
  },

  async headers(host, path) {
    const { headers } = await found(host + path);
    for (const [name, value] of Object.entries(HEADERS)) {
      const actual = headers.get(name);
      if (actual === null) throw new Problem(`${name} is missing: does something before the Worker take it away?`);
      if (!value.test(actual)) throw new Problem(`${name} is "${actual}".`);
    }
    const again = await ask(host + path, { "If-None-Match": headers.get("etag") });
    if (again.status !== 304) throw new Problem(`If-None-Match with its ETag answers ${again.status} instead of 304.`);
    return `${Object.keys(HEADERS).length} as documented, and 304 for the ETag`;
  },

  async memory(host, path) {
    const layers = [];
    while (layers.length < TRIES) {
      if (layers.length > 0) await sleep(PAUSE_MS);
      const status = (await found(host + path)).headers.get("cache-status") ?? "";
      if (status.includes("fwd=bypass")) throw new Problem("The caches are off: set cacheEnabled to true.");
      const layer = status.match(/detail=(\w+)/)?.[1];
      layers.push(layer);
      if (layer === "memory") return `warm at request ${layers.length}`;
    }
    throw new Problem(`Cold after ${TRIES} requests, which ${[...new Set(layers)].join(" and ")} answered: is memoryCacheTtl 0?`);
  },

  async kv(host) {
    const { bindings } = json(await ask(`${host}/health`)) ?? {};
    if (!bindings?.kv) throw new Problem("KV is not bound: bind a namespace of the name in kvNamespace.");
    // No layer knows this one, so that all of them are asked.
    const answer = await ask(`${host}/metadata/smoke-${Date.now()}`);
    const problem = json(answer);
    if (problem?.code !== "not-found") throw new Problem(`An image that nobody has is answered ${answer.status} ${problem?.code ?? ""}.`);
    const [, duration] = answer.headers.get("server-timing")?.match(/\bkv;dur=(\d+)/) ?? [];
    if (duration === undefined) throw new Problem("KV is bound, but was not asked for an image that is not in memory.");
    return `bound, and answers in ${duration} ms`;
  },
};

await main(async () => {
  const [site, named] = process.argv.slice(2);
  const image = named || "landscape.jpg";
  const host = site && URL.canParse(site) && new URL(site).origin;
  if (!host || host === "null") throw new Problem("Say where it is, and an image that it has: npm run smoke -- https://host photos/cat.jpg");
  const path = `/metadata/${image.split("/").map(encodeURIComponent).join("/")}`;
  let failures = 0;
  for (const [what, check] of Object.entries(checks)) {
    try {
      console.log(`ok    ${what}: ${await check(host, path)}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      console.log(`FAIL  ${what}: ${error.message}`);
      failures++;
      // Whatever else is asked of the wrong place says nothing.
      if (what === "health") break;
    }
  }
  if (failures > 0) throw new Problem(`${host} does not do what it should.`);
});

async function ask(url, headers) {
  try {
    // Bodies are read within the same limit.
    const answer = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { url, status: answer.status, headers: answer.headers, text: await answer.text() };
  } catch (error) {
    throw new Problem(`${url} cannot be reached: ${(error.cause ?? error).message || error.cause.code}.`);
  }
}

/** The headers and the metadata of an answer that has some. */
async function found(url) {
  const answer = await ask(url);
  const body = json(answer);
  if (answer.status !== 200 || !body?.metadata) {
    throw new Problem(`${url} answers ${answer.status}${body?.code ? ` ${body.code}: ${body.detail}` : ""}`);
  }
  return { headers: answer.headers, metadata: body.metadata };
}

function json({ text }) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

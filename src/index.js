// The Worker's entry: what memory can answer is answered at once, all else by the build's own handler.
//
// It is the only JavaScript of the Worker, and there for speed alone: the build's handler makes a promise and a pair of
// proxies for every request, which costs more than a look-up in memory.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker, { Memory } from "../build/index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    return fromMemory(request) ?? this.#worker.fetch(request);
  }

  fetchMetadata(path) {
    return this.#worker.fetchMetadata(path);
  }

  fetchAndProcessMetadata(path, parameters) {
    return this.#worker.fetchAndProcessMetadata(path, parameters);
  }

  get #worker() {
    return new Worker(this.ctx, this.env);
  }
}

function fromMemory({ method, url, headers }) {
  if (method !== "GET" && method !== "HEAD") return;
  const answer = Memory.answer(url, headers.get("If-None-Match"), headers.get("Origin"));
  if (answer === undefined) return;
  const lines = answer.split("\n");
  const last = lines.length - 1;
  const response = new Response(lines[last] || null, heads.get(lines[0]) ?? head(lines[0]));
  const own = response.headers;
  for (let n = 1; n < last; n += 2) own.set(lines[n], lines[n + 1]);
  return response;
}

const heads = new Map();

/** Status and constant headers: a response copies them faster than it reads them from a plain object. */
function head(line) {
  const [status, ...fields] = line.split("\t");
  const headers = new Headers();
  for (let n = 0; n < fields.length; n += 2) headers.set(fields[n], fields[n + 1]);
  const made = { status: Number(status), headers };
  heads.set(line, made);
  return made;
}

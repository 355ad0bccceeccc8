// The Worker's entry: what memory can answer is answered at once, all else by the build's own handler.
//
// The build's handler makes a promise and a pair of proxies for every request, which costs more than a look-up in memory.

import { readBody } from "./body.js";
import { pending, replaceInstance, whileInstanceLives } from "./guard.js";
import { WorkerEntrypoint } from "cloudflare:workers";
import Worker, { Memory } from "../build/index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    guard();
    return fromMemory(request) ?? (isBatch(request) ? batch(this, request) : forward(this, request));
  }

  fetchMetadata(path) {
    guard();
    return whileInstanceLives(() => build(this).fetchMetadata(path));
  }

  fetchAndProcessMetadata(path, parameters) {
    guard();
    return whileInstanceLives(() => build(this).fetchAndProcessMetadata(path, parameters));
  }
}

/** Replaces an instance that a terminated request has left unusable. Every entry calls this first. */
function guard() {
  if (pending.count !== 0) replaceInstance(Memory);
}

const forward = (worker, request) => whileInstanceLives(() => build(worker).fetch(request));

/** The one route that takes a body; others answer without reading it. */
const isBatch = ({ method, url }) => method === "POST" && new URL(url).pathname === "/metadata";

async function batch(worker, request) {
  const { method, url, headers } = request;
  const received = await readBody(request);
  // A later turn: another request may have been terminated since.
  guard();
  return forward(worker, { method, url, headers, received });
}

// No private member of the class: every instance, and there is one for each request, would pay for it.
const build = ({ ctx, env }) => new Worker(ctx, env);

function fromMemory({ method, url, headers }) {
  if (method !== "GET" && method !== "HEAD") return;
  const answer = answerFromMemory(url, headers.get("If-None-Match"), headers.get("Origin"));
  if (answer === undefined) return;
  const { body, init } = recent.get(answer) ?? parsed(answer);
  return new Response(body, init);
}

/** Counted here, with the copying of its arguments: a termination runs no `finally`. */
function answerFromMemory(url, ifNoneMatch, origin) {
  pending.count++;
  try {
    return Memory.answer(url, ifNoneMatch, origin);
  } finally {
    pending.count--;
  }
}

/**
 * Answers of late, by their text. An answer changes once a second, with its `Metadata-Age`: an image that is asked for more often
 * than that has its headers here, which a response copies faster than it makes them.
 */
const recent = new Map();
const MOST_RECENT = 256;

/** Reads the status, the headers' names and values, and the body, each of which is a line. */
function parsed(answer) {
  const lines = answer.split("\n");
  const last = lines.length - 1;
  const headers = new Headers();
  for (let n = 1; n < last; n += 2) headers.append(lines[n], lines[n + 1]);
  const made = { body: lines[last] || null, init: { status: Number(lines[0]), headers } };
  if (recent.size === MOST_RECENT) recent.clear();
  recent.set(answer, made);
  return made;
}

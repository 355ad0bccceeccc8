// The Worker's entry: what memory can answer is answered at once, all else by the build's own handler.
//
// The build's handler makes a promise and a pair of proxies for every request, which costs more than a look-up in memory.

import { readBody } from "./body.js";
import { pending, replaceInstance, whileInstanceLives } from "./guard.js";
import { WorkerEntrypoint } from "cloudflare:workers";
import { warm } from "./warm.js";
import Worker, { Memory } from "../build/index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    guard();
    // Each of these is read once: the runtime makes a string of the URL, and an object of the headers, at every look.
    const { method, url, headers } = request;
    const ifNoneMatch = headers.get("If-None-Match");
    const origin = headers.get("Origin");
    if (method === "GET" || method === "HEAD") {
      const response = fromMemory(method === "HEAD", url, ifNoneMatch, origin);
      if (response !== undefined) return response;
    }
    const incoming = { head: headOf(method, url, ifNoneMatch, origin, headers.get("Authorization")) };
    if (method === "POST" && new URL(url).pathname === "/metadata") return batch(this, request, incoming);
    return forward(this, request, incoming);
  }

  fetchMetadata(path) {
    guard();
    return call(this, (build) => build.fetchMetadata(path));
  }

  fetchAndProcessMetadata(path, parameters) {
    guard();
    return call(this, (build) => build.fetchAndProcessMetadata(path, parameters));
  }
}

/** Replaces an instance that a terminated request has left unusable. Every entry calls this first. */
function guard() {
  if (pending.count !== 0) replaceInstance(Memory);
}

/** The head of a request, as src/edge/incoming.rs takes it. Neither a URL nor a header has a line break. */
const headOf = (method, url, ...values) => [method, url, ...values.map((value) => value ?? "")].join("\n");

/** Hands a request over to the build. */
function forward(worker, request, incoming) {
  const start = (number, watch) => {
    incoming.number = number;
    incoming.watch = watch;
    return build(worker).fetch(incoming).then(responseOf);
  };
  return whileInstanceLives(start, cancel, request);
}

/** The one route that takes a body; others answer without reading it. */
async function batch(worker, request, incoming) {
  incoming.received = await readBody(request);
  // A later turn: another request may have been terminated since.
  guard();
  return forward(worker, request, incoming);
}

/** A call has no signal. The runtime keeps its context until it is complete, also when the caller leaves. */
function call(worker, method) {
  const outcome = whileInstanceLives(() => method(build(worker)), cancel);
  worker.ctx.waitUntil(outcome.catch(() => {}));
  return outcome;
}

// No private member of the class: every instance, and there is one for each request, would pay for it.
const build = ({ ctx, env }) => new Worker(ctx, env);

function fromMemory(isHead, url, ifNoneMatch, origin) {
  const answer = answerFromMemory(isHead, url, ifNoneMatch, origin);
  if (answer === undefined) return;
  const { body, init } = answer[0] === "+" ? (recent.get(answer) ?? kept(answer)) : parsed(answer);
  return new Response(body, init);
}

/** Nobody reads the response to a cancelled request, which has no answer. */
function responseOf(answer) {
  if (answer === undefined) return Response.error();
  const { body, init } = parsed(answer);
  return new Response(body, init);
}

function cancel(number) {
  pending.count++;
  try {
    Memory.cancel(number);
  } finally {
    pending.count--;
  }
}

/** Counted here, with the copying of its arguments: a termination runs no `finally`. */
function answerFromMemory(isHead, url, ifNoneMatch, origin) {
  pending.count++;
  try {
    return Memory.answer(isHead, url, ifNoneMatch, origin);
  } finally {
    pending.count--;
  }
}

/**
 * Answers that were given again, by their text. An answer changes once a second, with its `Metadata-Age`: an image that is asked
 * for more often than that has its headers here, which a response copies faster than it makes them. Where no image is, a look-up
 * here would cost more than it saves, so that the first answer of a second is not looked for.
 */
const recent = new Map();
const MOST_RECENT = 256;

function kept(answer) {
  const made = parsed(answer);
  if (recent.size === MOST_RECENT) recent.clear();
  recent.set(answer, made);
  return made;
}

/** The parts of an answer, as src/edge/wire.rs writes it. */
function parsed(answer) {
  const end = answer.indexOf("\n\n");
  const lines = answer.slice(0, end).split("\n");
  const headers = new Headers();
  for (let n = 1; n < lines.length; n += 2) headers.append(lines[n], lines[n + 1]);
  return { body: answer.slice(end + 2) || null, init: { status: Number(lines[0]), headers } };
}

const answer = await warm(Memory);
if (answer !== undefined) parsed(answer);

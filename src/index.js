// The Worker's entry point. Memory hits are served synchronously, everything else by the build's own handler.
//
// The build's handler creates a promise and two proxies per request, which costs more than a look-up in memory.

import { readBody } from "./edge/body.js";
import { pending, replaceInstance, whileInstanceLives } from "./edge/guard.js";
import { warm } from "./edge/warm.js";
import { WorkerEntrypoint } from "cloudflare:workers";
import Worker, { Memory } from "../build/index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    guard();
    // Read each of these once: the runtime creates a new string for the URL, and a new object for the headers, on every access.
    const { method, url, headers } = request;
    const ifNoneMatch = headers.get("If-None-Match");
    const origin = headers.get("Origin");
    if (method === "GET" || method === "HEAD") {
      const response = fromMemory(method === "HEAD", url, ifNoneMatch, origin);
      if (response !== undefined) return response;
    }
    const address = this.env.METADATA_RATE_LIMIT === undefined ? null : headers.get("CF-Connecting-IP");
    const incoming = { head: headOf(method, url, ifNoneMatch, origin, headers.get("Authorization"), address) };
    if (method === "POST" && new URL(url).pathname === "/metadata") return batch(this, request, incoming);
    return forward(this, request, incoming);
  }

  async queue({ messages }) {
    guard();
    const text = JSON.stringify(messages.map(({ body, attempts, timestamp }) => [jsonOf(body), attempts, timestamp.getTime()]));
    const delays = await call(this, (build) => build.fetchEvents(text, this.env));
    for (const [n, message] of messages.entries()) {
      if (delays[n] === 0) message.ack();
      else message.retry({ delaySeconds: delays[n] });
    }
  }

  fetchMetadata(path, parameters) {
    guard();
    return call(this, (build) => build.fetchMetadata(path, parameters));
  }

  fetchAndProcessMetadata(path, parameters) {
    guard();
    return call(this, (build) => build.fetchAndProcessMetadata(path, parameters));
  }
}

/** Replaces an instance that a terminated request has left unusable. Every entry point calls this first. */
function guard() {
  if (pending.count !== 0) replaceInstance(Memory);
}

/** Encodes the head of a request for src/edge/incoming.rs. URLs and headers cannot contain line breaks. */
const headOf = (method, url, ...values) => [method, url, ...values.map((value) => value ?? "")].join("\n");

/** Encodes the body of a message. One that JSON cannot express must not fail the others of its batch. */
function jsonOf(body) {
  try {
    return JSON.stringify(body);
  } catch {
    return null;
  }
}

/** Passes a request to the build. */
function forward(worker, request, incoming) {
  const start = (number, watch) => {
    incoming.number = number;
    incoming.watch = watch;
    return build(worker).fetch(incoming).then(responseOf);
  };
  return whileInstanceLives(start, cancel, request);
}

/** Handles the only route that accepts a body. The others respond without reading it. */
async function batch(worker, request, incoming) {
  incoming.received = await readBody(request);
  // This is a later turn: another request may have been terminated since the check above.
  guard();
  return forward(worker, request, incoming);
}

/** Handles an RPC call, which has no signal. `waitUntil` keeps its context alive, even if the caller disconnects. */
function call(worker, method) {
  const outcome = whileInstanceLives(() => method(build(worker)), cancel);
  worker.ctx.waitUntil(outcome.catch(() => {}));
  return outcome;
}

// Not a private member of the class: there is an instance per request, and each would pay for it.
const build = ({ ctx, env }) => new Worker(ctx, env);

function fromMemory(isHead, url, ifNoneMatch, origin) {
  const answer = answerFromMemory(isHead, url, ifNoneMatch, origin);
  if (answer === undefined) return;
  const { body, init } = answer[0] === "+" ? (recent.get(answer) ?? parseAndKeep(answer)) : parse(answer);
  return new Response(body, init);
}

/** Builds a response. A cancelled request has no answer, and no client reads its response. */
function responseOf(answer) {
  if (answer === undefined) return Response.error();
  const { body, init } = parse(answer);
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

/** Counts the call itself, to include the copying of its arguments. A termination does not run the `finally` block. */
function answerFromMemory(isHead, url, ifNoneMatch, origin) {
  pending.count++;
  try {
    return Memory.answer(isHead, url, ifNoneMatch, origin);
  } finally {
    pending.count--;
  }
}

/**
 * Parsed answers that were repeated, by their text. Copying headers is faster than creating them. An answer changes once a
 * second, with its `Metadata-Age`, so this helps images that are requested more often than that. The first answer in a second
 * is not looked up here, because for rarely requested images that would cost more than it saves.
 */
const recent = new Map();
const MAX_RECENT = 256;

function parseAndKeep(answer) {
  const parsed = parse(answer);
  if (recent.size === MAX_RECENT) recent.clear();
  recent.set(answer, parsed);
  return parsed;
}

/** Parses an answer in the format of src/edge/wire.rs. */
function parse(answer) {
  const end = answer.indexOf("\n\n");
  const lines = answer.slice(0, end).split("\n");
  const headers = new Headers();
  for (let n = 1; n < lines.length; n += 2) headers.append(lines[n], lines[n + 1]);
  return { body: answer.slice(end + 2) || null, init: { status: Number(lines[0]), headers } };
}

const answer = await warm(Memory);
if (answer !== undefined) parse(answer);

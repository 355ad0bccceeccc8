import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { within } from "./gate.mjs";
import { close, createTestServer, listen } from "./listener.mjs";
import { root } from "./modules.mjs";

const script = path.join(root, "scripts/warm.mjs");
const TIMEOUT_MS = 60_000;

/** Starts `npm run warm`, its output not a terminal. `exited` resolves with its exit code, or signal, and its output. */
export function startWarm(args, { env, input = "" } = {}) {
  const { ADMIN_TOKEN, ...inherited } = process.env;
  const child = spawn(process.execPath, [script, ...args], { env: { ...inherited, ...env } });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (output[name] += text));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const exited = once(child, "close").then(([code, signal]) => ({ code: code ?? signal, ...output }));
  return { kill: (signal) => child.kill(signal), exited: within(exited, () => `npm run warm to end:\n${JSON.stringify(output)}`, TIMEOUT_MS) };
}

/** Runs `npm run warm`. */
export const runWarm = (args, options) => startWarm(args, options).exited;

/** Creates a folder that is deleted after the test; returns a function from a name to a path in it. */
export function folder(t) {
  const directory = mkdtempSync(path.join(os.tmpdir(), "warm-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return (name) => path.join(directory, name);
}

/** A stand-in for the service that knows every image, with a responder for batches that a test can replace. */
export class FakeService {
  #server = createTestServer((request, response) => this.#serve(request, response));
  /** The paths of each batch, in the order of arrival. */
  batches = [];
  /** The requests, without bodies. */
  requests = [];
  /** Answers a batch: returns its results, or `{ status, headers, body }`, `"reset"` or `undefined` for results as usual. */
  answer = () => undefined;
  /** Answers the empty batch by which the command checks that this is the service. */
  check = () => problem(400, "invalid-batch");
  /** Answers other requests. */
  other = () => problem(404, "no-route");

  static async start(t) {
    const fake = new FakeService();
    fake.url = `http://${await listen(fake.#server)}`;
    t.after(() => close(fake.#server));
    return fake;
  }

  /** All requested paths. */
  get paths() {
    return this.batches.flat();
  }

  async #serve(request, response) {
    const { method, url, headers } = request;
    this.requests.push({ method, url, headers });
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const answer = await this.#answer(method, url, text && JSON.parse(text).paths);
    if (answer === "reset") return request.socket.resetAndDestroy();
    const { status = 200, headers: own, body } = Array.isArray(answer) ? { body: { results: answer } } : answer;
    response.writeHead(status, { "Content-Type": status === 200 ? "application/json" : "application/problem+json", ...own });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  async #answer(method, url, paths) {
    if (method !== "POST" || url !== "/metadata") return this.other(url);
    if (paths.length === 0) return this.check();
    this.batches.push(paths);
    return (await this.answer(paths, this.batches.length)) ?? paths.map(found);
  }
}

export const METADATA = { width: 4, height: 3, format: "jpeg", confidence: "high", source: "format-json" };
export const found = (path) => ({ status: 200, path, metadata: METADATA });

/** The result of an image that failed. */
export const failed = (path, status, code, retryAfter) => ({ path, status, problem: problem(status, code, retryAfter).body });

/** A response with a problem; with `retryAfter`, in seconds, as the service sends it. */
export function problem(status, code, retryAfter) {
  const headers = retryAfter === undefined ? {} : { "Retry-After": `${retryAfter}` };
  return { status, headers, body: { status, code, detail: `The detail of ${code}.`, retryAfter } };
}

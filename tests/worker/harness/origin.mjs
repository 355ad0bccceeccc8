import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Chronicle } from "./gate.mjs";
import { standIn } from "./listener.mjs";

/** What the header is called in which workerd hands us `request.cf`. */
export const CF_BLOB = "cf-blob";

/**
 * Stands in for the origin and the image resizer before it. workerd sends it every outbound fetch as to a proxy,
 * so that a request shows the full URL, host included, and `cf`.
 */
export class Origin {
  #server;
  #address;
  #requests = new Chronicle();
  #routes = new Map();
  #fallback = image();

  async listen(port = 0) {
    // A request to a proxy may come without a Host header.
    this.#server = standIn((request, response) => this.#serve(request, response), { requireHostHeader: false });
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#address = this.#server.address();
    return `127.0.0.1:${this.#address.port}`;
  }

  async close() {
    if (!this.#server?.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** From now on connections are refused; `listen` again with `port` heals it. */
  refuse() {
    return this.close();
  }

  get port() {
    return this.#address.port;
  }

  /** Answers requests for `path` (as on the wire, host and query aside) with `responder`; without a path, all others. */
  on(path, responder) {
    if (typeof path === "function") this.#fallback = path;
    else this.#routes.set(path, responder);
  }

  get requests() {
    return this.#requests.items;
  }

  requestsTo(path) {
    return this.requests.filter((r) => r.path === path);
  }

  requestsToHost(host) {
    return this.requests.filter((r) => r.host === host);
  }

  /** Resolves with the `count`th request for `path`, come or to come. */
  async asked(path, count = 1) {
    await this.#requests.whenCount(count, (r) => r.path === path, `origin requests for ${path}`);
    return this.requestsTo(path)[count - 1];
  }

  /** Resolves when the Worker has hung up on an unfinished answer for `path`. */
  hungUp(path) {
    return this.#requests.when((r) => r.path === path && r.hungUp, `the Worker hung up on ${path}`);
  }

  forget() {
    this.#requests.items.length = 0;
  }

  #serve(request, response) {
    const url = new URL(request.url, `http://${request.headers.host ?? "unknown"}`);
    const { [CF_BLOB]: cf, ...headers } = request.headers;
    const path = request.url.replace(/^https?:\/\/[^/?#]*/, "").replace(/\?.*$/s, "");
    const record = this.#requests.add({
      url: request.url,
      method: request.method,
      host: url.host,
      path,
      headers,
      cf: cf && JSON.parse(cf),
      sent: 0,
      hungUp: false,
    });
    response.on("error", () => {});
    response.on("close", () => {
      record.hungUp = !response.writableFinished;
      record.closed = true;
      this.#requests.changed();
    });
    const responder = this.#routes.get(path) ?? this.#fallback;
    Promise.resolve(responder(request, response, record)).catch((error) => response.destroy(error));
  }
}

// Answers -------------------------------------------------------------------------------------------------------------

/** What the resizer says of an image that is stored so, and displayed with its sides swapped if `rotated`, scaled down. */
export function image({ width = 4000, height = 3000, format = "image/jpeg", fileSize = 123456, rotated = false } = {}) {
  const scale = Math.min(1, 640 / Math.max(width, height));
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const output = rotated ? { width: down, height: across } : { width: across, height: down };
  return json({ ...output, original: { file_size: fileSize, width, height, format } });
}

export function json(body, { status = 200, headers = {} } = {}) {
  return text(typeof body === "string" ? body : JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

export function text(body, { status = 200, headers = {} } = {}) {
  return (_, response) => {
    response.writeHead(status, { "Content-Type": "text/plain", "Content-Length": Buffer.byteLength(body), ...headers });
    response.end(body);
  };
}

/** A file, as an origin without a resizer before it serves it. */
export function file(path, type) {
  return async (_, response) => {
    const bytes = await readFile(path);
    response.writeHead(200, { "Content-Type": type, "Content-Length": bytes.length });
    response.end(bytes);
  };
}

/** An error page of the origin. */
export function failure(status, headers = {}) {
  return text(`origin says ${status}`, { status, headers });
}

/** An error of the resizer: text, and its own code in `Cf-Resized`. */
export function resizerError(code, status, headers = {}) {
  return text(`ERROR ${code}: the resizer's words`, { status, headers: { "Cf-Resized": `err=${code}`, ...headers } });
}

export function redirect(location, status = 302) {
  return text("", { status, headers: { Location: location } });
}

// Timing --------------------------------------------------------------------------------------------------------------

/** Lets `responder` answer once the gate is open. */
export function gated(gate, responder = image()) {
  return async (request, response, record) => {
    await gate.pass(record);
    return responder(request, response, record);
  };
}

/** Answers after a latency that is itself the subject of a test. */
export function slow(ms, responder = image()) {
  return async (...args) => {
    await sleep(ms);
    return responder(...args);
  };
}

/** Each request takes the next responder; the last one stays. */
export function inTurn(...responders) {
  let turn = 0;
  return (...args) => responders[Math.min(turn++, responders.length - 1)](...args);
}

// Faults --------------------------------------------------------------------------------------------------------------

/** Accepts the request and resets the connection. */
export function reset() {
  return (_, response) => response.socket.resetAndDestroy();
}

/** Accepts the request and never sends a byte. */
export function silence() {
  return () => {};
}

/** Sends headers and the start of a body, then nothing. */
export function stall(start = '{"width":640,') {
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 1000 });
    response.write(start);
  };
}

/** Promises more than it sends, then closes. */
export function truncated(start = '{"width":640,"height":360,"original":{"wid') {
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": start.length + 100 });
    response.write(start, () => response.socket.end());
  };
}

/** Sends `start` and `bytes` of white space, as fast as the reader takes them, with the headers given (none: chunked). */
export function flood(bytes, headers = {}, start = "") {
  return async (_, response, record) => {
    const chunk = Buffer.alloc(64 * 1024, " ");
    response.writeHead(200, { "Content-Type": "application/json", ...headers });
    response.write(start);
    while (record.sent < bytes && !record.closed) {
      const room = response.write(chunk);
      record.sent += chunk.length;
      if (!room) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
    response.end();
  };
}

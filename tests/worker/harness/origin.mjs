import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { EventLog } from "./gate.mjs";
import { createTestServer } from "./listener.mjs";

/** The header in which workerd sends `request.cf`. */
export const CF_BLOB = "cf-blob";

/**
 * A fake of the origin and of the image resizer in front of it. workerd sends it every outbound fetch as to a proxy, so a
 * request shows the full URL, host included, and `cf`.
 */
export class Origin {
  #server;
  #address;
  #requests = new EventLog();
  #routes = new Map();
  #fallback = image();

  async listen(port = 0) {
    // A request to a proxy may come without a Host header.
    this.#server = createTestServer((request, response) => this.#serve(request, response), { requireHostHeader: false });
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

  /** Refuses connections until the next `listen(port)`. */
  refuse() {
    return this.close();
  }

  get port() {
    return this.#address.port;
  }

  /** Handles requests for `path` (as on the wire, without host and query) with `responder`; without a path, all others. */
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

  /** Resolves with the `count`th request for `path`, past or future. */
  async received(path, count = 1) {
    await this.#requests.whenCount(count, (r) => r.path === path, `origin requests for ${path}`);
    return this.requestsTo(path)[count - 1];
  }

  /** Resolves once the Worker has closed the connection before the response for `path` was complete. */
  disconnected(path) {
    return this.#requests.when((r) => r.path === path && r.disconnected, `the Worker closing the connection for ${path}`);
  }

  clearRequests() {
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
      disconnected: false,
    });
    response.on("error", () => {});
    response.on("close", () => {
      record.disconnected = !response.writableFinished;
      record.closed = true;
      this.#requests.changed();
    });
    const responder = this.#routes.get(path) ?? this.#fallback;
    Promise.resolve(responder(request, response, record)).catch((error) => response.destroy(error));
  }
}

// Responses -----------------------------------------------------------------------------------------------------------

/** The resizer's JSON, scaled down, for a stored image of these dimensions; the sides of the output are swapped if `rotated`. */
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

/** Serves a file, as an origin without a resizer does. */
export function file(path, type) {
  return async (_, response) => {
    const bytes = await readFile(path);
    response.writeHead(200, { "Content-Type": type, "Content-Length": bytes.length });
    response.end(bytes);
  };
}

/** Serves bytes as a server with ranges does, in parts of at most `cap` bytes. `file` is called for each request. */
export function ranged(file, { headers = {}, cap = Infinity } = {}) {
  return (request, response) => {
    const bytes = typeof file === "function" ? file() : file;
    const type = { "Content-Type": "image/any", ETag: `"${createHash("md5").update(bytes).digest("hex")}"`, ...headers };
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (!range) return text(bytes, { headers: type })(request, response);
    const [first, last] = range.slice(1).map(Number);
    if (first >= bytes.length) return text("", { status: 416, headers: { "Content-Range": `bytes */${bytes.length}` } })(request, response);
    const part = bytes.subarray(first, Math.min(last + 1, first + cap));
    return partial(part, `bytes ${first}-${first + part.length - 1}/${bytes.length}`, type)(request, response);
  };
}

/** A part of a file, with any `Content-Range` or none. */
export function partial(bytes, contentRange, headers = {}) {
  const range = contentRange === undefined ? {} : { "Content-Range": contentRange };
  return text(bytes, { status: 206, headers: { "Content-Type": "image/any", ...range, ...headers } });
}

/** An error page of the origin. */
export function failure(status, headers = {}) {
  return text(`origin error ${status}`, { status, headers });
}

/** An error of the resizer: text, and the resizer's code in `Cf-Resized`. */
export function resizerError(code, status, headers = {}) {
  return text(`ERROR ${code}: the resizer's words`, { status, headers: { "Cf-Resized": `err=${code}`, ...headers } });
}

export function redirect(location, status = 302) {
  return text("", { status, headers: { Location: location } });
}

// Timing --------------------------------------------------------------------------------------------------------------

/** Delays `responder` until the gate opens. */
export function gated(gate, responder = image()) {
  return async (request, response, record) => {
    await gate.pass(record);
    return responder(request, response, record);
  };
}

/** Delays `responder` by `ms`, for tests of latency itself. */
export function delayed(ms, responder = image()) {
  return async (...args) => {
    await sleep(ms);
    return responder(...args);
  };
}

/** Uses the next responder for each request, and the last one from then on. */
export function inSequence(...responders) {
  let turn = 0;
  return (...args) => responders[Math.min(turn++, responders.length - 1)](...args);
}

// Faults --------------------------------------------------------------------------------------------------------------

/** Accepts the request and resets the connection. */
export function reset() {
  return (_, response) => response.socket.resetAndDestroy();
}

/** Accepts the request and never responds. */
export function noResponse() {
  return () => {};
}

/** Sends headers and the start of a body, then stalls. */
export function stall(start = '{"width":640,') {
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 1000 });
    response.write(start);
  };
}

/** Announces a longer body than it sends, then closes the connection. */
export function truncated(start = '{"width":640,"height":360,"original":{"wid') {
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": start.length + 100 });
    response.write(start, () => response.socket.end());
  };
}

/** Sends `start` and `bytes` of white space, as fast as the client reads, with these headers (chunked without a length). */
export function flood(bytes, headers = {}, start = "", status = 200) {
  return async (_, response, record) => {
    const chunk = Buffer.alloc(64 * 1024, " ");
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.write(start);
    while (record.sent < bytes && !record.closed) {
      const writable = response.write(chunk);
      record.sent += chunk.length;
      if (!writable) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
    response.end();
  };
}

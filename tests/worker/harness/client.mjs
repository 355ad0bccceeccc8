import http from "node:http";

/**
 * A client that sends a path byte for byte: `fetch` and `URL` normalise (`/a/../b`, `\`, a tab) what must reach the
 * Worker as it is.
 */
export class Client {
  #host;
  #agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
  #port;

  constructor(port, host = "127.0.0.1") {
    this.#port = port;
    this.#host = host;
  }

  /** Where it sends requests to. */
  get url() {
    return `http://${this.#host}:${this.#port}`;
  }

  /** Sends a request and resolves with its answer, body included. */
  request(method, path, options) {
    return this.begin(method, path, options).answer;
  }

  get(path, headers) {
    return this.request("GET", path, { headers });
  }

  /** Sends a request; `sent` resolves when it has left, `answer` with the answer, and `reset()` breaks the connection. */
  begin(method, path, { headers, body } = {}) {
    const request = http.request({ agent: this.#agent, host: this.#host, port: this.#port, method, headers });
    // Set here because the constructor refuses spaces and control characters, which are what some tests are about.
    request.path = path;
    const sent = new Promise((resolve) => request.once("finish", resolve));
    const answer = new Promise((resolve, reject) => {
      request.once("error", reject);
      request.once("response", (response) => collect(response).then(resolve, reject));
    });
    answer.catch(() => {});
    request.end(body);
    return { sent, answer, reset: () => request.socket.resetAndDestroy() };
  }

  /** `count` requests for one path at once, each on its own connection; `sent` as of `begin`, for all. */
  herd(count, path) {
    const requests = Array.from({ length: count }, () => this.begin("GET", path));
    return {
      sent: Promise.all(requests.map((request) => request.sent)),
      answers: Promise.all(requests.map((request) => request.answer)),
    };
  }

  close() {
    this.#agent.destroy();
  }
}

/** An answer, read to its end. */
class Answer {
  constructor({ statusCode, headers }, bytes) {
    this.status = statusCode;
    this.headers = headers;
    this.bytes = bytes;
  }

  get text() {
    return this.bytes.toString("utf8");
  }

  get json() {
    return JSON.parse(this.text);
  }

  get etag() {
    return this.headers.etag;
  }

  /** Seconds since the metadata was fetched; NaN without metadata. */
  get age() {
    return Number(this.headers["metadata-age"]);
  }

  get cacheStatus() {
    return parseCacheStatus(this.headers["cache-status"]);
  }

  /** Which layer answered: `memory`, `kv`, `origin` or `inflight`. */
  get layer() {
    return this.cacheStatus.detail;
  }

  get cacheControl() {
    return Object.fromEntries(
      (this.headers["cache-control"] ?? "").split(",").map((directive) => {
        const [name, value] = directive.trim().split("=");
        return [name, value === undefined ? true : Number(value)];
      }),
    );
  }

  get serverTiming() {
    return parseServerTiming(this.headers["server-timing"]);
  }
}

async function collect(response) {
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  return new Answer(response, Buffer.concat(chunks));
}

/** `OptimizedMetadata; fwd=miss; fwd-status=200; stored` → its parameters by name (RFC 9211: one cache, Structured Fields). */
export function parseCacheStatus(header) {
  if (header === undefined) return {};
  const [cache, ...parameters] = header.split(";").map((part) => part.trim());
  const value = (text) => (text === undefined ? true : /^-?\d+$/.test(text) ? Number(text) : text);
  return { cache, ...Object.fromEntries(parameters.map((parameter) => parameter.split("=")).map(([name, text]) => [name, value(text)])) };
}

/** `memory;dur=0, total;dur=1.5` → `{ memory: 0, total: 1.5 }`. */
export function parseServerTiming(header) {
  if (header === undefined) return {};
  return Object.fromEntries(
    header.split(",").map((metric) => {
      const [name, ...parameters] = metric.split(";").map((part) => part.trim());
      return [name, Number(parameters.find((p) => p.startsWith("dur="))?.slice(4))];
    }),
  );
}

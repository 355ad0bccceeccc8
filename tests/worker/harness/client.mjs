import http from "node:http";

/**
 * An HTTP client that sends a path byte for byte. `fetch` and `URL` would normalise paths such as `/a/../b`, `\` or a tab,
 * which must reach the Worker unchanged.
 */
export class Client {
  #host;
  #agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
  #port;

  constructor(port, host = "127.0.0.1") {
    this.#port = port;
    this.#host = host;
  }

  /** The base URL of its requests. */
  get url() {
    return `http://${this.#host}:${this.#port}`;
  }

  /** Sends a request and resolves with its response, body included. */
  request(method, path, options) {
    return this.begin(method, path, options).answer;
  }

  get(path, headers) {
    return this.request("GET", path, { headers });
  }

  /** Sends a request: `sent` resolves once it is written, `answer` with the response, and `reset()` resets the connection. */
  begin(method, path, { headers, body } = {}) {
    const request = http.request({ agent: this.#agent, host: this.#host, port: this.#port, method, headers });
    // Set afterwards: the constructor rejects spaces and control characters, which some tests send.
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

  /** Sends `count` concurrent requests for one path, each on its own connection; `sent` resolves once all are written. */
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

/** A response, body included. */
export class ClientResponse {
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

  /** The layer that answered: `memory`, `kv`, `origin` or `inflight`. */
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
  return new ClientResponse(response, Buffer.concat(chunks));
}

/** `OptimizedMetadata; fwd=miss; fwd-status=200; stored` → its parameters by name (RFC 9211: one cache, Structured Fields). */
function parseCacheStatus(header) {
  if (header === undefined) return {};
  const [cache, ...parameters] = header.split(";").map((part) => part.trim());
  const value = (text) => (text === undefined ? true : /^-?\d+$/.test(text) ? Number(text) : text);
  return { cache, ...Object.fromEntries(parameters.map((parameter) => parameter.split("=")).map(([name, text]) => [name, value(text)])) };
}

/** `memory;dur=0, total;dur=1.5` → `{ memory: 0, total: 1.5 }`. */
function parseServerTiming(header) {
  if (header === undefined) return {};
  return Object.fromEntries(
    header.split(",").map((metric) => {
      const [name, ...parameters] = metric.split(";").map((part) => part.trim());
      return [name, Number(parameters.find((p) => p.startsWith("dur="))?.slice(4))];
    }),
  );
}

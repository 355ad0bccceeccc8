import { Client } from "./client.mjs";
import { EventLog } from "./gate.mjs";
import { close, listen, createTestServer } from "./listener.mjs";

const ID_HEADER = "x-abort-proxy-request";

/**
 * A Worker in front of the Worker under test that aborts a request on the test's signal. Aborting over a service binding
 * cancels a request reliably; workerd does not always notice that a client's connection has closed.
 */
export const abortProxySource = `
export default {
  async fetch(request, env) {
    const id = request.headers.get("${ID_HEADER}");
    const forwarded = new Request(request);
    forwarded.headers.delete("${ID_HEADER}");
    const controller = new AbortController();
    env.SIGNAL.fetch("http://signal/" + id).then(() => controller.abort(), () => {});
    try {
      return await env.SITE.fetch(forwarded, { signal: controller.signal });
    } catch (error) {
      return new Response(String(error), { status: 499 });
    }
  },
};
`;

/** The test's control of the proxy. */
export class AbortProxy {
  /** The proxy's pending signal requests, by id: a response aborts the client's request. */
  #pending = new Map();
  #arrivals = new EventLog();
  #count = 0;
  #client;
  #server = createTestServer((request, response) => {
    const id = request.url.slice(1);
    this.#pending.set(id, response);
    this.#arrivals.add(id);
  });

  async listen() {
    return listen(this.#server);
  }

  connect(port) {
    this.#client?.close();
    this.#client = new Client(port);
  }

  get(path) {
    return this.request("GET", path);
  }

  /** Sends a request through the proxy: `arrived()` resolves once the proxy has it, `abort()` once the proxy has aborted it. */
  request(method, path, { headers, body } = {}) {
    const id = String(++this.#count);
    const answer = this.#client.request(method, path, { headers: { ...headers, [ID_HEADER]: id }, body });
    const arrived = () => this.#arrivals.when((arrival) => arrival === id, "the proxy requested its signal");
    const abort = async () => {
      await arrived();
      this.#pending.get(id).end();
      const { status } = await answer;
      if (status !== 499) throw new Error(`the proxy got ${status} before it could abort`);
    };
    return { answer, arrived, abort };
  }

  /** Drops the records of completed requests. */
  clearRequests() {
    this.#arrivals.items.length = 0;
    this.#pending.clear();
  }

  async close() {
    this.#client?.close();
    close(this.#server);
  }
}

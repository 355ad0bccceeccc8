import { Client } from "./client.mjs";
import { Chronicle } from "./gate.mjs";
import { close, listen, standIn } from "./listener.mjs";

const WHO = "x-front-request";

/**
 * A Worker before the one under test, which gives up a request when the test says so. An abort over a service binding
 * is the sure way to cancel a request: workerd does not always notice that a client's connection has gone.
 */
export const frontSource = `
export default {
  async fetch(request, env) {
    const who = request.headers.get("${WHO}");
    const forwarded = new Request(request);
    forwarded.headers.delete("${WHO}");
    const control = new AbortController();
    env.HAND.fetch("http://hand/" + who).then(() => control.abort(), () => {});
    try {
      return await env.SITE.fetch(forwarded, { signal: control.signal });
    } catch (error) {
      return new Response(String(error), { status: 499 });
    }
  },
};
`;

/** The test's side of the front Worker. */
export class Front {
  #hands = new Map();
  #seen = new Chronicle();
  #count = 0;
  #client;
  #server = standIn((request, response) => {
    const who = request.url.slice(1);
    this.#hands.set(who, response);
    this.#seen.add(who);
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

  /** A request through the front; `arrived()` resolves once the front has it, `abort()` once the front has given it up. */
  request(method, path, { headers, body } = {}) {
    const who = String(++this.#count);
    const answer = this.#client.request(method, path, { headers: { ...headers, [WHO]: who }, body });
    const arrived = () => this.#seen.when((seen) => seen === who, "the front asked for its signal");
    const abort = async () => {
      await arrived();
      this.#hands.get(who).end();
      const { status } = await answer;
      if (status !== 499) throw new Error(`the front got ${status} before it could abort`);
    };
    return { answer, arrived, abort };
  }

  /** Forgets the requests that are over. */
  forget() {
    this.#seen.items.length = 0;
    this.#hands.clear();
  }

  async close() {
    this.#client?.close();
    close(this.#server);
  }
}

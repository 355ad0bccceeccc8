import { EventLog } from "./gate.mjs";
import { close, listen, createTestServer } from "./listener.mjs";

/** The name of the queue that delivers. */
const QUEUE = "metadata-events";

/** The flag that lets a Worker deliver messages to another. */
export const CONSUMER_FLAGS = ["service_binding_extra_handlers"];

/**
 * A Worker that delivers a batch of messages, as the platform's queue does. A message is its body, or `{ kind, attempts, sent }` with a
 * body that JSON cannot express.
 */
export const consumerSource = `
const circular = {};
circular.self = circular;
const KINDS = {
  bytes: new Uint8Array([1, 2, 3]),
  bigint: 1n,
  circular,
  date: new Date(0),
  map: new Map([["action", "purge"]]),
  surrogate: { action: "purge", paths: [String.fromCharCode(0xd800)] },
  deep: JSON.parse("[".repeat(500) + "]".repeat(500)),
};

export default {
  async fetch(request, env) {
    const sent = (await request.json()).map((message, n) => {
      const { kind, attempts = 1, sent = Date.now(), body = message } = message ?? {};
      return { id: String(n), timestamp: new Date(sent), attempts, body: kind ? KINDS[kind] : body };
    });
    const { outcome, ackAll, retryBatch, explicitAcks, retryMessages } = await env.WORKER.queue("${QUEUE}", sent);
    const delays = new Map(retryMessages.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
    const acked = new Set(explicitAcks);
    const messages = sent.map(({ id }) => (delays.has(id) ? delays.get(id) : acked.has(id) ? "ack" : null));
    return Response.json({ outcome, ackAll, retryAll: retryBatch.retry, messages });
  },
};
`;

/**
 * A fake of a queue that is bound as a producer: implements the wire protocol of workerd's `queue` binding (src/workerd/api/queue.c++)
 * for `send`, and records the messages.
 *
 * An interceptor's result decides the response: `undefined` accepts the message, `{ status }` fails, `{ hang: true }` never responds.
 */
export class Queue {
  #sent = new EventLog();
  #interceptor;
  #server = createTestServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { "x-msg-delay-secs": delay, "x-msg-fmt": format } = request.headers;
    const message = { body: JSON.parse(Buffer.concat(chunks).toString("utf8")), delay: Number(delay), format };
    this.#sent.add(message);
    const change = (await this.#interceptor?.(message)) ?? {};
    if (change.hang) return;
    response.writeHead(change.status ?? 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ metadata: { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } } }));
  });

  async listen() {
    return listen(this.#server);
  }

  async close() {
    close(this.#server);
  }

  intercept(interceptor) {
    this.#interceptor = interceptor;
  }

  /** The messages that were sent so far: `{ body, delay, format }`, the delay in seconds. */
  get sent() {
    return this.#sent.items;
  }

  /** Resolves with the messages once `count` were sent. */
  async received(count) {
    await this.#sent.whenCount(count, () => true, "messages");
    return this.sent;
  }
}

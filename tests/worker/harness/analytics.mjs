import { EventLog } from "./gate.mjs";
import { close, listen, createTestServer } from "./listener.mjs";

const BLOBS = ["source", "state", "code", "format", "path", "isolate", "version"];
const DOUBLES = ["durationMs", "ageS", "kvMs", "originMs", "count"];

/** A fake of Workers Analytics Engine: receives what workerd sends for each call of `writeDataPoint`. */
export class Analytics {
  #points = new EventLog();
  #server = createTestServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end();
    this.#points.add(parse(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
  });

  async listen() {
    return listen(this.#server);
  }

  async close() {
    close(this.#server);
  }

  /** Resolves once `count` data points have arrived since `clearPoints`: they follow the responses, in any order. */
  async points(count) {
    await this.#points.whenCount(count, () => true, "data points");
    return this.#points.items;
  }

  clearPoints() {
    this.#points.items.length = 0;
  }
}

/** Names the fields as docs/observability.md does. Text arrives as bytes; a field that was not written is absent or 0. */
function parse(event) {
  const text = (bytes) => bytes && Buffer.from(bytes).toString("utf8");
  const blobs = BLOBS.map((name, n) => [name, text(event[`blob${n + 1}`])]);
  const doubles = DOUBLES.map((name, n) => [name, event[`double${n + 1}`]]);
  return { index: text(event.index1), ...Object.fromEntries([...blobs, ...doubles]) };
}

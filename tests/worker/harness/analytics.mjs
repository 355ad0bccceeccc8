import { Chronicle } from "./gate.mjs";
import { close, listen, standIn } from "./listener.mjs";

const BLOBS = ["source", "state", "code", "format", "path", "isolate", "version"];
const DOUBLES = ["durationMs", "ageS", "kvMs", "originMs", "count"];

/** Stands in for Workers Analytics Engine: takes what workerd makes of each call of `writeDataPoint`. */
export class Analytics {
  #points = new Chronicle();
  #server = standIn(async (request, response) => {
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

  /** Resolves with the first `count` data points since `forget`: they come behind the answers, in any order. */
  async points(count) {
    await this.#points.whenCount(count, () => true, "data points");
    return this.#points.items;
  }

  forget() {
    this.#points.items.length = 0;
  }
}

/** Fields by their names in docs/observability.md. Text comes as its bytes, and what was not written as nothing or 0. */
function parse(event) {
  const text = (bytes) => bytes && Buffer.from(bytes).toString("utf8");
  const blobs = BLOBS.map((name, n) => [name, text(event[`blob${n + 1}`])]);
  const doubles = DOUBLES.map((name, n) => [name, event[`double${n + 1}`]]);
  return { index: text(event.index1), ...Object.fromEntries([...blobs, ...doubles]) };
}

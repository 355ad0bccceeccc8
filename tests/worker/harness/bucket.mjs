import { createHash } from "node:crypto";
import { Chronicle } from "./gate.mjs";
import { close, listen, standIn } from "./listener.mjs";

/**
 * Stands in for R2: speaks the wire protocol of workerd's `r2Bucket` binding (src/workerd/api/r2-rpc.c++) for `get` and `head`,
 * over a Map of bytes, and keeps a chronicle of what it was asked.
 *
 * A behaviour is given the operation and may await a gate. What it returns decides the answer: nothing carries on,
 * `{ status, code }` fails, `{ hang: true }` never answers.
 */
export class Bucket {
  #server = standIn((request, response) => this.#serve(request, response));
  #gets = new Chronicle();
  #behaviour;
  #objects = new Map();

  async listen() {
    return listen(this.#server);
  }

  async close() {
    close(this.#server);
  }

  /** Stores an object, with the `httpFields` of its metadata, such as `contentEncoding`; returns its entity tag. */
  put(key, bytes, httpFields = {}) {
    const etag = createHash("md5").update(bytes).digest("hex");
    this.#objects.set(key, { bytes, etag, httpFields });
    return etag;
  }

  behave(behaviour) {
    this.#behaviour = behaviour;
  }

  /** What was asked: `{ key, offset, length, etagMatches }`. */
  get gets() {
    return this.#gets.items;
  }

  async #serve(request, response) {
    const { method, object: key, range = {}, onlyIf = {} } = JSON.parse(utf8(request.headers["cf-r2-request"]));
    const operation = { key, offset: Number(range.offset), length: Number(range.length), etagMatches: onlyIf.etagMatches?.[0]?.value };
    if (method === "get") this.#gets.add(operation);
    const change = (await this.#behaviour?.(operation)) ?? {};
    if (change.hang) return;
    if (change.status) return fail(response, change.status, change.code);
    const found = this.#objects.get(key);
    if (!found) return fail(response, 404, 10007);
    const { etagMatches = found.etag } = operation;
    const properties = describe(key, found, operation);
    if (method === "head") return response.writeHead(200, sized(properties)).end(properties);
    if (operation.offset >= found.bytes.length) return fail(response, 416, 10039);
    if (etagMatches !== found.etag) return fail(response, 412, 10031, properties);
    const bytes = found.bytes.subarray(operation.offset, operation.offset + operation.length);
    response.writeHead(200, sized(properties));
    response.end(Buffer.concat([properties, bytes]));
  }
}

/** What R2 says of an object, before its bytes. */
function describe(name, { bytes, etag, httpFields }, { offset, length }) {
  const range = offset < bytes.length ? { offset, length: Math.min(length, bytes.length - offset) } : undefined;
  const text = { name, version: "1", size: bytes.length, etag, uploaded: 0, httpFields, customFields: [], range, checksums: {} };
  return Buffer.from(JSON.stringify(text));
}

const sized = (properties) => ({ "cf-r2-metadata-size": String(properties.length) });

function fail(response, status, v4code, properties) {
  const error = JSON.stringify({ version: 1, v4code, message: "R2's own words" });
  response.writeHead(status, { "cf-r2-error": error, ...(properties && sized(properties)) });
  response.end(properties);
}

/** Node reads header bytes as Latin-1, workerd writes them as UTF-8. */
const utf8 = (header) => Buffer.from(header, "latin1").toString("utf8");

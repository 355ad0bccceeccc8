import { createHash } from "node:crypto";
import { EventLog } from "./gate.mjs";
import { close, listen, createTestServer } from "./listener.mjs";

/**
 * A fake of R2: implements the wire protocol of workerd's `r2Bucket` binding (src/workerd/api/r2-rpc.c++) for `get` and `head`
 * over a Map of bytes, and records the operations.
 *
 * An interceptor receives the operation and may await a gate. Its result decides the response: `undefined` continues as
 * usual, `{ status, code }` fails, `{ hang: true }` never responds.
 */
export class Bucket {
  #server = createTestServer((request, response) => this.#serve(request, response));
  #gets = new EventLog();
  #interceptor;
  #objects = new Map();
  #everywhere;

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

  remove(key) {
    this.#objects.delete(key);
  }

  /** Stores these bytes under every other key. */
  putEverywhere(bytes) {
    this.#everywhere = { bytes, etag: "everywhere", httpFields: {} };
  }

  intercept(interceptor) {
    this.#interceptor = interceptor;
  }

  /** The reads so far: `{ key, offset, length, etagMatches }`. The length of a read without a range is infinite. */
  get gets() {
    return this.#gets.items;
  }

  async #serve(request, response) {
    const { method, object: key, range = {}, onlyIf = {} } = JSON.parse(utf8(request.headers["cf-r2-request"]));
    const operation = { key, offset: Number(range.offset ?? 0), length: Number(range.length ?? Infinity), etagMatches: onlyIf.etagMatches?.[0]?.value };
    if (method === "get") this.#gets.add(operation);
    const change = (await this.#interceptor?.(operation)) ?? {};
    if (change.hang) return;
    if (change.status) return fail(response, change.status, change.code);
    const found = this.#objects.get(key) ?? this.#everywhere;
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

/** The properties of an object, which R2 sends before its bytes. */
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

/** Node decodes header bytes as Latin-1; workerd encodes them as UTF-8. */
const utf8 = (header) => Buffer.from(header, "latin1").toString("utf8");

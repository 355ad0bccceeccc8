import { EventLog } from "./gate.mjs";
import { close, listen, createTestServer } from "./listener.mjs";

/**
 * A fake of Workers KV: implements the wire protocol of workerd's `kvNamespace` binding (src/workerd/api/kv.c++) over a Map,
 * records all operations, and lets a test delay or fail each kind.
 *
 * An interceptor receives the operation and may await a gate. Its result decides the response: `undefined` continues as
 * usual, `{ status }` fails, `{ hang: true }` never responds, and `{ value, metadata }` replaces the record on a get.
 * `rawMetadata` is sent unchanged in place of `metadata`.
 */
export class Kv {
  #server = createTestServer((request, response) => this.#serve(request, response));
  #operations = new EventLog();
  #interceptors = {};
  #readCache;
  records = new Map();

  async listen() {
    return listen(this.#server);
  }

  async close() {
    close(this.#server);
  }

  /** Stores a record as another writer would. */
  seed(key, { value = "", metadata, expirationTtl } = {}) {
    this.records.set(key, { value, metadata, expirationTtl });
  }

  /**
   * Caches reads for their `cacheTtl`, and for 60 s at least, on the clock of `now`: as KV does in each location. Writes and deletions
   * are seen only after that.
   */
  cacheReads(now) {
    this.#readCache = { now, reads: new Map() };
  }

  /** Passes every operation of `kind` (get, bulk, put, delete, list) to `interceptor`; `undefined` removes it. */
  intercept(kind, interceptor) {
    this.#interceptors[kind] = interceptor;
  }

  get operations() {
    return this.#operations.items;
  }

  reads(key) {
    return this.#of("get", key);
  }

  /** Reads of many keys at once. */
  bulkReads() {
    return this.#of("bulk");
  }

  lists() {
    return this.#of("list");
  }

  writes(key) {
    return this.#of("put", key);
  }

  deletes(key) {
    return this.#of("delete", key);
  }

  /** Resolves with the first completed read of `key`. */
  read(key) {
    return this.#completed("get", key);
  }

  /** Resolves with the first completed write to `key`. Writes run in the background, after the response to the client. */
  written(key) {
    return this.#completed("put", key);
  }

  /** Resolves with the first operation of `kind` that has arrived, completed or not. */
  received(kind, key) {
    return this.#operations.when((o) => o.kind === kind && (key === undefined || o.key === key), `KV ${kind} of ${key ?? "any key"}`);
  }

  /** Resolves once `count` writes have completed. */
  allWritten(count) {
    return this.#operations.whenCount(count, (o) => o.kind === "put" && o.status, "completed KV writes", 30_000);
  }

  /** Resolves once `count` deletes have completed. */
  allDeleted(count) {
    return this.#operations.whenCount(count, (o) => o.kind === "delete" && o.status, "completed KV deletes");
  }

  clearOperations() {
    this.#operations.items.length = 0;
  }

  #of(kind, key) {
    return this.operations.filter((o) => o.kind === kind && (key === undefined || o.key === key));
  }

  #completed(kind, key) {
    return this.#operations.when((o) => o.kind === kind && o.key === key && o.status, `a completed KV ${kind} of ${key}`);
  }

  async #serve(request, response) {
    const body = await readAll(request);
    const operation = this.#operations.add(parse(request, body));
    response.on("close", () => {
      operation.aborted = !response.writableFinished;
      this.#operations.changed();
    });
    const change = (await this.#interceptors[operation.kind]?.(operation)) ?? {};
    if (change.hang) return;
    const answer = change.status ? { status: change.status, body: change.body ?? "KV fault" } : this.#apply(operation, change);
    operation.status = answer.status;
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
    this.#operations.changed();
  }

  #apply(operation, change) {
    switch (operation.kind) {
      case "get": {
        const record = "value" in change || "metadata" in change || "rawMetadata" in change ? change : this.#read(operation.key, operation.cacheTtl);
        if (!record) return { status: 404, body: "" };
        const metadata = record.rawMetadata ?? (record.metadata === undefined ? undefined : JSON.stringify(record.metadata));
        return { status: 200, headers: metadata === undefined ? {} : { "CF-KV-Metadata": utf8Header(metadata) }, body: record.value ?? "" };
      }
      case "put": {
        const { key, value, metadata, expirationTtl } = operation;
        this.records.set(key, { value, metadata, expirationTtl });
        return { status: 200 };
      }
      case "delete":
        this.records.delete(operation.key);
        return { status: 200 };
      case "list":
        return { status: 200, body: JSON.stringify(this.#list(operation)) };
      case "bulk":
        return { status: 200, body: JSON.stringify(this.#bulk(operation)) };
    }
  }

  #read(key, cacheTtl = 60) {
    if (!this.#readCache) return this.records.get(key);
    const { now, reads } = this.#readCache;
    const cached = reads.get(key);
    if (cached && now() < cached.until) return cached.record;
    const record = this.records.get(key);
    reads.set(key, { record, until: now() + Math.max(60, cacheTtl) * 1_000 });
    return record;
  }

  #list({ prefix = "", limit = 1000, cursor = "" }) {
    const names = [...this.records.keys()].filter((name) => name.startsWith(prefix) && name > cursor).sort();
    const page = names.slice(0, limit);
    const keys = page.map((name) => ({ name, metadata: JSON.stringify(this.records.get(name).metadata) }));
    return names.length > page.length ? { keys, list_complete: false, cursor: page.at(-1) } : { keys, list_complete: true };
  }

  #bulk({ keys, withMetadata, cacheTtl }) {
    const entry = (record) =>
      withMetadata && record ? { value: record.value, metadata: record.metadata ?? null } : (record?.value ?? null);
    return Object.fromEntries(keys.map((key) => [key, entry(this.#read(key, cacheTtl === undefined ? undefined : Number(cacheTtl)))]));
  }
}

function parse(request, body) {
  const url = new URL(request.url, "http://kv");
  const key = decodeURIComponent(url.pathname.slice(1));
  const number = (name) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
  switch (request.method) {
    case "PUT": {
      const header = request.headers["cf-kv-metadata"];
      // Node decodes header bytes as Latin-1; workerd encodes them as UTF-8.
      const metadataText = header && Buffer.from(header, "latin1").toString("utf8");
      return {
        kind: "put",
        key,
        value: body,
        metadataText,
        metadata: metadataText && JSON.parse(metadataText),
        expirationTtl: number("expiration_ttl"),
      };
    }
    case "DELETE":
      return { kind: "delete", key };
    case "POST":
      return { kind: "bulk", ...JSON.parse(body) };
    default:
      if (key) return { kind: "get", key, cacheTtl: number("cache_ttl") };
      return {
        kind: "list",
        prefix: url.searchParams.get("prefix") ?? undefined,
        limit: number("key_count_limit"),
        cursor: url.searchParams.get("cursor") ?? undefined,
      };
  }
}

async function readAll(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function utf8Header(text) {
  return Buffer.from(text, "utf8").toString("latin1");
}

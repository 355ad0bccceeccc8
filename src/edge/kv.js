// What src/edge/kv.rs asks of a KV namespace. Each operation is one call out of WebAssembly and one promise.

import { limited } from "./time_limit.js";

/** Longest value that is taken for a record of an earlier version, in UTF-16 units. */
const MAX_VALUE_UNITS = 64 * 1024;

/** What a key holds: `m` and its metadata as JSON, or else `v` and its value; nothing if there is no such key. */
function stored(found) {
  const { value, metadata } = found ?? {};
  if (metadata !== null && metadata !== undefined) return `m${JSON.stringify(metadata)}`;
  if (typeof value === "string") return `v${value.length > MAX_VALUE_UNITS ? "" : value}`;
}

export function read(namespace, key, cacheTtl, ms) {
  return limited(namespace.getWithMetadata(key, { type: "text", cacheTtl }), ms, stored);
}

/** Resolves with what the keys hold, in their order. A key that is not there is missing from the map, or there with nothing. */
export function readMany(namespace, keys, cacheTtl, ms) {
  const found = namespace.getWithMetadata(keys, { type: "text", cacheTtl });
  return limited(found, ms, (found) => keys.map((key) => stored(found.get(key))));
}

/** Resolves with the cursor, if there is a further page, and the names. */
export function list(namespace, prefix, cursor, limit, ms) {
  return limited(namespace.list({ prefix, cursor, limit }), ms, (page) => [
    page.list_complete ? undefined : page.cursor,
    ...page.keys.map(({ name }) => name),
  ]);
}

export function write(namespace, key, metadata, expirationTtl, ms) {
  return limited(namespace.put(key, "", { metadata: JSON.parse(metadata), expirationTtl }), ms);
}

export function remove(namespace, key, ms) {
  return limited(namespace.delete(key), ms);
}

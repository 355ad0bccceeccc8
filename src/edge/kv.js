// KV operations for src/edge/kv.rs. Each operation is one call out of WebAssembly and one promise.

import { limited } from "./time_limit.js";

/** The maximum length of a value that may be a record of an earlier version, in UTF-16 units. */
const MAX_VALUE_UNITS = 64 * 1024;

/** Encodes an entry: `m` and its metadata as JSON, or else `v` and its value. Returns nothing if the key is missing. */
function stored(found) {
  const { value, metadata } = found ?? {};
  if (metadata !== null && metadata !== undefined) return `m${JSON.stringify(metadata)}`;
  if (typeof value === "string") return `v${value.length > MAX_VALUE_UNITS ? "" : value}`;
}

export function read(namespace, key, cacheTtl, ms) {
  return limited(namespace.getWithMetadata(key, { type: "text", cacheTtl }), ms, stored);
}

/** Resolves with the entries, in the order of the keys. For a missing key, KV's map has a null value or no entry. */
export function readMany(namespace, keys, cacheTtl, ms) {
  const found = namespace.getWithMetadata(keys, { type: "text", cacheTtl });
  return limited(found, ms, (found) => keys.map((key) => stored(found.get(key))));
}

/** Resolves with the cursor, if there is another page, followed by the key names. */
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

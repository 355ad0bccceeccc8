import { headersOf } from "./baseline.mjs";

/**
 * A JavaScript service of the same design, for comparison: a straightforward memory hit. It parses the URL, looks up the
 * path in a Map, moves it to the end, calculates the age, encodes the JSON and sends the same headers.
 * It has no configuration, crops, conditional requests or path validation.
 */
export function javascript(answer) {
  const { path, metadata } = answer.json;
  const { age, "cache-control": _, "cache-status": __, ...constant } = headersOf(answer);
  return `
const LIFETIME = 86400;
const cache = new Map([["metadata:${path}", { metadata: ${JSON.stringify(metadata)}, lastFetched: ${Date.now()} }]]);

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (request.method !== "GET" || !url.pathname.startsWith("/metadata/")) return new Response(null, { status: 404 });
    const path = decodeURIComponent(url.pathname.slice("/metadata/".length));
    const key = "metadata:" + path;
    const entry = cache.get(key);
    const age = entry ? Math.floor((Date.now() - entry.lastFetched) / 1000) : Infinity;
    const left = LIFETIME - age;
    if (left <= 0) return new Response(null, { status: 404 });
    cache.delete(key);
    cache.set(key, entry);
    return new Response(JSON.stringify({ path, metadata: entry.metadata }), {
      headers: {
        ...${JSON.stringify(constant)},
        "metadata-age": String(age),
        "cache-control": "public, max-age=" + Math.min(left, 3600) + ", stale-while-revalidate=3600",
        "cache-status": "OptimizedMetadata; hit; ttl=" + left + "; detail=memory",
      },
    });
  },
};`;
}

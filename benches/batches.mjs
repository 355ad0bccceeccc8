// Requests images in batches of a hundred, which is the fastest way to fill the Worker's memory cache.

import assert from "node:assert/strict";

export const BATCH = 100;

/** A KV stand-in that has a record for every key, and lists no keys. */
export const namespace = `
const metadata = ${JSON.stringify({ width: 4000, height: 3000, format: "jpeg", lastFetched: Date.now(), confidence: "high", source: "format-json", fileSize: 123456 })};
export default {
  async fetch(request) {
    const { method, url } = request;
    if (method === "POST") {
      const { keys } = await request.json();
      return Response.json(Object.fromEntries(keys.map((key) => [key, { value: "", metadata }])));
    }
    if (method === "GET" && new URL(url).pathname === "/") return Response.json({ keys: [], list_complete: true });
    return new Response();
  },
};`;

export const path = (n) => `photos/2026/summer/image-${n}.jpg`;

/** Requests the images numbered `from` up to, but not including, `to`. */
export async function ask(site, from, to, pathOf = path) {
  for (let n = from; n < to; n += BATCH) {
    const paths = Array.from({ length: Math.min(BATCH, to - n) }, (_, index) => pathOf(n + index));
    const { status, json } = await site.request("POST", "/metadata", { body: JSON.stringify({ paths }) });
    assert.equal(status, 200);
    assert.ok(json.results.every((result) => result.status === 200));
  }
}

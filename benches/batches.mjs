// Images that are asked for a hundred at a time: the quickest way to have the Worker see many of them.

import assert from "node:assert/strict";

export const BATCH = 100;

/** KV that has a record for every key, and lists none. */
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

/** Asks for the images of the numbers from `from` up to, but not including, `to`. */
export async function ask(site, from, to, pathOf = path) {
  for (let n = from; n < to; n += BATCH) {
    const paths = Array.from({ length: Math.min(BATCH, to - n) }, (_, place) => pathOf(n + place));
    const { status, json } = await site.request("POST", "/metadata", { body: JSON.stringify({ paths }) });
    assert.equal(status, 200);
    assert.ok(json.results.every((result) => result.status === 200));
  }
}

// The Worker of `npm start`: the service, with a route that stores an image in the local bucket and sends its event to the local queue,
// as R2 does in production. The emulation of R2 sends no events. Its Inspector also shows the samples.
//
// Only the configuration that scripts/start.mjs writes has this entry point.

import Service from "../../src/index.js";

/** The route, in front of the object's key. scripts/upload.mjs requests it. */
const ROUTE = "/local-bucket/";

export default class extends Service {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.method === "PUT" && pathname.startsWith(ROUTE)) return upload(request, decodeURIComponent(pathname.slice(ROUTE.length)), this.env);
    if (pathname === "/") return withSamples(super.fetch(request), this.env.START_IMAGES);
    return super.fetch(request);
  }
}

/** Adds the paths of the samples, as JSON, to the page. */
async function withSamples(response, samples) {
  const page = new Response((await response).body, await response);
  // That of the page without the samples, which can be others after the next start.
  page.headers.delete("ETag");
  return new HTMLRewriter().on("html", { element: (html) => html.setAttribute("data-samples", samples) }).transform(page);
}

async function upload(request, key, env) {
  const contentType = request.headers.get("Content-Type");
  const { etag, size } = await env.START_SAMPLES.put(key, await request.arrayBuffer(), { httpMetadata: { contentType } });
  const event = { account: "local", action: "PutObject", bucket: "start-samples", object: { key, size, eTag: etag }, eventTime: new Date() };
  await env.START_EVENTS.send(event, { contentType: "json" });
  return Response.json({ etag });
}

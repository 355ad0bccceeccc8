// Look-ups: sends requests to the Worker and parses its responses.

import { CROP, imageOf, origins, withQuery } from "./typed.js";

const PLACEHOLDER = "placeholder";

/** Whether the service draws placeholders. */
const draws = document.documentElement.dataset.draws === "true";

/** An error from the service, or a network error. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.title);
    Object.assign(this, problem);
  }
}

const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

/** Returns the URL from which this page can show the image, if there is one. */
export function pictureUrl({ path, query }) {
  const { prefix, url } = origins.find(({ prefix }) => !prefix || path.startsWith(`${prefix}/`)) ?? {};
  const below = prefix ? path.slice(prefix.length + 1) : path;
  return url && withQuery(`${url}/${encoded(below)}`, query);
}

/**
 * Returns the address of the image for code: its URL, or its path on a site that this page does not know, if browsers cannot reach its
 * origin or the origin is on this machine.
 */
export function siteUrl(image) {
  const url = pictureUrl(image);
  const isPublic = url && !/^(localhost|127\.|\[::1\])/.test(new URL(url).host);
  return isPublic ? url : withQuery(`/${encoded(image.path)}`, image.query);
}

/** Returns the request URL, relative to the Worker. Leaves `:`, `,` and `/` of a crop unencoded, for readability. */
export const requestPath = ({ path, query }, crop) => withQuery(`/metadata/${encoded(path)}`, [query, readable(crop)].filter(Boolean).join("&"));

export const readable = (parameters) => `${parameters}`.replace(/%(3A|2C|2F)/g, decodeURIComponent);

/** Looks a typed image up. Bypasses the browser's cache, because the page shows which layer of the Worker answers. */
export async function lookUp(typed, crop) {
  const image = imageOf(typed);
  const typedQuery = image.query;
  const parameters = new URLSearchParams(typedQuery);
  // A crop comes from the form, never from a typed query.
  for (const name of [...CROP, PLACEHOLDER]) parameters.delete(name);
  image.query = `${parameters}`;
  if (image.path.split("/").some((segment) => /^\.\.?$/.test(segment))) {
    // Browsers resolve such segments, and would request another path.
    throw new Problem({ detail: "The path has a '.' or '..' segment; give the image's path from the root.", code: "invalid-path" });
  }
  const start = performance.now();
  const timed = (response) => ({ ...reportOf(response), roundTripMs: performance.now() - start });
  try {
    const asked = new URLSearchParams(crop);
    if (draws) asked.set(PLACEHOLDER, "data-url");
    const response = await ask(requestPath(image, asked));
    const report = timed(response);
    return { ...(await jsonOf(response)), ...report, typedQuery };
  } catch (problem) {
    if (problem.response) problem.report = timed(problem.response);
    throw Object.assign(problem, { image });
  }
}

/** Reads the headers of a response: which layer answered, how old its metadata is, and the time of each phase. */
function reportOf({ headers }) {
  const header = (name) => headers.get(name) ?? undefined;
  const cacheStatus = header("Cache-Status") ?? "";
  const ttl = cacheStatus.match(/;\s*ttl=(-?\d+)/)?.[1];
  const age = header("Metadata-Age");
  return {
    layer: cacheStatus.match(/;\s*detail=(\w+)/)?.[1],
    ttl: ttl && Number(ttl),
    age: age && Number(age),
    phases: [...(header("Server-Timing") ?? "").matchAll(/(\w+);dur=([\d.]+)/g)].map(([, name, ms]) => ({ name, ms: Number(ms) })),
    cacheStatus,
    cacheControl: header("Cache-Control"),
    etag: header("ETag"),
  };
}

/** Removes an image from the caches, with all its versions unless it is one. Returns how many were removed. */
export async function purge({ path, query }, token) {
  // An unencoded `*` at the end would purge a folder.
  const url = `/metadata/${encoded(path).replaceAll("*", "%2A")}`;
  const parameters = new URLSearchParams(query);
  let purged = 0;
  do {
    const answer = await jsonOf(await ask(withQuery(url, `${parameters}`), { method: "DELETE", headers: { Authorization: `Bearer ${token}` } }));
    purged += answer.purged;
    parameters.set("cursor", answer.cursor ?? "");
  } while (parameters.get("cursor"));
  return purged;
}

/** The greatest number of images in one request of `lookUpAll`. */
export const BATCH = Math.min(Number(document.documentElement.dataset.batch), 20);

/** Looks up to `BATCH` typed images up. Returns their results in the same order. */
export async function lookUpAll(typed, signal) {
  const paths = typed.map((text) => {
    const { path, query } = imageOf(text);
    return withQuery(encoded(path), query);
  });
  const response = await ask("/metadata", { method: "POST", body: JSON.stringify({ paths }), signal });
  return (await jsonOf(response)).results;
}

/** Reads the body of a response. Throws a `Problem` if it breaks off, or is not JSON, such as the page of a proxy. */
export async function jsonOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "Unexpected response", detail: "The response broke off, or is not the Worker's. Try again in a moment.", code: "no-response" });
  }
}

/** Sends a request and returns the response. Throws a `Problem` if it is an error. */
export async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "No response", detail: "The Worker cannot be reached. Try again in a moment." });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: "Unexpected response", detail: response.statusText }));
  throw new Problem({ ...problem, status: response.status, response });
}

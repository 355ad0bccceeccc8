// Look-ups: sends requests to the Worker and parses its responses.

const originUrl = JSON.parse(document.documentElement.dataset.origins).find(({ url }) => url !== undefined)?.url ?? "";

/** An error from the service, or a network error. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.title);
    Object.assign(this, problem);
  }
}

const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

/** Returns the URL of the image itself. If images are only in a bucket, it is relative to a site that this page does not know. */
export const imageUrl = (path) => `${originUrl}/${encoded(path)}`;

/** Returns the URL from which this page can show the image, if there is one. */
export const pictureUrl = (path) => (originUrl ? imageUrl(path) : undefined);

/** Returns the path for the user's input: a plain path, or an image's URL at the origin, which is percent-encoded. */
export function typedPath(text) {
  const typed = text.trim();
  if (!typed.startsWith(`${originUrl}/`)) return typed.replace(/^\//, "");
  const path = typed.slice(originUrl.length + 1).replace(/[?#].*/, "");
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Returns the request URL, relative to the Worker. Leaves `:`, `,` and `/` in the query unencoded, for readability. */
export function requestPath(path, parameters) {
  const query = readable(parameters);
  return `/metadata/${encoded(path)}${query && `?${query}`}`;
}

export const readable = (parameters) => `${parameters}`.replace(/%(3A|2C|2F)/g, decodeURIComponent);

/** Looks an image up. Bypasses the browser's cache, because the page shows which layer of the Worker answers. */
export async function lookUp(path, parameters) {
  if (path.split("/").some((segment) => /^\.\.?$/.test(segment))) {
    // Browsers resolve such segments, and would request another path.
    throw new Problem({ title: "Invalid path", detail: "A path cannot have a '.' or '..' segment.", code: "invalid-path" });
  }
  const start = performance.now();
  const response = await ask(requestPath(path, parameters));
  const roundTripMs = performance.now() - start;
  const header = (name) => response.headers.get(name) ?? undefined;
  const cacheStatus = header("Cache-Status") ?? "";
  const ttl = cacheStatus.match(/;\s*ttl=(-?\d+)/)?.[1];
  return {
    ...(await response.json()),
    roundTripMs,
    layer: cacheStatus.match(/;\s*detail=(\w+)/)?.[1],
    ttl: ttl && Number(ttl),
    age: Number(header("Metadata-Age")),
    phases: [...(header("Server-Timing") ?? "").matchAll(/(\w+);dur=([\d.]+)/g)].map(([, name, ms]) => ({ name, ms: Number(ms) })),
    cacheStatus,
    cacheControl: header("Cache-Control"),
    etag: header("ETag"),
  };
}

/** Sends a request and returns the response. Throws a `Problem` if it is an error. */
export async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...options });
  } catch {
    throw new Problem({ title: "No response", detail: "The Worker cannot be reached. Try again in a moment." });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: "Unexpected response", detail: response.statusText }));
  throw new Problem({ ...problem, status: response.status });
}

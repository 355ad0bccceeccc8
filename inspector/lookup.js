// A look-up: one question to the Worker, and what its answer says.

const originUrl = document.documentElement.dataset.originUrl;

/** What the service, or the way to it, has against a question. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.title);
    Object.assign(this, problem);
  }
}

const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

/** Where the image itself is. Where images are in a bucket alone, that is a path of a site that this page does not know. */
export const imageUrl = (path) => `${originUrl}/${encoded(path)}`;

/** Where this page can show it from, if it can. */
export const pictureUrl = (path) => (originUrl ? imageUrl(path) : undefined);

/** The path that was typed: the name of an image, or its URL at the origin, in which names are encoded. */
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

/** The URL to ask, relative to the Worker. Ratios and points stay readable: `:`, `,` and `/` may stand in a query. */
export function requestPath(path, parameters) {
  const query = readable(parameters);
  return `/metadata/${encoded(path)}${query && `?${query}`}`;
}

export const readable = (parameters) => `${parameters}`.replace(/%(3A|2C|2F)/g, decodeURIComponent);

/** Asks the Worker itself, past the browser's own cache: which layer answers is what the page is about. */
export async function lookUp(path, parameters) {
  if (path.split("/").some((segment) => /^\.\.?$/.test(segment))) {
    // Browsers resolve such a segment, and would ask for something else.
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

/** A response that is no problem. */
export async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...options });
  } catch {
    throw new Problem({ title: "No answer", detail: "The Worker cannot be reached; try again in a moment." });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: "Unexpected answer", detail: response.statusText }));
  throw new Problem({ ...problem, status: response.status });
}

// Look-ups: sends requests to the Worker and parses its responses.

/**
 * The origins, the longest prefix first: `{ prefix, url }`. Those without a URL, such as buckets and private origins, are not for
 * browsers.
 */
const origins = JSON.parse(document.documentElement.dataset.origins);

/** An error from the service, or a network error. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.title);
    Object.assign(this, problem);
  }
}

const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

/** The parameters of a crop, which come from the form and never from a typed query. */
const CROP = ["aspect", "r", "focal", "p", "width", "device", "platform", "content", "allowExpansion"];

/** Describes what precedes a path: the URL of the origin, or the number of origins if the path selects one of several. */
export function originLabel() {
  const [{ prefix, url = "" }] = origins;
  return origins.length > 1 ? `${origins.length} origins` : `${prefix ? "" : url}/`;
}

const withQuery = (path, query) => (query ? `${path}?${query}` : path);

/** Returns the URL from which this page can show the image, if there is one. */
export function pictureUrl({ path, query }) {
  const { prefix, url } = origins.find(({ prefix }) => !prefix || path.startsWith(`${prefix}/`)) ?? {};
  const below = prefix ? path.slice(prefix.length + 1) : path;
  return url && withQuery(`${url}/${encoded(below)}`, query);
}

/** Returns the URL of the image itself. If browsers cannot reach its origin, it is relative to a site that this page does not know. */
export const imageUrl = (image) => pictureUrl(image) ?? withQuery(`/${encoded(image.path)}`, image.query);

/** Returns the text to type for an image: its path, with `%3F` for `?`, and after a `?` the query of its version. */
export const typedText = ({ path, query }) => withQuery(path.replaceAll("?", "%3F"), query);

/** Returns the typed text for the user's input: such a text, or the URL of an image at an origin, which is percent-encoded. */
export function typedPath(text) {
  const typed = text.trim();
  // The URL of one origin can begin with that of another.
  const [origin] = origins.filter(({ url }) => url && typed.startsWith(`${url}/`)).sort((a, b) => b.url.length - a.url.length);
  if (!origin) return typed.replace(/^\//, "");
  const [, path, query] = typed.slice(origin.url.length + 1).match(/^([^?#]*)\??([^#]*)/);
  return typedText({ path: (origin.prefix && `${origin.prefix}/`) + decoded(path), query });
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Splits a typed text into the path and the query of an image. */
function parsed(typed) {
  const [path, ...query] = typed.split("?");
  const parameters = new URLSearchParams(query.join("?"));
  for (const name of CROP) parameters.delete(name);
  return { path: path.replace(/%3f/gi, "?"), query: `${parameters}` };
}

/** Returns the request URL, relative to the Worker. Leaves `:`, `,` and `/` of a crop unencoded, for readability. */
export const requestPath = ({ path, query }, crop) => withQuery(`/metadata/${encoded(path)}`, [query, readable(crop)].filter(Boolean).join("&"));

export const readable = (parameters) => `${parameters}`.replace(/%(3A|2C|2F)/g, decodeURIComponent);

/** Looks a typed image up. Bypasses the browser's cache, because the page shows which layer of the Worker answers. */
export async function lookUp(typed, crop) {
  const image = parsed(typed);
  if (image.path.split("/").some((segment) => /^\.\.?$/.test(segment))) {
    // Browsers resolve such segments, and would request another path.
    throw new Problem({ title: "Invalid path", detail: "A path cannot have a '.' or '..' segment.", code: "invalid-path" });
  }
  const start = performance.now();
  const response = await ask(requestPath(image, crop));
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

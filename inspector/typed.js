// Reads what a user types or pastes: the path of an image, its URL at an origin, or another URL that contains its path.

/**
 * The origins, the longest prefix first: `{ prefix, url }`. Those without a URL, such as buckets and private origins, are not for
 * browsers.
 */
export const origins = JSON.parse(document.documentElement.dataset.origins);

export const withQuery = (path, query) => (query ? `${path}?${query}` : path);

/**
 * Returns the text to type for an image: its path, and after a `?` the query of its version. In the path, `?` is `%3F`, and a `%` that
 * would be read as an encoding is `%25`.
 */
export const typedText = ({ path, query }) => withQuery(path.replace(/%(?=[\da-f]{2})/gi, "%25").replaceAll("?", "%3F"), query);

/** Decodes what is percent-encoded UTF-8, and leaves every other `%`. */
export function decoded(text) {
  return text.replace(/(?:%[\da-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}

/** Splits a typed text into the path and the query of an image. */
export function imageOf(typed) {
  const [path, ...query] = typed.split("?");
  return { path: decoded(path), query: query.join("?") };
}

const textOf = (encodedPath, search) => typedText({ path: decoded(encodedPath), query: search.replace(/^\?/, "") });

/** The parameters of a crop. In the query of an image they are not the service's. */
export const CROP = ["aspect", "r", "focal", "p", "width", "device", "platform", "content", "allowExpansion"];

const ALIASES = { r: "aspect", p: "focal" };

/** Returns the parameters of a crop, by their full names, or all others. */
function only(parameters, isCrop) {
  const pairs = [...parameters].filter(([name]) => name !== "placeholder" && CROP.includes(name) === isCrop);
  return new URLSearchParams(isCrop ? pairs.map(([name, value]) => [ALIASES[name] ?? name, value]) : pairs);
}

/** Without the scheme: an image has the same path over HTTP and HTTPS. */
const bare = (url) => url.href.replace(/^\w+:/, "").replace(/\/$/, "");

/** Returns the URL that a text is, also without its scheme if it begins with the host of an origin. */
function urlOf(text) {
  const known = origins.some(({ url }) => url && text.startsWith(`${new URL(url).host}/`));
  const absolute = known ? `https://${text}` : text.replace(/^\/\//, "https://");
  return /^[a-z][\w+.-]*:\/\//i.test(absolute) && URL.canParse(absolute) ? new URL(absolute) : undefined;
}

/**
 * Returns the image that a text means, as `typed`, with its `crop` if the text has one. For a URL of which the Worker has no origin,
 * `typed` is only a guess, and `unknown` is the reason.
 */
export function readTyped(text) {
  // The URL of a resized image has the source after the options: a path of the site, or a whole URL.
  const [, site, source] = /^(.*?)\/?cdn-cgi\/image\/[^/]+\/(.+)$/.exec(text) ?? [];
  const image = (source && (/^https?:/.test(source) ? source : `${site}/${source}`)) ?? text;
  const url = urlOf(image.trim());
  if (!url) {
    const typed = image.trim().replace(/^\//, "");
    const { path, query } = imageOf(typed);
    return { typed: typedText({ path, query }) };
  }
  const { host, hash, pathname, search, searchParams } = url;
  if (host === location.host) {
    const shared = new URLSearchParams(hash.slice(1));
    if (shared.has("path")) return { typed: shared.get("path"), crop: only(shared, true) };
    const [, path] = /^\/metadata\/(.+)$/.exec(pathname) ?? [];
    if (path) return { typed: textOf(path, `${only(searchParams, false)}`), crop: only(searchParams, true) };
  }
  url.hash = "";
  const below = ({ url: base }) => base && bare(url).startsWith(`${bare(new URL(base))}/`);
  // The URL of one origin can begin with that of another.
  const [origin] = origins.filter(below).sort((a, b) => b.url.length - a.url.length);
  if (!origin) return { typed: textOf(pathname.slice(1), search), unknown: unknown() };
  const path = pathname.slice(new URL(origin.url).pathname.replace(/\/$/, "").length + 1);
  return { typed: textOf((origin.prefix && `${origin.prefix}/`) + path, search) };
}

function unknown() {
  const urls = origins.flatMap(({ url }) => url ?? []);
  return urls.length === 0
    ? "This Worker's origins are private or buckets, so their URLs are not known here. Enter the path of the image instead."
    : `This URL is not below an origin of this Worker: ${urls.join(", ")}.`;
}

/** Describes what precedes a path: the URL of the origin, or the number of origins if the path selects one of several. */
export function originLabel() {
  const [{ prefix, url = "" }] = origins;
  return origins.length > 1 ? `${origins.length} origins` : `${prefix ? "" : url}/`;
}

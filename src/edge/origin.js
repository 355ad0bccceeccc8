// Requests to the origin for src/edge/origin.rs. Each is one call out of WebAssembly and one promise.

const NAMES = ["Content-Type", "Cf-Resized", "Retry-After", "Content-Length", "Content-Range", "Content-Encoding", "Location"];
/** Without a resizer, the response is the file. */
const FILE_NAMES = [...NAMES, "ETag", "Last-Modified"];

/**
 * What the resizer is asked for, by what is wanted. A picture has the first frame of an animation, and is turned as it is displayed.
 * `scale-down` does not enlarge.
 */
const IMAGE = { json: { format: "json" }, picture: { width: 100, height: 100, fit: "scale-down", format: "png", anim: false } };

/** The maximum size of a resizer response that is read in one piece. Real ones have about a hundred bytes. */
const SHORT_BYTES = 4_096;

/**
 * Asks `service`, or the host of `url` if it is undefined, for what is `wanted`: a key of `IMAGE`, or `file`. `headers` has names and
 * values, one per line. With `isPrivate`, some of them are secret.
 *
 * Resolves with the head and the body. The head is the status and the values of the headers above, one per line; a missing header
 * is an empty line. The body is the bytes of short JSON, the error if these cannot be read, or else the stream, if any. That of a
 * picture is always the stream.
 */
export async function ask(service, url, headers, wanted, isPrivate, signal) {
  const image = IMAGE[wanted];
  // The runtime does not support `error` redirects, and `follow` follows them to any host.
  const init = { redirect: "manual", signal };
  if (headers !== "") init.headers = pairs(headers);
  // Only the image option: the typed options of the worker crate would also send `cacheTtl: 0`, which disables the edge cache for
  // this request.
  if (image !== undefined) init.cf = { image: isPrivate ? { ...image, "origin-auth": "share-publicly" } : image };
  // The edge cache would serve the image to anyone who requests its URL.
  else if (isPrivate) init.cache = "no-store";
  const response = await (service ?? globalThis).fetch(url, init);
  const { status, headers: received } = response;
  const values = (image !== undefined ? NAMES : FILE_NAMES).map((name) => received.get(name) ?? "");
  const [type, , , length, , encoding] = values;
  const isShort = wanted !== "picture" && status === 200 && encoding === "" && length !== "" && length <= SHORT_BYTES && /^application\/json\b/i.test(type);
  return [[status, ...values].join("\n"), isShort ? await bytesOf(response) : response.body];
}

async function bytesOf(response) {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    return error;
  }
}

/** Resolves with the first `most` bytes of a body, or all of it if it is shorter, and cancels the rest. */
export async function startOf(stream, most) {
  const reader = stream.getReader();
  const start = new Uint8Array(most);
  let length = 0;
  while (length < most) {
    const { done, value } = await reader.read();
    if (done) return start.subarray(0, length);
    const piece = value.subarray(0, most - length);
    start.set(piece, length);
    length += piece.length;
  }
  reader.cancel().catch(() => {});
  return start;
}

function pairs(headers) {
  const lines = headers.split("\n");
  return lines.flatMap((name, n) => (n % 2 === 0 ? [[name, lines[n + 1]]] : []));
}

// Requests to the origin for src/edge/origin.rs. Each is one call out of WebAssembly and one promise.

const NAMES = ["Content-Type", "Cf-Resized", "Retry-After", "Content-Length", "Content-Range", "Content-Encoding", "Location"];

/** The maximum size of a resizer response that is read in one piece. Real ones have about a hundred bytes. */
const SHORT_BYTES = 4_096;

/**
 * Resolves with the head and the body. The head is the status and the values of the headers above, one per line; a missing header
 * is an empty line. The body is the bytes of short JSON, the error if these cannot be read, or else the stream, if any.
 */
export async function ask(url, signal) {
  // Only the image option: the typed options of the worker crate would also send `cacheTtl: 0`, which disables the edge cache for
  // this request. The runtime does not support `error` redirects, and `follow` follows them to any host.
  const response = await fetch(url, { redirect: "manual", signal, cf: { image: { format: "json" } } });
  const { status, headers } = response;
  const values = NAMES.map((name) => headers.get(name) ?? "");
  const [type, , , length, , encoding] = values;
  const isShort = status === 200 && encoding === "" && length !== "" && length <= SHORT_BYTES && /^application\/json\b/i.test(type);
  return [[status, ...values].join("\n"), isShort ? await bytesOf(response) : response.body];
}

async function bytesOf(response) {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    return error;
  }
}

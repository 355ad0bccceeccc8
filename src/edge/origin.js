// What src/edge/origin.rs asks of an origin, in one call out of WebAssembly and one promise.

const NAMES = ["Content-Type", "Cf-Resized", "Retry-After", "Content-Length", "Content-Range", "Content-Encoding", "Location"];

/** Longest answer of the resizer that is read at once, in bytes. Real ones have about a hundred. */
const SHORT_BYTES = 4_096;

/**
 * Resolves with the status and the values of the headers above, each on a line, an absent one as an empty line; and with the body:
 * its bytes if it is short JSON, the error if these could not be read, and else its stream, if there is one.
 */
export async function ask(url, signal) {
  // Nothing but the image option: the typed options of the worker crate would send `cacheTtl: 0` along, which turns the edge
  // cache off for this request. `error` is not supported by the runtime, and `follow` follows to any host.
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

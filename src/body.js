// Reads request bodies, within limits on their length, their time, and the number and bytes of all that are being read.
//
// A body is read here and not in WebAssembly because a client can leave at any byte. The pieces that have arrived by then are
// garbage in JavaScript; in WebAssembly only a destructor would free them, and none runs for a request that is cut off.

const MAX_BYTES = 262_144;
/** From the request, however steadily the body arrives. docs/http-api.md names it. */
const TIMEOUT_MS = 10_000;

const MAX_BODIES = 256;
const MAX_TOTAL_BYTES = 8 * 1024 * 1024;

/** The bodies that are being read, oldest first, and the bytes of all of them. */
const bodies = new Set();
let totalBytes = 0;

/** Returns the bytes, or the status of the response: 408, 413 or 503; nothing when the client breaks off. */
export async function readBody({ body, signal }) {
  if (body === null) return;
  removeLost();
  if (bodies.size >= MAX_BODIES) return 503;
  const entry = { since: Date.now(), bytes: 0 };
  bodies.add(entry);
  signal.addEventListener("abort", () => remove(entry));
  try {
    return await read(body.getReader(), entry);
  } catch {
    return;
  } finally {
    remove(entry);
  }
}

async function read(reader, entry) {
  const stop = (status) => {
    reader.cancel().catch(() => {});
    return status;
  };
  const late = Promise.withResolvers();
  const timer = setTimeout(late.resolve, TIMEOUT_MS);
  try {
    const pieces = [];
    for (;;) {
      const next = await Promise.race([reader.read(), late.promise]);
      if (next === undefined) return stop(408);
      if (next.done) return joined(pieces, entry.bytes);
      const { length } = next.value;
      entry.bytes += length;
      totalBytes += length;
      if (entry.bytes > MAX_BYTES) return stop(413);
      if (totalBytes > MAX_TOTAL_BYTES) return stop(503);
      pieces.push(next.value);
    }
  } finally {
    clearTimeout(timer);
  }
}

function joined(pieces, length) {
  const bytes = new Uint8Array(length);
  let start = 0;
  for (const piece of pieces) {
    bytes.set(piece, start);
    start += piece.length;
  }
  return bytes;
}

function remove(entry) {
  if (bodies.delete(entry)) totalBytes -= entry.bytes;
}

/** No `finally` runs for a request that is cut off: what has been read for longer than it may is no longer being read. */
function removeLost() {
  const now = Date.now();
  for (const entry of bodies) {
    if (now - entry.since <= TIMEOUT_MS + 1_000) break;
    remove(entry);
  }
}

// Reads request bodies, with limits on size, time, and the number and total size of concurrent reads.
//
// Bodies are read here and not in WebAssembly because a client can disconnect at any byte. JavaScript then collects the chunks
// that have arrived. In WebAssembly only a destructor would free them, and none runs for an aborted request.

const MAX_BYTES = 262_144;
/** The time limit for the whole body, even if it arrives steadily. Documented in docs/http-api.md. */
const TIMEOUT_MS = 10_000;

const MAX_BODIES = 256;
const MAX_TOTAL_BYTES = 8 * 1024 * 1024;

/** The bodies that are being read, oldest first, and their total size so far. */
const bodies = new Set();
let totalBytes = 0;

/** Returns the bytes, or an error status: 408, 413 or 503. Returns nothing if the client disconnects. */
export async function readBody({ body, signal }) {
  if (body === null) return;
  removeAborted();
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
  const timeout = Promise.withResolvers();
  const timer = setTimeout(timeout.resolve, TIMEOUT_MS);
  try {
    const chunks = [];
    for (;;) {
      const next = await Promise.race([reader.read(), timeout.promise]);
      if (next === undefined) return stop(408);
      if (next.done) return concatenated(chunks, entry.bytes);
      const { length } = next.value;
      entry.bytes += length;
      totalBytes += length;
      if (entry.bytes > MAX_BYTES) return stop(413);
      if (totalBytes > MAX_TOTAL_BYTES) return stop(503);
      chunks.push(next.value);
    }
  } finally {
    clearTimeout(timer);
  }
}

function concatenated(chunks, length) {
  const bytes = new Uint8Array(length);
  let start = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, start);
    start += chunk.length;
  }
  return bytes;
}

function remove(entry) {
  if (bodies.delete(entry)) totalBytes -= entry.bytes;
}

/** Removes bodies that are past the time limit: no `finally` has run for their requests, so they were aborted. */
function removeAborted() {
  const now = Date.now();
  for (const entry of bodies) {
    if (now - entry.since <= TIMEOUT_MS + 1_000) break;
    remove(entry);
  }
}

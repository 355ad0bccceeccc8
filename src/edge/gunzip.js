// Decodes only as much of gzip data as is needed; reads gzip-encoded objects of a bucket.

export const contentEncoding = ({ httpMetadata }) => httpMetadata?.contentEncoding ?? "";

/**
 * The number of bytes written to the decoder at a time. The decoder has no backpressure: it decodes everything that is
 * written immediately, to at most a thousand times its length.
 */
const SLICE_BYTES = 1_024;

/**
 * Wraps `bucket`, for one encoded object that begins with `first`. Has a bucket's method `get`, with ranges of the decoded
 * data. Reads at most `most` bytes of the encoded object. A range is shorter at the end of the data, and empty if the data is
 * corrupt.
 */
export function gunzip(bucket, { size, etag }, first, most) {
  const chunks = [new Uint8Array(first)];
  const rest = { offset: first.byteLength, length: Math.min(size, most) - first.byteLength };
  return {
    async get(key, { range }) {
      if (rest.length > 0) {
        const found = await bucket.get(key, { range: rest, onlyIf: { etagMatches: etag } });
        chunks.push(new Uint8Array(await found.arrayBuffer()));
        rest.length = 0;
      }
      return { size, etag, arrayBuffer: () => decode(chunks, range.offset, range.length) };
    },
  };
}

/** Returns a range of the data that these chunks decode to: shorter at the end of the data, and empty if it is corrupt. */
export async function decode(chunks, offset, length) {
  const { readable, writable } = new DecompressionStream("gzip");
  const reader = readable.getReader({ mode: "byob" });
  const writer = writable.getWriter();
  let buffer = new ArrayBuffer(offset + length);
  let filled = 0;
  // One read returns everything decoded so far, up to the size of the buffer.
  const read = () => reader.read(new Uint8Array(buffer, filled));
  try {
    let reading = read();
    for (const writing of writes(writer, chunks)) {
      for (;;) {
        const result = await Promise.race([reading, writing]);
        if (result === undefined) break;
        buffer = result.value.buffer;
        filled += result.value.length;
        if (result.done || filled === buffer.byteLength) return buffer.slice(offset, filled);
        reading = read();
      }
    }
  } catch {
    return new ArrayBuffer();
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Writes slice by slice, each after the one before has completed, then closes. The last promise never resolves. */
function* writes(writer, chunks) {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield writer.write(chunk.subarray(at, at + SLICE_BYTES));
  }
  yield writer.close().then(() => new Promise(() => {}));
}

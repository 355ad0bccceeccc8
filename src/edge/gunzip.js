// Reads objects of a bucket that are encoded: gzip data are decoded, as far as they are needed.

export const contentEncoding = ({ httpMetadata }) => httpMetadata?.contentEncoding ?? "";

/**
 * What is written to the decoder at a time, in bytes. It has no backpressure: whatever is written is decoded at once, to at
 * most a thousand times its length.
 */
const SLICE_BYTES = 1_024;

/**
 * Stands for `bucket`, of which an object begins with `first`: has the method `get` of a bucket, whose ranges are those of the
 * decoded data. At most `most` bytes of the object itself are read. A range is shorter at the end of the data, and empty if
 * they are damaged.
 */
export function gunzip(bucket, { size, etag }, first, most) {
  const pieces = [new Uint8Array(first)];
  const rest = { offset: first.byteLength, length: Math.min(size, most) - first.byteLength };
  return {
    async get(key, { range }) {
      if (rest.length > 0) {
        const found = await bucket.get(key, { range: rest, onlyIf: { etagMatches: etag } });
        pieces.push(new Uint8Array(await found.arrayBuffer()));
        rest.length = 0;
      }
      return { size, etag, arrayBuffer: () => decode(pieces, range) };
    },
  };
}

async function decode(pieces, { offset, length }) {
  const { readable, writable } = new DecompressionStream("gzip");
  const reader = readable.getReader({ mode: "byob" });
  const writer = writable.getWriter();
  let buffer = new ArrayBuffer(offset + length);
  let there = 0;
  // One read takes all that is decoded so far, or fills the buffer.
  const read = () => reader.read(new Uint8Array(buffer, there));
  try {
    let reading = read();
    for (const writing of writes(writer, pieces)) {
      for (;;) {
        const result = await Promise.race([reading, writing]);
        if (result === undefined) break;
        buffer = result.value.buffer;
        there += result.value.length;
        if (result.done || there === buffer.byteLength) return buffer.slice(offset, there);
        reading = read();
      }
    }
  } catch {
    return new ArrayBuffer();
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Writes one slice after the other, and then closes; each is over before the next begins. After that, nothing is. */
function* writes(writer, pieces) {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) yield writer.write(piece.subarray(at, at + SLICE_BYTES));
  }
  yield writer.close().then(() => new Promise(() => {}));
}

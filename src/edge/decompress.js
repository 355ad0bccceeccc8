// Decompresses only as much data as is needed.

/**
 * The number of bytes written to the decoder at a time. The decoder has no backpressure: it decodes everything that is
 * written immediately, to at most a thousand times its length.
 */
const SLICE_BYTES = 1_024;

/**
 * Returns a range of the data that these chunks decode to: shorter at the end of the data, and empty if it is corrupt. The format is
 * `gzip` or `deflate`, as `DecompressionStream` names them.
 */
export async function decompress(format, chunks, offset, length) {
  const { readable, writable } = new DecompressionStream(format);
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

// Reads gzip-encoded objects of a bucket.

import { decompress } from "./decompress.js";

export const contentEncoding = ({ httpMetadata }) => httpMetadata?.contentEncoding ?? "";

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
      return { size, etag, arrayBuffer: () => decompress("gzip", chunks, range.offset, range.length) };
    },
  };
}

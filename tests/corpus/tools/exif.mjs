// Minimal Exif blocks: a TIFF header and one directory.

/**
 * Returns the TIFF structure that all containers use, in either byte order, followed by `padding` bytes. `resolution` is
 * horizontal and vertical, as a numerator and a denominator. A field without a value is left out.
 */
export function exif({ orientation, resolution, unit, little = true, padding = 0 }) {
  const fields = [
    [0x0112, 3, orientation],
    [0x011a, 5, resolution],
    [0x011b, 5, resolution],
    [0x0128, 3, unit],
  ].filter(([, , value]) => value !== undefined);
  const end = 8 + 2 + 12 * fields.length + 4;
  const block = Buffer.alloc(end + (resolution ? 8 : 0) + padding);
  const put16 = (value, at) => (little ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at));
  const put32 = (value, at) => (little ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at));
  block.write(little ? "II" : "MM", 0, "latin1");
  put16(42, 2);
  put32(8, 4);
  put16(fields.length, 8);
  fields.forEach(([tag, type, value], index) => {
    const at = 10 + 12 * index;
    put16(tag, at);
    put16(type, at + 2);
    put32(1, at + 4);
    if (type === 3) return put16(value, at + 8);
    put32(end, at + 8);
    value.forEach((number, place) => put32(number, end + 4 * place));
  });
  return block;
}

/** Adds the prefix that JPEG's APP1 requires, and that some encoders also write in WebP. */
export const prefixed = (block) => Buffer.concat([Buffer.from("Exif\0\0", "latin1"), block]);

// Minimal Exif blocks: a TIFF header and one directory.

/** Returns the TIFF structure that all containers use, in either byte order, followed by `padding` bytes. */
export function exif({ orientation, little = true, padding = 0 }) {
  const block = Buffer.alloc(8 + 2 + 12 + 4 + padding);
  const put16 = (value, at) => (little ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at));
  const put32 = (value, at) => (little ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at));
  block.write(little ? "II" : "MM", 0, "latin1");
  put16(42, 2);
  put32(8, 4);
  put16(1, 8);
  put16(0x0112, 10);
  put16(3, 12);
  put32(1, 14);
  put16(orientation, 18);
  return block;
}

/** Adds the prefix that JPEG's APP1 requires, and that some encoders also write in WebP. */
export const prefixed = (block) => Buffer.concat([Buffer.from("Exif\0\0", "latin1"), block]);

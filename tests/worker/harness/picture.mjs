import sharp from "sharp";

/** A plain JPEG of so many pixels; with an `orientation` in its Exif block, and `before` in front of its own segments. */
export async function jpeg({ width = 40, height = 30, orientation, before = Buffer.alloc(0) } = {}) {
  const plain = sharp({ create: { width, height, channels: 3, background: "#808080" } }).jpeg();
  const bytes = await (orientation ? plain.withMetadata({ orientation }) : plain).toBuffer();
  return Buffer.concat([bytes.subarray(0, 2), before, bytes.subarray(2)]);
}

/** Segments of an application, as many as it takes for `length` bytes. */
export function segments(length) {
  const most = 65_533;
  const one = (size) => Buffer.concat([Buffer.from([0xff, 0xe2]), Buffer.from([(size + 2) >> 8, (size + 2) & 0xff]), Buffer.alloc(size, 1)]);
  const whole = Array.from({ length: Math.floor(length / (most + 4)) }, () => one(most));
  return Buffer.concat([...whole, one(Math.max(0, (length % (most + 4)) - 4))]);
}

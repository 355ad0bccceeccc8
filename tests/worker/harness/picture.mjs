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

/** A TIFF of three samples, whose directory is behind so many bytes of pixels, with its values in front of it, as libtiff writes. */
export function tiffBehind(pixels, width = 40) {
  const field = (tag, count, value) => Buffer.concat([number(2, tag), number(2, 3), number(4, count), number(4, value)]);
  const values = 8 + pixels;
  const fields = [field(256, 1, width), field(257, 1, 30), field(258, 3, values), field(262, 1, 2), field(277, 1, 3)];
  const directory = Buffer.concat([number(2, fields.length), ...fields, number(4, 0)]);
  return Buffer.concat([Buffer.from("II*\0"), number(4, values + 6), Buffer.alloc(pixels, 7), ...Array(3).fill(number(2, 8)), directory]);
}

/** An AVIF of 40 by 30 pixels, which are so many bytes in front of all else. */
export function avifBehind(pixels) {
  const box = (kind, ...bodies) => {
    const body = Buffer.concat(bodies);
    return Buffer.concat([number(4, body.length + 8).swap32(), Buffer.from(kind), body]);
  };
  const hex = (text) => Buffer.from(text, "hex");
  const properties = box("ipco", box("ispe", hex("00000000000000280000001e")));
  const associations = box("ipma", hex("00000000000000010001" + "0101"));
  const meta = box("meta", hex("00000000"), box("pitm", hex("000000000001")), box("iprp", properties, associations));
  return Buffer.concat([box("ftyp", Buffer.from("avif\0\0\0\0")), box("mdat", Buffer.alloc(pixels, 7)), meta]);
}

/** A WebP that is stored 40 by 30 pixels, and whose Exif block, behind so many bytes of them, says that it is turned. */
export function webpBehind(pixels) {
  const chunk = (kind, body) => Buffer.concat([Buffer.from(kind), number(4, body.length), body]);
  const exif = Buffer.concat([Buffer.from("II*\0"), number(4, 8), number(2, 1), number(2, 274), number(2, 3), number(4, 1), number(4, 6), number(4, 0)]);
  const header = Buffer.from("08000000" + "270000" + "1d0000", "hex");
  return chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), chunk("VP8X", header), chunk("VP8L", Buffer.alloc(pixels)), chunk("EXIF", exif)]));
}

/** A number of so many bytes, the low ones first. */
function number(length, value) {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, length);
  return bytes;
}

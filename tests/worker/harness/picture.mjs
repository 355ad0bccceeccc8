import sharp from "sharp";

/** A plain JPEG of this size, optionally with an Exif `orientation`, and with the segments `before` ahead of its own. */
export async function jpeg({ width = 40, height = 30, orientation, before = Buffer.alloc(0) } = {}) {
  const plain = sharp({ create: { width, height, channels: 3, background: "#808080" } }).jpeg();
  const bytes = await (orientation ? plain.withMetadata({ orientation }) : plain).toBuffer();
  return Buffer.concat([bytes.subarray(0, 2), before, bytes.subarray(2)]);
}

/** JPEG application segments of `length` bytes in all. */
export function segments(length) {
  const maxSize = 65_533;
  const segment = (size) => Buffer.concat([Buffer.from([0xff, 0xe2]), Buffer.from([(size + 2) >> 8, (size + 2) & 0xff]), Buffer.alloc(size, 1)]);
  const whole = Array.from({ length: Math.floor(length / (maxSize + 4)) }, () => segment(maxSize));
  return Buffer.concat([...whole, segment(Math.max(0, (length % (maxSize + 4)) - 4))]);
}

/** A TIFF of three samples whose directory, preceded by its values, follows `pixels` bytes of pixel data, as libtiff writes it. */
export function tiffWithTrailingDirectory(pixels, width = 40) {
  const field = (tag, count, value) => Buffer.concat([number(2, tag), number(2, 3), number(4, count), number(4, value)]);
  const values = 8 + pixels;
  const fields = [field(256, 1, width), field(257, 1, 30), field(258, 3, values), field(262, 1, 2), field(277, 1, 3)];
  const directory = Buffer.concat([number(2, fields.length), ...fields, number(4, 0)]);
  return Buffer.concat([Buffer.from("II*\0"), number(4, values + 6), Buffer.alloc(pixels, 7), ...Array(3).fill(number(2, 8)), directory]);
}

/** An AVIF of 40 by 30 pixels whose metadata boxes follow `pixels` bytes of pixel data. */
export function avifWithTrailingMeta(pixels) {
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

/** A WebP stored as 40 by 30 pixels, with an Exif block after `pixels` bytes of pixel data that rotates it (orientation 6). */
export function webpWithTrailingExif(pixels) {
  const chunk = (kind, body) => Buffer.concat([Buffer.from(kind), number(4, body.length), body]);
  const exif = Buffer.concat([Buffer.from("II*\0"), number(4, 8), number(2, 1), number(2, 274), number(2, 3), number(4, 1), number(4, 6), number(4, 0)]);
  const header = Buffer.from("08000000" + "270000" + "1d0000", "hex");
  return chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), chunk("VP8X", header), chunk("VP8L", Buffer.alloc(pixels)), chunk("EXIF", exif)]));
}

/** A little-endian number of `length` bytes. */
function number(length, value) {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, length);
  return bytes;
}

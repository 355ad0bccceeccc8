// Answers the cases of tests/placeholder.rs, one JSON object a line, with sharp, zlib and the reference of ThumbHash. Bytes are
// in hexadecimal.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import sharp from "sharp";
import { rgbaToThumbHash, thumbHashToRGBA } from "thumbhash";

const SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");

const bytes = (hex) => Buffer.from(hex, "hex");
const hex = (data) => Buffer.from(data).toString("hex");

function chunk(name, content) {
  const checked = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(content.length, 0);
  numbers.writeUInt32BE(crc32(checked), 4);
  return Buffer.concat([numbers.subarray(0, 4), checked, numbers.subarray(4)]);
}

/** Returns the chunks of a PNG as pairs of a name and content. All lengths and checksums are checked. */
function chunks(png) {
  if (!png.subarray(0, 8).equals(SIGNATURE)) throw new Error("no signature");
  const found = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const checked = png.subarray(at + 4, at + 8 + length);
    if (png.readUInt32BE(at + 8 + length) !== crc32(checked)) throw new Error("wrong checksum");
    found.push([checked.toString("latin1", 0, 4), checked.subarray(4)]);
    at += 12 + length;
  }
  return found;
}

/** Returns the compressed data of a PNG, and inflates them, which checks their checksum. */
function data(png) {
  const compressed = Buffer.concat(chunks(png).filter(([name]) => name === "IDAT").map(([, content]) => content));
  return { data: hex(compressed), inflated: hex(inflateSync(compressed)) };
}

async function pixels(image) {
  const { data, info } = await sharp(image).toColourspace("srgb").ensureAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`${info.channels} channels`);
  return { width: info.width, height: info.height, rgba: hex(data) };
}

/** The average color, in linear light and weighted by opacity. */
function color(rgba) {
  const sums = [0, 0, 0, 0];
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = rgba[at + 3] / 255;
    for (let channel = 0; channel < 3; channel += 1) {
      const value = rgba[at + channel] / 255;
      sums[channel] += alpha * (value > 0.04045 ? Math.pow((value + 0.055) / 1.055, 2.4) : value / 12.92);
    }
    sums[3] += alpha;
  }
  if (sums[3] === 0) return null;
  return sums.slice(0, 3).map((sum) => {
    const light = sum / sums[3];
    return Math.round(255 * (light > 0.0031308 ? 1.055 * Math.pow(light, 1 / 2.4) - 0.055 : 12.92 * light));
  });
}

function drawn(hash) {
  const { w, h, rgba } = thumbHashToRGBA(hash);
  return { width: w, height: h, rgba: hex(rgba) };
}

const { cos } = Math;
/** The cosines of the machine that runs the test. */
let cosines;

function thumbHash(width, height, rgba) {
  Math.cos = (angle) => cosines.get(angle) ?? NaN;
  try {
    return rgbaToThumbHash(width, height, rgba);
  } finally {
    Math.cos = cos;
  }
}

function placeholders({ width, height, rgba }) {
  const hash = thumbHash(width, height, bytes(rgba));
  return { hash: hex(hash), drawn: drawn(hash), color: color(bytes(rgba)) };
}

const opaque = (image) => image.flatten({ background: "#7b3" });

/** The tiny PNGs that sharp makes of an image. */
const VARIANTS = {
  plain: (image) => image.png(),
  opaque: (image) => opaque(image).png(),
  transparent: (image) => image.ensureAlpha(0.4).png({ adaptiveFiltering: true }),
  gray: (image) => opaque(image).toColourspace("b-w").png({ adaptiveFiltering: true }),
  grayTransparent: (image) => image.ensureAlpha(0.7).toColourspace("b-w").png(),
  uncompressed: (image) => image.ensureAlpha().png({ compressionLevel: 0 }),
  colors2: (image) => image.png({ palette: true, colors: 2 }),
  colors4: (image) => image.png({ palette: true, colors: 4 }),
  colors16: (image) => image.png({ palette: true, colors: 16 }),
  colors256: (image) => image.ensureAlpha(0.5).png({ palette: true }),
};

const answers = {
  cosines({ pairs }) {
    cosines = new Map(pairs);
    return true;
  },

  /** Makes a PNG of filtered rows, and reads it. */
  async png({ header, palette, transparency, rows }) {
    const png = Buffer.concat([
      SIGNATURE,
      chunk("IHDR", bytes(header)),
      ...(palette === null ? [] : [chunk("PLTE", bytes(palette))]),
      ...(transparency === null ? [] : [chunk("tRNS", bytes(transparency))]),
      chunk("IDAT", deflateSync(bytes(rows))),
      chunk("IEND", Buffer.alloc(0)),
    ]);
    return { png: hex(png), ...data(png), pixels: await pixels(png) };
  },

  /** Makes tiny PNGs of each sample, as the resizer does, and reads them. */
  async samples() {
    const files = readdirSync("samples", { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const tiny = files.flatMap((file) =>
      Object.entries(VARIANTS).map(async ([variant, make]) => {
        const image = sharp(join(file.parentPath ?? file.path, file.name)).resize(100, 100, { fit: "inside" });
        const png = await make(image).toBuffer();
        const read = await pixels(png);
        return { name: `${file.name}, ${variant}`, png: hex(png), ...data(png), pixels: read, ...placeholders(read) };
      }),
    );
    return Promise.all(tiny);
  },

  placeholders,

  drawn: ({ hash }) => drawn(bytes(hash)),

  /** Reads the picture of a data URL. */
  async url({ url }) {
    const [, base64] = url.match(/^data:image\/png;base64,([A-Za-z0-9+/]+={0,2})$/);
    const png = Buffer.from(base64, "base64");
    if (png.toString("base64") !== base64) throw new Error("not canonical Base64");
    const names = chunks(png).map(([name]) => name).join();
    return { names, colorType: png[25], ...data(png), pixels: await pixels(png) };
  },
};

const cases = readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
for (const { kind, ...question } of cases) console.log(JSON.stringify(await answers[kind](question)));

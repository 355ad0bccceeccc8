import assert from "node:assert/strict";
import zlib from "node:zlib";
import sharp from "sharp";
import { image, text } from "./origin.mjs";

/** What the resizer is asked for a tiny picture. */
export const PICTURE = { width: 100, height: 100, fit: "scale-down", format: "png", anim: false };

/** The tiny picture of an image: as it is displayed, the first frame of an animation. */
export const shrink = async (bytes) => sharp(bytes, { autoOrient: true }).resize(100, 100, { fit: "inside", withoutEnlargement: true }).png().toBuffer();

/** The PNG of one color. */
export const plain = (background, width = 4, height = 3) => sharp({ create: { width, height, channels: 4, background } }).png().toBuffer();

/** Sends a picture as the resizer does. */
export const picture = (bytes, { status = 200, headers } = {}) => text(bytes, { status, headers: { "Content-Type": "image/png", ...headers } });

/** The resizer: responds to requests for metadata with `metadata`, and to those for a picture with `responder`. */
export function resizer(responder, metadata = image()) {
  return (request, response, record) => (isPicture(record) ? responder : metadata)(request, response, record);
}

export const isPicture = ({ cf }) => cf?.image?.format === "png";

/**
 * Encodes a PNG whose every part can be wrong: `compressed` replaces the image data, `before` and `after` are chunks around them, as
 * `[name, bytes]`.
 */
export function png({ width = 4, height = 3, bitDepth = 8, colorType = 0, interlace = 0, data, compressed, before = [], after = [] } = {}) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, colorType, 0, 0, interlace], 8);
  const samples = [1, 0, 3, 1, 2, 0, 4][colorType];
  const rows = data ?? Buffer.alloc(height * (1 + Math.ceil((width * samples * bitDepth) / 8)));
  const chunks = [["IHDR", header], ...before, ["IDAT", compressed ?? zlib.deflateSync(rows)], ...after, ["IEND", Buffer.alloc(0)]];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...chunks.map(([name, bytes]) => chunk(name, bytes))]);
}

function chunk(name, bytes) {
  const checked = Buffer.concat([Buffer.from(name), bytes]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(bytes.length);
  checksum.writeUInt32BE(zlib.crc32(checked));
  return Buffer.concat([length, checked, checksum]);
}

/** The bytes of a `data:` URL of a PNG. */
export function bytesOfDataUrl(url) {
  const [, base64] = /^data:image\/png;base64,([A-Za-z0-9+/]+=*)$/.exec(url);
  return Buffer.from(base64, "base64");
}

/** Decodes a picture to `pixels` of `[red, green, blue, alpha]`, row by row. */
export async function pixelsOf(bytes) {
  const { data, info } = await sharp(bytes, { autoOrient: true, limitInputPixels: false }).toColorspace("srgb").ensureAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const pixels = Array.from({ length: info.width * info.height }, (_, n) => [...data.subarray(4 * n, 4 * n + 4)]);
  return { width: info.width, height: info.height, pixels };
}

const light = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const encoded = (light) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

/** The average color of light, weighted by opacity, or `undefined` if nothing is visible. */
export const averageOfLight = (pixels) => average(pixels, light, encoded);

/** The average of the encoded values, as a ThumbHash has it. */
export const averageOfValues = (pixels) => average(pixels, Number, Number);

function average(pixels, from, to) {
  const sums = [0, 0, 0];
  let weight = 0;
  for (const [red, green, blue, alpha] of pixels) {
    weight += alpha;
    for (const [n, value] of [red, green, blue].entries()) sums[n] += alpha * from(value);
  }
  return weight === 0 ? undefined : sums.map((sum) => to(sum / weight));
}

/** The largest difference of two colors in red, green or blue. */
export const distance = (one, other) => Math.max(...[0, 1, 2].map((n) => Math.abs(one[n] - other[n])));

/** `#rrggbb` as numbers. */
export const rgb = (color) => [...Buffer.from(/^#([0-9a-f]{6})$/.exec(color)[1], "hex")];

/** The colors of nine parts of a picture, on black, and their opacity. */
export async function grid(bytes) {
  const { pixels } = await pixelsOf(await sharp(bytes, { autoOrient: true }).resize(3, 3, { fit: "fill" }).png().toBuffer());
  return pixels.flatMap(([red, green, blue, alpha]) => [...[red, green, blue].map((value) => (value * alpha) / 255), alpha]);
}

/** The positions of the nine parts in each of the eight orientations, the upright one first. */
const TURNS = [0, 1, 2, 3].flatMap((quarters) => [false, true].map((isMirrored) => Array.from({ length: 9 }, (_, n) => turned(n % 3, Math.floor(n / 3), quarters, isMirrored))));

function turned(x, y, quarters, isMirrored) {
  if (isMirrored) x = 2 - x;
  for (let n = 0; n < quarters; n++) [x, y] = [2 - y, x];
  return 3 * y + x;
}

/** The root of the mean square difference of two grids. */
const deviation = (grid, other) => Math.hypot(...grid.map((value, n) => value - other[n])) / 6;

/** Asserts that a grid is nearer to the expected one than to each other orientation of it that differs visibly. */
export function assertUpright(found, expected, what) {
  const [upright, ...others] = TURNS.map((parts) => parts.flatMap((part) => expected.slice(4 * part, 4 * part + 4)));
  for (const other of others.filter((other) => deviation(other, upright) > 20)) {
    assert.ok(deviation(found, upright) < deviation(found, other), `${what}: ${deviation(found, upright)} from upright, ${deviation(found, other)} from another orientation`);
  }
}

const CORNERS = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255], yellow: [255, 255, 0] };

/** A picture of four quarters: red and green above, blue and yellow below. */
export function chartOfCorners(width, height) {
  const [w, h] = [width / 2, height / 2];
  const rects = Object.entries(CORNERS).map(([, [r, g, b]], n) => `<rect x="${n % 2 ? w : 0}" y="${n < 2 ? 0 : h}" width="${w}" height="${h}" fill="rgb(${r},${g},${b})"/>`);
  return sharp(Buffer.from(`<svg width="${width}" height="${height}" shape-rendering="crispEdges">${rects.join("")}</svg>`)).removeAlpha().png().toBuffer();
}

/** The names of the colors in the corners of such a picture. */
export function cornersOf({ width, height, pixels }) {
  const [left, right, top, bottom] = [Math.floor(width / 4), Math.floor((3 * width) / 4), Math.floor(height / 4), Math.floor((3 * height) / 4)];
  const nearest = (x, y) => {
    const distances = Object.entries(CORNERS).map(([name, color]) => [distance(color, pixels[y * width + x]), name]);
    return distances.sort(([one], [other]) => one - other)[0][1];
  };
  return [nearest(left, top), nearest(right, top), nearest(left, bottom), nearest(right, bottom)];
}

// TIFF: libtiff through sharp and ImageMagick, and files whose directory is at an unusual position.

import { bands, oddSizes, picture } from "./pictures.mjs";
import { byHand, byProgram, bySharp, orientations } from "./recipe.mjs";

export function tiff({ paths }) {
  const magick = (name, args, from = "rgb.png", kind = "tiff") =>
    byProgram(`tiff/magick-${name}.tif`, "convert", (to) => [
      ...[from].flat().map((input) => paths[input]),
      ...args,
      `${kind}:${to}`,
    ]);
  const by = (name, options, draw = {}) =>
    bySharp(`tiff/${name}.tif`, () => picture(draw).tiff({ compression: "lzw", ...options }));
  const tiled = { tile: true, tileWidth: 16, tileHeight: 16 };

  return [
    ...["none", "jpeg", "deflate", "packbits", "lzw", "webp"].map((compression) => by(compression, { compression })),
    bySharp("tiff/ccittfax4.tif", () => picture({ channels: 1 }).tiff({ compression: "ccittfax4", bitdepth: 1 })),
    ...[1, 2, 4].map((bitdepth) => by(`gray-${bitdepth}bit`, { bitdepth, compression: "none" }, { channels: 1 })),
    by("gray", {}, { channels: 1 }),
    by("gray-16bit", {}, { channels: 1, deep: true }),
    by("gray-alpha", {}, { channels: 2 }),
    by("gray-inverted", { bitdepth: 1, miniswhite: true, compression: "none" }, { channels: 1 }),
    by("alpha", {}, { channels: 4 }),
    by("16bit", {}, { deep: true }),
    by("16bit-alpha", {}, { channels: 4, deep: true }),
    by("predictor", { predictor: "horizontal", compression: "deflate" }),
    by("tiled", tiled),
    by("pyramid", { ...tiled, pyramid: true }, { width: 150, height: 100 }),
    by("bigtiff", { bigtiff: true }),
    by("bigtiff-pyramid", { ...tiled, bigtiff: true, pyramid: true }, { width: 100, height: 150 }),
    by("resolution", { xres: 11.8, yres: 5.9, resolutionUnit: "cm" }),
    bySharp("tiff/cmyk.tif", () => picture().toColourspace("cmyk").tiff({ compression: "lzw" })),
    bySharp("tiff/profile.tif", () => picture().withIccProfile("p3").tiff({ compression: "lzw" })),
    bySharp("tiff/two-colours.tif", () => bands(2).tiff({ compression: "lzw" })),
    ...orientations.map((orientation) =>
      bySharp(`tiff/turned-${orientation}.tif`, () =>
        picture().withMetadata({ orientation }).tiff({ compression: "lzw" }),
      ),
    ),
    ...oddSizes.map(([width, height]) => by(`${width}x${height}`, {}, { width, height })),
    by("70000x1", {}, { width: 70_000, height: 1, channels: 1 }),
    by("1x70000", {}, { width: 1, height: 70_000, channels: 1 }),

    ...["lsb", "msb"].flatMap((order) => [
      magick(`endian-${order}`, [...endian(order), "-compress", "lzw"]),
      magick(`endian-${order}-gray`, [...endian(order), "-compress", "none"], "gray.png"),
      magick(`endian-${order}-16bit`, [...endian(order), "-compress", "zip", "-depth", "16"], "rgb16.png"),
      magick(`endian-${order}-64`, [...endian(order), "-compress", "lzw"], "rgb.png", "tiff64"),
      magick(`endian-${order}-turned`, [...endian(order), "-compress", "lzw", "-orient", "RightTop"]),
    ]),
    ...["Group4", "Fax", "RLE"].map((compress) =>
      magick(compress.toLowerCase(), ["-monochrome", "-compress", compress], "gray.png"),
    ),
    ...["LZW", "Zip", "JPEG", "None"].map((compress) =>
      magick(compress.toLowerCase(), ["-depth", "8", "-compress", compress]),
    ),
    magick("zstd", ["-depth", "8", "-compress", "Zstd"]),
    magick("lzma", ["-depth", "8", "-compress", "LZMA"]),
    magick("rows-per-strip", ["-define", "tiff:rows-per-strip=3", "-compress", "none"]),
    magick("tiles", ["-define", "tiff:tile-geometry=32x16", "-compress", "lzw"]),
    magick("planar", ["-interlace", "plane", "-compress", "none", "-depth", "8"]),
    magick("fill-order", ["-define", "tiff:fill-order=lsb", "-monochrome", "-compress", "Group4"], "gray.png"),
    magick("palette", ["-type", "Palette", "-compress", "none"], "many-colours.png"),
    magick("cmyk", ["-colorspace", "CMYK", "-compress", "none", "-depth", "8"]),
    magick("alpha", ["-compress", "lzw", "-depth", "8"], "rgba.png"),
    magick("gray-alpha", ["-compress", "lzw", "-depth", "8"], "grayalpha.png"),
    magick("32bit", ["-depth", "32", "-compress", "zip"]),
    magick("float", ["-define", "quantum:format=floating-point", "-depth", "32", "-compress", "zip"]),
    magick("lab", ["-colorspace", "Lab", "-depth", "8", "-compress", "none"]),
    magick("pages", ["-compress", "lzw", "-depth", "8"], ["rgb.png", "61x43.png", "64x64.png"]),
    magick("pyramid", ["-compress", "lzw", "-depth", "8"], "256x256.png", "ptif"),

    ...[true, false].flatMap((little) => [
      byHand(`tiff/directory-first-${little ? "ii" : "mm"}.tif`, () => minimal({ little, width: 33, height: 21 })),
      byHand(`tiff/directory-last-${little ? "ii" : "mm"}.tif`, () =>
        minimal({ little, width: 21, height: 33, last: true }),
      ),
      byHand(`tiff/turned-6-${little ? "ii" : "mm"}.tif`, () =>
        minimal({ little, width: 33, height: 21, orientation: 6 }),
      ),
      byHand(`tiff/directory-behind-300k-${little ? "ii" : "mm"}.tif`, () =>
        minimal({ little, width: 700, height: 450, last: true }),
      ),
    ]),
  ];
}

/** Some versions ignore the option. */
const endian = (order) => ["-endian", order, "-define", `tiff:endian=${order}`];

/** Returns one uncompressed grey strip. Its size has the shorter or the longer of the two possible types. */
function minimal({ little, width, height, orientation = 1, last = false }) {
  const pixels = Buffer.alloc(width * height, 0x80);
  const count = 10;
  const directoryAt = last ? 8 + pixels.length + (pixels.length & 1) : 8;
  const pixelsAt = last ? 8 : 8 + 2 + count * 12 + 4;
  const file = Buffer.alloc(Math.max(directoryAt + 2 + count * 12 + 4, pixelsAt + pixels.length));
  const put16 = (value, at) => (little ? file.writeUInt16LE(value, at) : file.writeUInt16BE(value, at));
  const put32 = (value, at) => (little ? file.writeUInt32LE(value, at) : file.writeUInt32BE(value, at));
  const [short, long] = [3, 4];
  const entries = [
    [256, short, width],
    [257, long, height],
    [258, short, 8],
    [259, short, 1],
    [262, short, 1],
    [273, long, pixelsAt],
    [274, short, orientation],
    [277, short, 1],
    [278, long, height],
    [279, long, pixels.length],
  ];
  file.write(little ? "II" : "MM", 0, "latin1");
  put16(42, 2);
  put32(directoryAt, 4);
  pixels.copy(file, pixelsAt);
  put16(count, directoryAt);
  entries.forEach(([tag, type, value], index) => {
    const at = directoryAt + 2 + index * 12;
    put16(tag, at);
    put16(type, at + 2);
    put32(1, at + 4);
    if (type === short) put16(value, at + 8);
    else put32(value, at + 8);
  });
  return file;
}

// Densities, in each place where a format may have one, and color profiles that no other recipe has.

import { readFile } from "node:fs/promises";
import { exif, prefixed } from "./exif.mjs";
import { afterJfif, APP, first, segment } from "./jpeg-segments.mjs";
import { picture } from "./pictures.mjs";
import { before, chunk, uint32 } from "./png-chunks.mjs";
import { byHand, byProgram, bySharp } from "./recipe.mjs";

export function density({ paths }) {
  const jpeg = (name, [unit, x, y = x], block, says) =>
    byHand(
      `jpeg/density-${name}.jpg`,
      async () => {
        const file = jfif(await readFile(paths["rgb.jpg"]), unit, x, y);
        return block ? afterJfif(file, segment(APP(1), prefixed(exif(block)))) : file;
      },
      says,
    );
  const png = (name, [unit, x, y = x], block, says) =>
    byHand(
      `png/density-${name}.png`,
      async () => {
        const physical = chunk("pHYs", Buffer.concat([uint32(x), uint32(y), Buffer.from([unit])]));
        const added = block ? [physical, chunk("eXIf", exif(block))] : [physical];
        return before(withoutDensity(await readFile(paths["rgb.png"])), "IDAT", ...added);
      },
      says,
    );
  const magick = (file, args) =>
    byProgram(file, "convert", (to) => [paths["rgb.png"], "-define", "png:exclude-chunks=date,time", ...args, to]);

  return [
    jpeg("inch", [1, 300]),
    jpeg("centimetre", [2, 118]),
    jpeg("centimetre-half", [2, 25]),
    jpeg("low", [1, 10]),
    jpeg("uneven", [1, 300, 150]),
    jpeg("largest", [1, 65_535]),
    jpeg("none", [0, 300]),
    jpeg("zero", [1, 0]),
    jpeg("ratio-with-a-unit", [1, 1]),
    jpeg("exif", [1, 72], { resolution: [240, 1], unit: 2 }),
    jpeg("exif-big-endian", [1, 72], { resolution: [2401, 10], unit: 2, little: false }),
    jpeg("exif-centimetre", [1, 72], { resolution: [1181, 10], unit: 3 }),
    jpeg("exif-without-unit", [1, 72], { resolution: [240, 1] }),
    jpeg("exif-unit-none", [1, 300], { resolution: [240, 1], unit: 1 }),
    jpeg("exif-unit-unknown", [1, 300], { resolution: [240, 1], unit: 4 }),
    jpeg("exif-zero", [1, 300], { resolution: [0, 1], unit: 2 }),
    jpeg("exif-by-zero", [1, 300], { resolution: [240, 0], unit: 2 }),
    jpeg("exif-huge", [1, 300], { resolution: [4_000_000_000, 1], unit: 2 }),
    jpeg("exif-turned", [1, 72], { orientation: 6, resolution: [240, 1], unit: 2 }),
    byHand("jpeg/density-exif-first.jpg", async () => {
      const block = segment(APP(1), prefixed(exif({ resolution: [240, 1], unit: 2 })));
      return first(jfif(await readFile(paths["rgb.jpg"]), 1, 72, 72), block);
    }),
    png("72", [1, 2835]),
    png("300", [1, 11_811]),
    png("uneven", [1, 11_811, 5906]),
    png("unit-none", [0, 3]),
    png("zero", [1, 0]),
    png("exif", [1, 2835], { resolution: [240, 1], unit: 2 }),
    ...["jpeg", "png", "webp", "tiff", "avif"].map((format) =>
      bySharp(`${format}/density-sharp.${format}`, () => picture().withMetadata({ density: 150 }).toFormat(format)),
    ),
    ...[
      ["inch", ["-units", "PixelsPerInch"]],
      ["centimetre", ["-units", "PixelsPerCentimeter"]],
    ].flatMap(([name, units]) => [
      magick(`jpeg/density-magick-${name}.jpg`, [...units, "-density", "118x59"]),
      magick(`png/density-magick-${name}.png`, [...units, "-density", "118x59"]),
      magick(`tiff/density-magick-${name}.tif`, [...units, "-density", "118.11x59"]),
      magick(`bmp/density-magick-${name}.bmp`, [...units, "-density", "118x59"]),
    ]),
    bySharp("tiff/density-bigtiff.tif", () =>
      picture().tiff({ compression: "lzw", bigtiff: true, xres: 11.8, yres: 5.9, resolutionUnit: "cm" }),
    ),
    bySharp("tiff/density-inch.tif", () => picture().tiff({ compression: "lzw", xres: 11.8, yres: 5.9 })),
  ];
}

/** Adds a JFIF segment, which comes first. */
function jfif(jpeg, unit, x, y) {
  const data = Buffer.from("JFIF\0\x01\x02\0\0\0\0\0\0\0", "latin1");
  data.writeUInt8(unit, 7);
  data.writeUInt16BE(x, 8);
  data.writeUInt16BE(y, 10);
  return first(jpeg, segment(APP(0), data));
}

/** Removes the `pHYs` chunk that the encoder wrote. */
function withoutDensity(png) {
  const name = png.indexOf("pHYs");
  return name < 0 ? png : Buffer.concat([png.subarray(0, name - 4), png.subarray(name + 17)]);
}

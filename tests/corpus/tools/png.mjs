// PNG: every colour type and bit depth, with and without interlacing; chunks of all lengths; animations.

import { readFile } from "node:fs/promises";
import { deflateSync } from "node:zlib";
import { exif } from "./exif.mjs";
import { bands, frames, oddSizes, picture } from "./pictures.mjs";
import { actl, animated, before, chunk } from "./png-chunks.mjs";
import { byHand, byProgram, bySharp, orientations } from "./recipe.mjs";

const kinds = { gray: 1, grayalpha: 2, rgb: 3, rgba: 4 };

const upright = { width: 60, height: 40, orientation: 1 };

/** The bit depths that each colour type may have: PNG, section 11.2.1. */
const depths = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

export function png({ paths }) {
  const plain = () => readFile(paths["rgb.png"]);
  const spliced = (name, splice, says) => byHand(`png/spliced-${name}.png`, async () => splice(await plain()), says);

  return [
    ...Object.entries(kinds).flatMap(([kind, channels]) =>
      [false, true].flatMap((deep) =>
        [false, true].map((progressive) => {
          const name = `${kind}${deep ? 16 : 8}${progressive ? "-interlaced" : ""}`;
          return bySharp(`png/${name}.png`, () => picture({ channels, deep }).png({ progressive }));
        }),
      ),
    ),
    ...[2, 4, 16, 256].map((colours) =>
      bySharp(`png/palette-${colours}.png`, () => bands(colours).png({ palette: true, colours })),
    ),
    bySharp("png/palette-alpha.png", () => picture({ channels: 4 }).png({ palette: true })),
    bySharp("png/profile.png", () => picture().withIccProfile("p3").png()),
    ...orientations.map((orientation) =>
      bySharp(`png/turned-${orientation}.png`, () => picture().withMetadata({ orientation }).png()),
    ),
    ...oddSizes.map(([width, height]) =>
      bySharp(`png/${width}x${height}.png`, () => picture({ width, height }).png({ adaptiveFiltering: true })),
    ),
    bySharp("png/100000x1.png", () =>
      picture({ width: 100_000, height: 1, channels: 1 }).png({ palette: true, colours: 4 }),
    ),
    bySharp("png/1x70000.png", () =>
      picture({ width: 1, height: 70_000, channels: 1 }).png({ palette: true, colours: 4 }),
    ),

    ...Object.entries(depths).flatMap(([type, list]) =>
      list.flatMap((depth) => ["None", "PNG"].map((rows) => matrix(type, depth, rows))),
    ),
    ...["gray.png", "rgb.png", "many-colours.png"].map((from) =>
      byProgram(`png/magick-transparent-${from}`, "convert", (to) => [
        paths[from],
        "-strip",
        "-transparent",
        "black",
        `png:${to}`,
      ]),
    ),

    spliced("profile-70k", (png) => before(png, "IDAT", chunk("iCCP", compressed("profile\0\0", 70_000)))),
    spliced("profile-320k", (png) => before(png, "IDAT", chunk("iCCP", compressed("profile\0\0", 320_000)))),
    spliced("text-300k", (png) =>
      before(png, "IDAT", chunk("tEXt", Buffer.concat([Buffer.from("Comment\0"), Buffer.alloc(300_000, "IDAT")]))),
    ),
    spliced("ztxt-80k", (png) => before(png, "IDAT", chunk("zTXt", compressed("Comment\0\0", 80_000)))),
    spliced("itxt", (png) => before(png, "IDAT", chunk("iTXt", Buffer.from("Title\0\0\0en\0\0IHDR")))),
    spliced("many-chunks", (png) =>
      before(png, "IDAT", ...Array.from({ length: 400 }, (_, n) => chunk("tEXt", Buffer.from(`n\0${n}`)))),
    ),
    spliced("private-chunk", (png) => before(png, "IDAT", chunk("prVt", Buffer.alloc(5000, 7)))),
    spliced("trailing", (png) => Buffer.concat([png, Buffer.alloc(300, 1)])),
    spliced("turned-6-big-endian", (png) =>
      before(png, "IDAT", chunk("eXIf", exif({ orientation: 6, little: false }))),
    ),
    spliced("turned-8-little-endian", (png) => before(png, "IDAT", chunk("eXIf", exif({ orientation: 8 })))),
    // PNG's third edition requires eXIf before the pixels. Browsers ignore one after them, too.
    spliced("turned-6-after-pixels", (png) => before(png, "IEND", chunk("eXIf", exif({ orientation: 6 }))), upright),
    byProgram("png/magick-turned-6-after-pixels.png", "convert", (to) => [paths["turned-6.jpg"], `png:${to}`], upright),

    byHand("png/spliced-animated.png", async () => animated(await frames(3)), { animated: true, frames: 3 }),
    byHand("png/spliced-animated-alpha.png", async () => animated(await frames(4, { channels: 4 })), {
      animated: true,
      frames: 4,
    }),
    byHand("png/spliced-animated-hidden.png", async () => animated(await frames(3), { hidden: true }), {
      animated: true,
      frames: 2,
    }),
    byHand("png/spliced-animated-once.png", async () => animated(await frames(1)), { frames: 1 }),
    byHand(
      "png/spliced-animated-after-profile.png",
      async () => before(animated(await frames(3)), "IDAT", chunk("iCCP", compressed("profile\0\0", 70_000))),
      { animated: true, frames: 3 },
    ),
    // acTL must come before the pixels. After them it is ignored.
    spliced("announced-too-late", (png) => before(png, "IEND", chunk("acTL", actl(2))), { animated: false }),
    byProgram(
      "png/apngasm.png",
      "apngasm",
      (to) => [to, paths["frame-0.png"], paths["frame-1.png"], paths["frame-2.png"], "1", "10"],
      { animated: true, frames: 3 },
    ),
  ];

  function matrix(type, depth, rows) {
    const from = { 0: "gray.png", 2: "rgb.png", 3: "many-colours.png", 4: "grayalpha.png", 6: "rgba.png" }[type];
    const deep = depth === 16 ? from.replace(".png", "16.png") : from;
    const colours = type === "3" ? ["-colors", String(2 ** depth)] : [];
    const gray =
      type === "0" && depth < 8 ? ["+dither", "-posterize", String(2 ** depth), "-depth", String(depth)] : [];
    const asked = [`png:color-type=${type}`, `png:bit-depth=${depth}`].flatMap((value) => ["-define", value]);
    const name = `png/magick-type${type}-${depth}bit${rows === "PNG" ? "-interlaced" : ""}.png`;
    return byProgram(name, "convert", (to) => [
      paths[deep],
      "-strip",
      ...colours,
      ...gray,
      ...asked,
      "-interlace",
      rows,
      `png:${to}`,
    ]);
  }
}

/** Returns a keyword and a zlib stream of about this many bytes. It is uncompressed, to control its length. */
const compressed = (label, length) =>
  Buffer.concat([Buffer.from(label, "latin1"), deflateSync(Buffer.alloc(length, "IHDR"), { level: 0 })]);

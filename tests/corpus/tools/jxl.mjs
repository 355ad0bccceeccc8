// JPEG XL: libjxl's encoder, with sizes for every form of the size header.

import { readFile } from "node:fs/promises";
import { exif } from "./exif.mjs";
import { box, boxes } from "./heif-boxes.mjs";
import { picture } from "./pictures.mjs";
import { byHand, byProgram, orientations } from "./recipe.mjs";

/**
 * Multiples of 8 up to 256 have their own form. Seven aspect ratios omit the width. All other sizes take 9, 13, 18 or
 * 30 bits: ISO/IEC 18181-1, SizeHeader.
 */
const sizes = [
  "8x8 256x256 256x8 8x256 248x40 264x8",
  "40x40 48x40 160x120 120x80 128x72 50x40 80x40 120x160",
  "41x41 36x30 37x31 100x75 255x257 77x1",
  "1x1 1x77 512x512 513x7 7x513 511x512",
  "8192x1 1x8192 8193x1 2x8193 9001x4 3x20000 270000x1",
].flatMap((row) => row.split(" ").map((size) => size.split("x").map(Number)));

export function jxl({ paths }) {
  const cjxl = (name, args, from = "rgb.png", says) =>
    byProgram(`jxl/${name}.jxl`, "cjxl", (to) => [paths[from], to, "--num_threads=0", "-e", "3", ...args], says);

  return [
    cjxl("lossy", ["-d", "1"]),
    cjxl("lossy-3", ["-d", "3"]),
    cjxl("lossless", ["-d", "0"]),
    cjxl("modular", ["-d", "1", "-m", "1"]),
    cjxl("progressive", ["-p"]),
    cjxl("container", ["--container=1"]),
    cjxl("container-lossless", ["--container=1", "-d", "0"]),
    cjxl("bare", ["--container=0"]),
    cjxl("gray", [], "gray.png"),
    cjxl("gray-lossless", ["-d", "0"], "gray.png"),
    cjxl("gray-alpha", [], "grayalpha.png"),
    cjxl("alpha", [], "rgba.png"),
    cjxl("alpha-lossless", ["-d", "0"], "rgba.png"),
    cjxl("16bit", ["-d", "0"], "rgb16.png"),
    cjxl("16bit-gray", ["-d", "0"], "gray16.png"),
    cjxl("16bit-alpha", ["-d", "0"], "rgba16.png"),
    cjxl("10bit", ["-d", "0", "--override_bitdepth=10"], "rgb16.png"),
    cjxl("palette", ["-d", "0"], "many-colours.png"),
    cjxl("bilevel", ["-d", "0"], "two-colours.png"),
    cjxl("intensity", ["--intensity_target=1000"]),
    cjxl("animation", [], "animation.gif"),
    cjxl("animation-alpha", [], "animation-alpha.gif"),
    cjxl("animation-apng", ["-d", "1"], "animation.png"),
    cjxl("animation-container", ["--container=1"], "animation.gif"),
    cjxl("from-jpeg", [], "rgb.jpg"),
    cjxl("from-jpeg-gray", [], "gray.jpg"),
    cjxl("from-jpeg-progressive", [], "progressive.jpg"),
    ...orientations.flatMap((orientation) => [
      cjxl(`transcoded-${orientation}`, [], `turned-${orientation}.jpg`),
      cjxl(`encoded-${orientation}`, ["-j", "0"], `turned-${orientation}.jpg`),
      cjxl(`bare-${orientation}`, ["-j", "0", "--container=0"], `turned-${orientation}.jpg`),
    ]),
    ...sizes.map(([width, height]) => ({
      file: `jxl/${width}x${height}.jxl`,
      made: "cjxl",
      needs: ["cjxl"],
      make: async (to, programs) => {
        const input = `${paths["rgb.png"]}-${width}x${height}.png`;
        await picture({ width, height }).png().toFile(input);
        const lossless = Math.min(width, height) < 64 ? ["-d", "0"] : [];
        await programs.call("cjxl", [input, to, "--num_threads=0", "-e", "1", ...lossless]);
      },
    })),
    // The container's Exif has orientation 6, the codestream has none. The codestream decides.
    contained("exif-6-upright", (stream) => [
      box("Exif", Buffer.alloc(4), exif({ orientation: 6 })),
      box("jxlc", stream),
    ]),
    contained("exif-behind", (stream) => [box("jxlc", stream), box("Exif", Buffer.alloc(4), exif({ orientation: 6 }))]),
    contained("in-parts", (stream) => [
      part(0, stream.subarray(0, 3)),
      part(1, stream.subarray(3, 11)),
      part(0x80000002, stream.subarray(11)),
    ]),
    contained("metadata-first-300k", (stream) => [box("xml ", Buffer.alloc(300_000, 32)), box("jxlc", stream)]),
    contained("to-the-end", (stream) => {
      const last = box("jxlc", stream);
      last.writeUInt32BE(0, 0);
      return [last];
    }),
  ];

  /** Returns a container with other boxes around a codestream from cjxl. */
  function contained(name, build) {
    return byHand(
      `jxl/boxed-${name}.jxl`,
      async (programs) => {
        const source = `${paths["rgb.png"]}-${name}.jxl`;
        await programs.call("cjxl", [paths["rgb.png"], source, "--num_threads=0", "-e", "3", "--container=1"]);
        const found = boxes(await readFile(source));
        const stream = found.find(({ type }) => type === "jxlc").data;
        return Buffer.concat([...found.slice(0, 2).map(({ bytes }) => bytes), ...build(stream)]);
      },
      undefined,
      ["cjxl"],
    );
  }
}

function part(index, stream) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(index);
  return box("jxlp", number, stream);
}

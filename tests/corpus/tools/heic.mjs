// HEIC: x265 through libheif, and its pictures in the box structure that phones write.

import { readFile } from "node:fs/promises";
import { exif } from "./exif.mjs";
import { clap, coded, exifItem, grid, heif, icc, imir, irot, ispe, pixi } from "./heif-boxes.mjs";
import { byHand, byProgram, orientations } from "./recipe.mjs";

export function heic({ paths }) {
  const libheif = (name, args, from = "rgb.png") =>
    byProgram(`heic/heif-enc-${name}.heic`, "heif-enc", (to) => [
      ...args,
      ...[from].flat().map((input) => paths[input]),
      "-o",
      to,
    ]);
  const boxed = (name, build) =>
    byHand(`heic/boxed-${name}.heic`, async (programs) => build(await tile(programs)), undefined, ["heif-enc"]);

  // Sizes that are not a multiple of 64 become a cropped grid of one tile.
  let encoded;
  const tile = (programs) => (encoded ??= encode(programs));
  async function encode(programs) {
    const to = `${paths["128x64.png"]}.heic`;
    await programs.call("heif-enc", ["-q", "20", paths["128x64.png"], "-o", to]);
    return coded(await readFile(to));
  }

  return [
    libheif("8bit", []),
    libheif("quality-10", ["-q", "10"]),
    libheif("444", ["-p", "chroma=444"]),
    libheif("lossless", ["-L", "-p", "chroma=444", "--matrix_coefficients=0"]),
    libheif("10bit", ["-b", "10"], "rgb16.png"),
    libheif("12bit", ["-b", "12"], "rgb16.png"),
    libheif("alpha", [], "rgba.png"),
    libheif("10bit-alpha", ["-b", "10"], "rgba16.png"),
    libheif("no-alpha", ["--no-alpha"], "rgba.png"),
    libheif("premultiplied", ["--premultiplied-alpha"], "rgba.png"),
    libheif("gray", [], "gray.jpg"),
    libheif("from-jpeg", [], "rgb.jpg"),
    libheif("thumbnail", ["-t", "16"]),
    libheif("thumbnail-alpha", ["-t", "32"], "rgba.png"),
    libheif("several", [], ["rgb.png", "61x43.png", "rgba.png"]),
    libheif("several-thumbnails", ["-t", "20"], ["128x64.png", "rgb.png"]),
    ...orientations.map((orientation) => libheif(`from-turned-${orientation}`, [], `turned-${orientation}.jpg`)),
    ...["64x64", "128x64", "61x43", "256x256", "1x40", "40x1"].map((size) => libheif(size, [], `${size}.png`)),

    boxed("plain", (tile) => single(tile)),
    ...[1, 2, 3].map((quarters) => boxed(`irot-${quarters}`, (tile) => single(tile, [irot(quarters)]))),
    ...[0, 1].map((mode) => boxed(`imir-${mode}`, (tile) => single(tile, [imir(mode)]))),
    ...[1, 2, 3].flatMap((quarters) =>
      [0, 1].map((mode) =>
        boxed(`irot-${quarters}-imir-${mode}`, (tile) => single(tile, [irot(quarters), imir(mode)])),
      ),
    ),
    boxed("clap", (tile) => single(tile, [clap(100, 50)])),
    boxed("clap-offset-irot-1", (tile) => single(tile, [clap(90, 40, [-8, 1], [3, 1]), irot(1)])),
    boxed("wide-fields", (tile) => single(tile, [irot(3)], { wide: true })),
    boxed("index-last", (tile) => single(tile, [irot(1)], { metaLast: true })),
    boxed("free-100k", (tile) => single(tile, [irot(1)], { filler: 100_000 })),
    boxed("profile", (tile) => single(tile, [icc(Buffer.alloc(3000, "ispe"))])),
    boxed("second-is-primary", (tile) => several(tile)),
    boxed("grid-2x2", (tile) => telephone(tile, { columns: 2, rows: 2, width: 250, height: 120 })),
    boxed("grid-2x2-in-mdat", (tile) =>
      telephone(tile, { columns: 2, rows: 2, width: 250, height: 120, inIdat: false }),
    ),
    boxed("grid-wide", (tile) => telephone(tile, { columns: 3, rows: 1, width: 300, height: 64, wide: true })),
    ...[1, 2, 3].map((quarters) =>
      boxed(`telephone-irot-${quarters}`, (tile) =>
        telephone(tile, { columns: 8, rows: 6, width: 1010, height: 378, turns: [irot(quarters)] }),
      ),
    ),
    boxed("telephone-mirrored", (tile) =>
      telephone(tile, { columns: 8, rows: 6, width: 1010, height: 378, turns: [irot(1), imir(0)] }),
    ),
    boxed("telephone-index-last", (tile) =>
      telephone(tile, { columns: 8, rows: 6, width: 1010, height: 378, turns: [irot(3)], metaLast: true }),
    ),
  ];
}

const codedItem = (tile, id, more = {}, properties = []) => ({
  id,
  type: "hvc1",
  data: tile.data,
  properties: [tile.config, ispe(tile.width, tile.height), pixi(8), ...properties],
  ...more,
});

function single(tile, turns = [], options = {}) {
  return heif({ items: [codedItem(tile, 1, {}, turns)], primary: 1, ...options });
}

function several(tile) {
  return heif({ items: [codedItem(tile, 1), codedItem(tile, 7, {}, [irot(1)])], primary: 7 });
}

/** A file like those of phones: hidden tiles, a rotated grid of them, a thumbnail, and Exif, whose orientation is ignored. */
function telephone(tile, { columns, rows, width, height, turns = [], inIdat = true, wide = false, metaLast = false }) {
  const count = columns * rows;
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const [whole, thumbnail, metadata] = [count + 1, count + 2, count + 3];
  const items = [
    ...ids.map((id) => codedItem(tile, id, { hidden: true })),
    {
      id: whole,
      type: "grid",
      data: grid({ columns, rows, width, height, wide }),
      inIdat,
      properties: [ispe(width, height), pixi(8), ...turns],
    },
    codedItem(tile, thumbnail, {}, turns),
    { id: metadata, type: "Exif", data: exifItem(exif({ orientation: 6, little: false })), hidden: true },
  ];
  const references = [
    ["dimg", whole, ids],
    ["thmb", thumbnail, [whole]],
    ["cdsc", metadata, [whole]],
  ];
  return heif({
    items,
    primary: whole,
    references,
    brands: ["mif1", "MiHB", "MiHE", "miaf", "heic", "tmap"],
    wide,
    metaLast,
  });
}

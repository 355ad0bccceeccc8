// BMP: ImageMagick's three header versions, and top-down pictures.

import { readFile } from "node:fs/promises";
import { byHand, byProgram } from "./recipe.mjs";

export function bmp({ paths }) {
  const magick = (name, args, from = "rgb.png", kind = "BMP") =>
    byProgram(`bmp/magick-${name}.bmp`, "convert", (to) => [paths[from], ...args, `${kind}:${to}`]);
  const topDown = (name, args, from = "rgb.png", kind = "BMP") =>
    byHand(
      `bmp/top-down-${name}.bmp`,
      async (programs) => {
        const source = `${paths[from]}-${name}.bmp`;
        await programs.call("convert", [paths[from], ...args, `${kind}:${source}`]);
        const bytes = await readFile(source);
        bytes.writeInt32LE(-bytes.readInt32LE(22), 22);
        return bytes;
      },
      { width: 60, height: 40 },
      ["convert"],
    );
  const sizes = ["1x1", "1x40", "40x1", "61x43", "256x256"];

  return [
    ...["BMP2", "BMP3", "BMP"].flatMap((kind) => [
      magick(`${kind}-24bit`, ["-depth", "8"], "rgb.png", kind),
      magick(`${kind}-8bit`, ["-type", "Palette", "-colors", "200"], "many-colours.png", kind),
      magick(`${kind}-4bit`, ["-type", "Palette", "-colors", "16"], "many-colours.png", kind),
      magick(`${kind}-1bit`, ["-monochrome"], "gray.png", kind),
      magick(`${kind}-gray`, ["-colorspace", "Gray"], "gray.png", kind),
    ]),
    magick("BMP3-alpha", [], "rgba.png", "BMP3"),
    magick("BMP-alpha", [], "rgba.png"),
    magick("BMP-profile", ["-profile", paths["profile.icc"]]),
    ...["RGB555", "RGB565", "ARGB4444", "ARGB1555"].map((subtype) =>
      magick(
        `16bit-${subtype}`,
        ["-define", `bmp:subtype=${subtype}`],
        subtype.startsWith("A") ? "rgba.png" : "rgb.png",
      ),
    ),
    magick("rle", ["-type", "Palette", "-colors", "16", "-compress", "RLE"], "many-colours.png"),
    magick("BMP3-rle", ["-type", "Palette", "-colors", "200", "-compress", "RLE"], "many-colours.png", "BMP3"),
    ...sizes.map((size) => magick(size, ["-depth", "8"], `${size}.png`, "BMP3")),
    byProgram("bmp/magick-16000x1.bmp", "convert", (to) => [
      "-size",
      "16000x1",
      "gradient:",
      "-monochrome",
      `BMP3:${to}`,
    ]),
    byProgram("bmp/magick-1x4000.bmp", "convert", (to) => [
      "-size",
      "1x4000",
      "gradient:",
      "-monochrome",
      `BMP3:${to}`,
    ]),

    topDown("24bit", ["-depth", "8"], "rgb.png", "BMP3"),
    topDown("alpha", [], "rgba.png"),
    topDown("1bit", ["-monochrome"], "gray.png", "BMP3"),
  ];
}

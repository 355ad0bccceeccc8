// ICO: one or several pictures, as BMP and as PNG. A side of 256 pixels is stored as 0.

import { byProgram } from "./recipe.mjs";

export function ico({ paths }) {
  const source = paths["256x256.png"];
  const resized = (size) => ["(", source, "-resize", `${size}!`, "-depth", "8", ")"];
  const magick = (name, sizes, more = []) =>
    byProgram(`ico/magick-${name}.ico`, "convert", (to) => [...sizes.flatMap(resized), ...more, `ico:${to}`]);
  const icotool = (name, bmp, png) => ({
    file: `ico/icotool-${name}.ico`,
    made: "icotool",
    needs: ["convert", "icotool"],
    make: async (to, programs) => {
      const pictures = [...bmp, ...png].map((size) => `${to}.${size}.png`);
      for (const [index, size] of [...bmp, ...png].entries()) {
        await programs.call("convert", [...resized(size), "-define", "png:color-type=6", `png:${pictures[index]}`]);
      }
      const raw = pictures.slice(bmp.length).flatMap((picture) => ["-r", picture]);
      await programs.call("icotool", ["-c", "-o", to, ...pictures.slice(0, bmp.length), ...raw]);
    },
  });

  return [
    ...["16x16", "32x32", "48x24"].map((size) => magick(size, [size])),
    magick("255x255", ["255x255"], ["-monochrome"]),
    magick("256x256", ["256x256"]),
    magick("two", ["16x16", "32x32"]),
    magick("largest-first", ["64x64", "32x32", "16x16"]),
    magick("largest-in-the-middle", ["16x16", "128x128", "48x48"]),
    magick("with-256", ["16x16", "32x32", "48x48", "256x256"]),
    magick("256-first", ["256x256", "48x48", "16x16"]),
    magick("auto", ["256x256"], ["-define", "icon:auto-resize=256,128,64,48,32,16"]),
    magick("palette", ["32x32"], ["-colors", "16"]),
    magick("monochrome", ["32x32"], ["-monochrome"]),
    icotool("bmp", ["16x16", "48x48"], []),
    icotool("png", [], ["64x64"]),
    icotool("png-256", ["32x32"], ["256x256"]),
    icotool("mixed", ["16x16", "24x24", "32x32"], ["128x128", "256x256"]),
  ];
}

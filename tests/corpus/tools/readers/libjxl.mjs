// libjxl, for JPEG XL: the properties in the codestream, and the size after decoding.

import { rmSync } from "node:fs";
import sharp from "sharp";

export const jxlinfoReader = { name: "jxlinfo", needs: "jxlinfo", formats: ["jxl"], read };
export const djxlReader = { name: "djxl", needs: "djxl", formats: ["jxl"], read: decode };

async function read(path, format, programs) {
  const output = await programs.call("jxlinfo", ["-v", path]);
  const head = /JPEG XL (image|animation), (\d+)x(\d+), .*?(\d+)-bit (\w+)/.exec(output);
  if (!head) throw new Error("no basic info");
  const [, kind, width, height, bits, colours] = head;
  const orientation = Number(/Orientation: (\d)/.exec(output)?.[1]);
  return {
    format: "jxl",
    stored: [Number(width), Number(height)],
    orientation,
    hasAlpha: /type: Alpha/.test(output),
    bitDepth: Number(bits),
    colorSpace: /^Gr[ae]y/.test(colours) ? "gray" : /^RGB/.test(colours) ? "rgb" : undefined,
    hasProfile: /ICC profile/i.test(output),
    animated: kind === "animation",
    frames: kind === "animation" ? output.match(/^frame: /gm)?.length : undefined,
  };
}

async function decode(path, format, programs) {
  const picture = `${path}.decoded.png`;
  try {
    await programs.call("djxl", [path, picture, "--num_threads=0"]);
    const { width, height } = await sharp(picture, { limitInputPixels: false }).metadata();
    return { size: [width, height] };
  } finally {
    rmSync(picture, { force: true });
  }
}

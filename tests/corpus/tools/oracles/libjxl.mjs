// What libjxl says of JPEG XL: what the codestream says, and how large it is once decoded.

import { rmSync } from "node:fs";
import sharp from "sharp";

export const jxlinfoSays = { name: "jxlinfo", needs: "jxlinfo", formats: ["jxl"], ask };
export const djxlSays = { name: "djxl", needs: "djxl", formats: ["jxl"], ask: decode };

async function ask(path, format, programs) {
  const told = await programs.call("jxlinfo", ["-v", path]);
  const head = /JPEG XL (image|animation), (\d+)x(\d+), .*?(\d+)-bit (\w+)/.exec(told);
  if (!head) throw new Error("no basic info");
  const [, kind, width, height, bits, colours] = head;
  const orientation = Number(/Orientation: (\d)/.exec(told)?.[1]);
  return {
    format: "jxl",
    stored: [Number(width), Number(height)],
    orientation,
    hasAlpha: /type: Alpha/.test(told),
    bitDepth: Number(bits),
    colorSpace: /^Gr[ae]y/.test(colours) ? "gray" : /^RGB/.test(colours) ? "rgb" : undefined,
    animated: kind === "animation",
    frames: kind === "animation" ? told.match(/^frame: /gm)?.length : undefined,
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

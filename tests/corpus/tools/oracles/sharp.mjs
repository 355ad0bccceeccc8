// What libvips says, with the decoders' own libraries beneath it.

import sharp from "sharp";

const formats = ["jpeg", "png", "webp", "avif", "heic", "gif", "tiff", "svg"];
const spaces = { "b-w": "gray", grey16: "gray", srgb: "rgb", rgb: "rgb", rgb16: "rgb", scrgb: "rgb", cmyk: "cmyk" };

export const sharpSays = { name: "sharp", formats, ask };

async function ask(path, format) {
  if (format === "svg") return askSvg(path);
  const told = await sharp(path).metadata();
  const size = [told.width, told.height];
  const heif = format === "avif" || format === "heic";
  const still = ["jpeg", "png", "avif", "heic", "tiff"].includes(format);
  return {
    format: told.format === "heif" ? { av1: "avif", hevc: "heic" }[told.compression] : told.format,
    // libheif has turned and cropped already, the others leave that to the reader.
    ...(heif ? { size } : { stored: size }),
    // Also said where the file says nothing, or nothing that can be.
    orientation: told.orientation === 1 ? undefined : told.orientation,
    hasAlpha: told.hasAlpha,
    // A palette of greys is a palette all the same; of HEIF it tells what it would decode to.
    colorSpace: heif ? undefined : told.isPalette || format === "gif" ? "rgb" : spaces[told.space],
    bitDepth: depth(told, format),
    ...(still ? {} : { animated: (told.pages ?? 1) > 1, frames: told.pages }),
  };
}

function depth({ bitsPerSample, depth, isPalette }, format) {
  if (isPalette || format === "gif" || format === "webp") return 8;
  return bitsPerSample ?? { uchar: 8, ushort: 16 }[depth];
}

/**
 * librsvg rounds, and a density stretches a pixel once and an inch twice. At 96 dots both are right but coarse; at 7200
 * they are fine, and the coarse answer tells which of the two it is.
 */
async function askSvg(path) {
  const at = async (density) => {
    const { width, height } = await sharp(path, { density, limitInputPixels: false }).metadata();
    return [width, height];
  };
  const coarse = (await at(96)).map((dots) => dots * (72 / 96));
  const fine = (await at(7200)).map((dots) => dots / 100);
  const sides = fine.map((pixels, side) => nearest(coarse[side], [pixels, pixels / 75]));
  return { format: "svg", size: sides.map((pixels) => Math.max(1, Math.round(pixels))) };
}

const nearest = (wanted, values) => values.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));

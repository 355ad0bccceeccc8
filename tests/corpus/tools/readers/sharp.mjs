// sharp: libvips with the libraries of the decoders.

import sharp from "sharp";

const formats = ["jpeg", "png", "webp", "avif", "heic", "gif", "tiff", "svg"];
const spaces = { "b-w": "gray", grey16: "gray", srgb: "rgb", rgb: "rgb", rgb16: "rgb", scrgb: "rgb", cmyk: "cmyk" };

export const sharpReader = { name: "sharp", formats, read };

async function read(path, format) {
  if (format === "svg") return readSvg(path);
  const output = await sharp(path).metadata();
  const size = [output.width, output.height];
  const heif = format === "avif" || format === "heic";
  const still = ["jpeg", "png", "avif", "heic", "tiff"].includes(format);
  return {
    format: output.format === "heif" ? { av1: "avif", hevc: "heic" }[output.compression] : output.format,
    // libheif has already rotated and cropped; the other decoders have not.
    ...(heif ? { size } : { stored: size }),
    // sharp reports 1 for a missing or invalid orientation, too.
    orientation: output.orientation === 1 ? undefined : output.orientation,
    hasAlpha: output.hasAlpha,
    // A palette of greys counts as RGB. For HEIF, sharp reports the colour space after decoding.
    colorSpace: heif ? undefined : output.isPalette || format === "gif" ? "rgb" : spaces[output.space],
    bitDepth: depth(output, format),
    // sharp reports 72 for a missing density, too.
    density: output.density === 72 ? undefined : output.density,
    // libvips does not read the profile of a GIF.
    hasProfile: format === "gif" ? undefined : output.hasProfile,
    ...(still ? {} : { animated: (output.pages ?? 1) > 1, frames: output.pages }),
  };
}

function depth({ bitsPerSample, depth, isPalette }, format) {
  if (isPalette || format === "gif" || format === "webp") return 8;
  return bitsPerSample ?? { uchar: 8, ushort: 16 }[depth];
}

/**
 * librsvg rounds sizes to whole pixels, and the density scales px units once but physical units twice. At 96 dpi both are
 * right but coarse. At 7200 dpi they are precise, and the coarse size shows which of the two units it is.
 */
async function readSvg(path) {
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

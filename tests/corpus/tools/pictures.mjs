// Test pictures for the encoders: smooth, so that files stay small, and different in every corner.

import sharp from "sharp";

/** Returns a picture as a sharp image. `phase` shifts it, for the frames of an animation. */
export function picture({ width = 60, height = 40, channels = 3, phase = 0, deep = false } = {}) {
  const pixels = new (deep ? Uint16Array : Uint8Array)(width * height * channels);
  const top = deep ? 65535 : 255;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = [x / width, y / height];
      const colours = [across, down, Math.abs(across + phase - down) % 1];
      // As in libvips, one channel is grey, and two are grey and alpha.
      const parts = channels < 3 ? [(across + down) / 2] : colours;
      if (channels % 2 === 0) parts.push(0.25 + across / 2);
      parts.forEach((part, channel) => (pixels[(y * width + x) * channels + channel] = Math.round(part * top)));
    }
  }
  const image = sharp(pixels, { raw: { width, height, channels } });
  if (!deep) return channels < 3 ? image.toColourspace("b-w") : image;
  return image.toColourspace(channels < 3 ? "grey16" : "rgb16");
}

/** Returns a picture of bands with this many colours, to fill a palette of that size. */
export function bands(colours, { width = 64, height = 40 } = {}) {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const band = Math.floor((x * colours) / width);
      pixels.set(
        [(band * 255) / Math.max(1, colours - 1), 255 - ((band * 37) % 256), (band * 91) % 256],
        (y * width + x) * 3,
      );
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** Returns the frames of an animation as PNG files in memory. */
export function frames(count, options = {}) {
  const images = Array.from({ length: count }, (_, index) => picture({ ...options, phase: index / count }));
  return Promise.all(images.map((image) => image.png({ adaptiveFiltering: true }).toBuffer()));
}

/** Returns an animation as one sharp image. */
export async function animation(count, options) {
  return sharp(await frames(count, options), { join: { animated: true } });
}

/** Sizes that reveal a width or height read from the wrong place, and sizes of a single pixel. */
export const oddSizes = [
  [1, 1],
  [1, 300],
  [300, 1],
  [2, 3],
  [17, 255],
  [256, 257],
];

/** Returns reproducible noise (Mulberry32). */
export function noise(length, seed) {
  let state = seed;
  return Buffer.alloc(length).map(() => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) & 255;
  });
}

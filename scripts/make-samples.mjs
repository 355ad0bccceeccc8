// `npm run samples`: draws the images in samples/. The result is reproducible.

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { root } from "./lib/process.mjs";
import { generator } from "./lib/random.mjs";

const dawn = { sky: ["#2b3a67", "#e8998d", "#fbe3b9"], light: "#fff4d6", far: "#b98b9a", near: "#1f2440" };
const forest = { sky: ["#12343b", "#4f8a8b", "#f6e7c1"], light: "#fff8e1", far: "#7fa99b", near: "#0b2027" };
const sea = { sky: ["#0f4c75", "#57a5c9", "#fde8c9"], light: "#fffbe8", far: "#7ea6bf", near: "#123a5a" };
const night = { sky: ["#0b1026", "#1f2a55", "#56548c"], light: "#f4f1de", far: "#3d4272", near: "#090b1a" };
const desert = { sky: ["#f2a65a", "#f6c28b", "#fdebd0"], light: "#fffaf0", far: "#e0915c", near: "#7a3b2e" };

const small = { palette: true, effort: 10 };

const samples = {
  "landscape.jpg": picture({ size: [1600, 1067], palette: dawn, sun: [0.68, 0.42], seed: 3 }).jpeg({ mozjpeg: true }),
  "rotated.jpg": await asPhonesStore(picture({ size: [600, 900], palette: dawn, sun: [0.5, 0.35], seed: 17 })),
  "portrait.png": picture({ size: [600, 900], palette: forest, sun: [0.5, 0.3], seed: 8, trees: 26 }).png(small),
  "wide.webp": picture({ size: [2400, 800], palette: sea, sun: [0.3, 0.4], seed: 5 }).webp(),
  "photo.avif": picture({ size: [1200, 900], palette: night, sun: [0.75, 0.22], seed: 13, stars: 160 }).avif(),
  "animation.gif": sunrise({ size: [320, 200], frames: 12 }),
  "gallery/Größe 1.png": picture({ size: [480, 360], palette: desert, sun: [0.25, 0.3], seed: 21 }).png(small),
  "corners.png": corners(64, 48),
};

for (const [name, image] of Object.entries(samples)) {
  const file = join(root, "samples", name);
  mkdirSync(dirname(file), { recursive: true });
  const { size } = await image.toFile(file);
  console.log(`${name}: ${size} bytes`);
}

function picture(scene) {
  return sharp(Buffer.from(svg(scene))).removeAlpha();
}

/** A portrait photo as phones store it: with sides swapped, and an EXIF orientation for rotating it upright. */
async function asPhonesStore(upright) {
  const stored = await upright.rotate(270).png().toBuffer();
  return sharp(stored).withMetadata({ orientation: 6 }).jpeg({ mozjpeg: true });
}

function sunrise({ size, frames }) {
  const images = Array.from({ length: frames }, (_, frame) => {
    const y = 0.75 - (0.55 * frame) / (frames - 1);
    return Buffer.from(svg({ size, palette: dawn, sun: [0.5, y], seed: 3 }));
  });
  return sharp(images, { join: { animated: true } }).gif({ delay: Array(frames).fill(120), loop: 0, effort: 10 });
}

/** One pixel of a pure colour in each corner, on grey. The corners show which part a crop keeps. */
function corners(width, height) {
  const plain = (width, height, background) => ({ create: { width, height, channels: 3, background } });
  const pixel = (left, top, colour) => ({ input: plain(1, 1, colour), left, top });
  return sharp(plain(width, height, "#808080"))
    .composite([
      pixel(0, 0, "#ff0000"),
      pixel(width - 1, 0, "#00ff00"),
      pixel(0, height - 1, "#0000ff"),
      pixel(width - 1, height - 1, "#ffff00"),
    ])
    .removeAlpha()
    .png();
}

/** Hills under a sun. Each row is nearer, darker and rougher than the one before. */
function svg({ size: [width, height], palette, sun, seed, trees = 0, stars = 0 }) {
  const random = generator(seed);
  const rows = 5;
  const [sunX, sunY] = [sun[0] * width, sun[1] * height];
  const radius = Math.min(width, height) * 0.07;
  const hills = Array.from({ length: rows }, (_, row) => {
    const ridge = ridgeline({ width, height, base: 0.52 + 0.1 * row, swell: 0.05 + 0.012 * row, random });
    const colour = mix(palette.far, palette.near, row / (rows - 1));
    const pines = row === rows - 1 ? forestOn(ridge, { width, height, count: trees, random }) : "";
    const outline = ridge.map(([x, y]) => `L${x},${y}`).join(" ");
    return `<g fill="${colour}"><path d="M0,${height} ${outline} L${width},${height}Z"/><path d="${pines}"/></g>`;
  });
  const points = Array.from({ length: stars }, () => {
    const [x, y, size] = [random() * width, random() * height * 0.55, 0.5 + random() * 1.5];
    return `<circle cx="${x}" cy="${y}" r="${size}" fill="#fff" opacity="${0.3 + 0.7 * random()}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="${palette.sky[0]}"/>
      <stop offset="0.45" stop-color="${palette.sky[1]}"/>
      <stop offset="0.75" stop-color="${palette.sky[2]}"/>
    </linearGradient>
    <radialGradient id="glow">
      <stop offset="0" stop-color="${palette.light}" stop-opacity="0.8"/>
      <stop offset="0.45" stop-color="${palette.light}" stop-opacity="0.22"/>
      <stop offset="1" stop-color="${palette.light}" stop-opacity="0"/>
    </radialGradient>
    <rect width="${width}" height="${height}" fill="url(#sky)"/>
    ${points.join("")}
    <circle cx="${sunX}" cy="${sunY}" r="${radius * 4}" fill="url(#glow)"/>
    <circle cx="${sunX}" cy="${sunY}" r="${radius}" fill="${palette.light}"/>
    ${hills.join("")}
  </svg>`;
}

function ridgeline({ width, height, base, swell, random }) {
  const waves = [1.3, 2.9, 6.1, 14].map((frequency) => ({ frequency, phase: random() * 7 }));
  const steps = 160;
  return Array.from({ length: steps + 1 }, (_, step) => {
    const x = step / steps;
    const rises = waves.map(({ frequency, phase }) => Math.sin(frequency * 3 * x + phase) / frequency ** 0.8);
    const y = rises.reduce((sum, rise) => sum + swell * rise, base);
    return [round(x * width), round(y * height)];
  });
}

function forestOn(ridge, { width, height, count, random }) {
  return Array.from({ length: count }, () => {
    const [x, y] = ridge[Math.floor(random() * ridge.length)];
    const size = height * (0.05 + 0.09 * random());
    const tiers = [1, 0.72, 0.44].map((part) => {
      const [half, foot] = [size * 0.24 * part, y + 6 - size * (1 - part) * 0.8];
      const points = [[x - half, foot], [x, foot - size * 0.55], [x + half, foot]];
      return `M${points.map(([x, y]) => `${round(x)},${round(y)}`).join(" L")}Z`;
    });
    return tiers.join(" ");
  }).join(" ");
}

function mix(from, to, part) {
  const channel = (colour, at) => Number.parseInt(colour.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(channel(from, at) * (1 - part) + channel(to, at) * part));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

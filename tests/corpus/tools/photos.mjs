// Desktop backgrounds from Debian packages, and versions of one photograph as they appear on the web: smaller, rotated by
// Exif, in other formats.

import { statSync } from "node:fs";
import { extname } from "node:path";
import sharp from "sharp";
import { pictures, target } from "./collections.mjs";
import { unpacked } from "./packages.mjs";
import { byProgram, bySharp, copied, orientations } from "./recipe.mjs";

const packages = [
  { name: "lomiri-wallpapers-20.04", holds: "JPEG photographs" },
  { name: "gnome-backgrounds", holds: "large WebP and SVG pictures" },
  { name: "sway-backgrounds", holds: "large PNG pictures" },
];

const largest = 5_000_000;
const perExtension = { ".jpg": 3, ".png": 3, ".webp": 6, ".jxl": 6, ".svg": 12 };

export async function photos({ cache, scratch }) {
  const folders = packages.map(({ name, holds }) => unpacked(cache, name, { under: "*/share/backgrounds/*", holds }));
  const found = folders.filter(Boolean).flatMap((folder) => {
    const small = pictures(folder).filter((path) => statSync(path).size <= largest);
    return small.sort((a, b) => statSync(a).size - statSync(b).size);
  });
  const kept = Object.entries(perExtension).flatMap(([extension, count]) =>
    found.filter((path) => extname(path) === extension).slice(0, count),
  );
  const photograph = kept.find((path) => extname(path) === ".jpg");
  const as = kept.map((path) => copied(target(path, "photo"), "photo", path));
  return photograph ? [...as, ...(await derived(photograph, scratch))] : as;
}

async function derived(photograph, scratch) {
  const smaller = (width) => sharp(photograph).resize(width);
  const turned = (width, orientation) => smaller(width).withMetadata({ orientation });
  const jpeg = `${scratch}/photograph.jpg`;
  const upright = `${scratch}/photograph.png`;
  await turned(1000, 6).jpeg({ quality: 70 }).toFile(jpeg);
  await smaller(640).png().toFile(upright);
  return [
    ...[320, 1200, 1920].flatMap((width) => [
      bySharp(`jpeg/photo/resized-${width}.jpg`, () => smaller(width).jpeg({ quality: 70, progressive: width > 1000 })),
      bySharp(`webp/photo/resized-${width}.webp`, () => smaller(width).webp({ quality: 60 })),
    ]),
    ...orientations.map((orientation) =>
      bySharp(`jpeg/photo/turned-${orientation}.jpg`, () => turned(400, orientation).jpeg({ quality: 60 })),
    ),
    bySharp("avif/photo/resized-1200.avif", () => smaller(1200).avif({ effort: 0, quality: 40 })),
    bySharp("png/photo/resized-320.png", () => smaller(320).png()),
    bySharp("tiff/photo/resized-320.tif", () => smaller(320).tiff({ compression: "deflate" })),
    byProgram("heic/photo/from-turned-6.heic", "heif-enc", (to) => ["-q", "40", "-t", "160", jpeg, "-o", to]),
    byProgram("heic/photo/resized-640.heic", "heif-enc", (to) => ["-q", "40", "-t", "160", upright, "-o", to]),
    byProgram("avif/photo/from-turned-6.avif", "avifenc", (to) => ["-s", "9", "-j", "2", jpeg, to]),
    byProgram("jxl/photo/transcoded-6.jxl", "cjxl", (to) => [jpeg, to, "-e", "3"]),
    byProgram("jxl/photo/resized-640.jxl", "cjxl", (to) => [upright, to, "-e", "3"]),
    byProgram("webp/photo/cwebp-640.webp", "cwebp", (to) => ["-quiet", upright, "-o", to]),
  ];
}

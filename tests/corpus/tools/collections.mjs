// Existing collections from Debian packages: PngSuite, and the test files of image libraries.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { unpacked } from "./packages.mjs";
import { copied } from "./recipe.mjs";

const formats = {
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".gif": "gif",
  ".webp": "webp",
  ".tif": "tiff",
  ".tiff": "tiff",
  ".bmp": "bmp",
  ".ico": "ico",
  ".jxl": "jxl",
  ".avif": "avif",
  ".heic": "heic",
  ".svg": "svg",
};

const collections = [
  {
    // Most of PngSuite by Willem van Schaik, and pictures with every chroma subsampling.
    package: "golang-src",
    holds: "PngSuite and the JPEG and GIF files of Go's tests",
    under: "*/src/image/*",
    take: [
      { made: "pngsuite", from: "pngsuite", largest: 20_000 },
      { made: "go", from: "image/testdata", largest: 25_000 },
      { made: "go", from: "png/testdata", largest: 50_000, but: /^invalid/ },
    ],
  },
  {
    package: "golang-golang-x-image-dev",
    holds: "the BMP, TIFF and WebP files of Go's image library",
    under: "*/testdata/*",
    take: [{ made: "x-image", from: "image/testdata", largest: 50_000, but: /\.png$|ycbcra?\.png$/ }],
  },
  {
    package: "gdk-pixbuf-tests",
    holds: "the GIF test suite of PyGIF and the pictures of gdk-pixbuf's tests",
    under: "*/installed-tests/gdk-pixbuf/*",
    take: [
      { made: "pygif", from: "gif-test-suite", largest: 20_000, only: /\.gif$/ },
      { made: "gdk-pixbuf", from: "installed-tests/gdk-pixbuf", largest: 60_000, but: /^(cve|premature|bug77|issue)/ },
      { made: "gdk-pixbuf", from: "reftests", largest: 60_000, but: /ref\.png$/ },
    ],
  },
  {
    package: "libsdl2-image-tests",
    holds: "the samples of SDL's image library",
    under: "*/SDL2_image/*",
    take: [{ made: "sdl", from: "SDL2_image", largest: 30_000 }],
  },
];

export function collected({ cache }) {
  const seen = new Set();
  return collections.flatMap(({ package: name, holds, under, take }) => {
    const folder = unpacked(cache, name, { under, holds });
    if (!folder) return [];
    return take.flatMap(({ made, from, largest, but, only }) =>
      pictures(folder)
        .filter((path) => path.slice(0, -basename(path).length - 1).endsWith(from))
        .filter((path) => !but?.test(basename(path)) && (only?.test(basename(path)) ?? true))
        .filter((path) => statSync(path).size <= largest)
        .map((path) => copied(target(path, made), made, path, described(path)))
        .filter(({ says }) => says?.width !== 0 && says?.height !== 0)
        .filter(({ file }) => !seen.has(file) && seen.add(file)),
    );
  });
}

/** Returns the size from the description that the GIF suite has for each file. */
function described(path) {
  const file = path.replace(/\.gif$/, ".conf");
  if (file === path || !existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const [width, height] = ["width", "height"].map((key) =>
    Number(new RegExp(`^${key} = (\\d+)$`, "m").exec(text)?.[1]),
  );
  return { width, height };
}

/** Returns the picture files in a folder and its subfolders, sorted by name. */
export function pictures(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extname(entry.name).toLowerCase() in formats)
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Returns the path of a file in the corpus, in ASCII without spaces. */
export function target(path, made) {
  const format = formats[extname(path).toLowerCase()];
  return `${format}/${made}/${basename(path).replace(/[^\w.-]/g, "_")}`;
}

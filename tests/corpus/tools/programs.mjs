// The programs that create and read the corpus. All of them are optional, and all are Debian packages.

import { execFile, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const known = {
  convert: {
    package: "imagemagick",
    provides: "BMP, ICO and unusual JPEG, PNG, GIF and TIFF files",
    version: ["-version"],
    pattern: /ImageMagick \S+/,
  },
  identify: {
    package: "imagemagick",
    provides: "its results for most formats",
    version: ["-version"],
    pattern: /ImageMagick \S+/,
  },
  jpegtran: {
    package: "libjpeg-turbo-progs",
    provides: "JPEG files with rare coding processes",
    version: ["-version"],
    pattern: /\d+\.\d\S*/,
  },
  "heif-enc": { package: "libheif-examples", provides: "HEIC files", version: ["-h"], pattern: /libheif version: (\S+)/ },
  "heif-info": {
    package: "libheif-examples",
    provides: "its results for HEIC and AVIF",
    version: ["-h"],
    pattern: /libheif version: (\S+)/,
  },
  avifenc: {
    package: "libavif-bin",
    provides: "AVIF files with rotations, crops, grids and sequences",
    version: ["--version"],
    pattern: /Version: (\S+)/,
  },
  avifdec: {
    package: "libavif-bin",
    provides: "its results for AVIF",
    version: ["--version"],
    pattern: /Version: (\S+)/,
  },
  cjxl: { package: "libjxl-tools", provides: "JPEG XL files", version: ["--version"], pattern: /v\d\S+/ },
  jxlinfo: { package: "libjxl-tools", provides: "its results for JPEG XL" },
  djxl: {
    package: "libjxl-tools",
    provides: "sizes of decoded JPEG XL files",
    version: ["--version"],
    pattern: /v\d\S+/,
  },
  cwebp: { package: "webp", provides: "WebP files from libwebp's encoder", version: ["-version"], pattern: /\d\S+/ },
  gif2webp: { package: "webp", provides: "WebP files converted from GIF", version: ["-version"], pattern: /\d\S+/ },
  webpmux: { package: "webp", provides: "WebP files assembled from parts", version: ["-version"], pattern: /\d\S+/ },
  webpinfo: { package: "webp", provides: "its results for WebP", version: ["-version"], pattern: /\d\S+/ },
  exiftool: {
    package: "libimage-exiftool-perl",
    provides: "its results for most formats",
    version: ["-ver"],
    pattern: /\S+/,
  },
  tiffinfo: { package: "libtiff-tools", provides: "its results for TIFF" },
  icotool: {
    package: "icoutils",
    provides: "ICO files from its encoder, and its results for ICO",
    version: ["--version"],
    pattern: /\d\S+/,
  },
  apngasm: {
    package: "apngasm",
    provides: "animated PNG files from its encoder",
    version: [],
    pattern: /Assembler (\S+)/,
  },
};

/** The packages that CI installs. The script itself installs nothing. */
export const debianPackages = [...new Set(Object.values(known).map((program) => program.package))];

/** Finds the installed programs, and reports what is skipped without each of the others. */
export function findPrograms() {
  const found = new Map();
  for (const [name, { package: owner, provides, version, pattern }] of Object.entries(known)) {
    const path = folders()
      .map((folder) => join(folder, name))
      .find((path) => runnable(path) && isExpected(path, version, pattern));
    if (path) found.set(name, { path, version: version && versionOf(path, version, pattern) });
    else console.log(`corpus: ${name} is not installed; skipping ${provides} (on Debian: apt-get install ${owner})`);
  }
  return new Programs(found);
}

class Programs {
  constructor(found) {
    this.found = found;
  }

  has(name) {
    return this.found.has(name);
  }

  /** Runs a program and returns its output from both streams, because some print their results to stderr. */
  async call(name, args, options = {}) {
    const run = promisify(execFile);
    const limits = { timeout: 120_000, maxBuffer: 64 << 20, ...options };
    const { stdout, stderr } = await run(this.found.get(name).path, args, limits);
    return stdout + stderr;
  }

  get versions() {
    return Object.fromEntries([...this.found].map(([name, { version }]) => [name, version ?? "?"]));
  }
}

const folders = () => (process.env.PATH ?? "").split(delimiter).filter(Boolean);

function runnable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Checks the output for the version, because other programs have the names convert and identify, too. */
const isExpected = (path, version, pattern) => !version || versionOf(path, version, pattern) !== undefined;

function versionOf(path, args, pattern) {
  const { stdout, stderr } = spawnSync(path, args, { encoding: "utf8", timeout: 20_000 });
  const match = pattern.exec(`${stdout}${stderr}`);
  return match ? (match[1] ?? match[0]) : undefined;
}

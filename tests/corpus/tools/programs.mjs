// The programs that make the corpus and judge it. All of them are optional, and Debian has all of them.

import { execFile, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const known = {
  convert: {
    package: "imagemagick",
    leaves: "BMP, ICO and odd JPEG, PNG, GIF and TIFF files",
    version: ["-version"],
    says: /ImageMagick \S+/,
  },
  identify: {
    package: "imagemagick",
    leaves: "its answers on most formats",
    version: ["-version"],
    says: /ImageMagick \S+/,
  },
  jpegtran: {
    package: "libjpeg-turbo-progs",
    leaves: "JPEG files of rarer processes",
    version: ["-version"],
    says: /\d+\.\d\S*/,
  },
  "heif-enc": { package: "libheif-examples", leaves: "HEIC files", version: ["-h"], says: /libheif version: (\S+)/ },
  "heif-info": {
    package: "libheif-examples",
    leaves: "its answers on HEIC and AVIF",
    version: ["-h"],
    says: /libheif version: (\S+)/,
  },
  avifenc: {
    package: "libavif-bin",
    leaves: "AVIF files with rotations, crops, grids and sequences",
    version: ["--version"],
    says: /Version: (\S+)/,
  },
  avifdec: {
    package: "libavif-bin",
    leaves: "its answers on AVIF",
    version: ["--version"],
    says: /Version: (\S+)/,
  },
  cjxl: { package: "libjxl-tools", leaves: "JPEG XL files", version: ["--version"], says: /v\d\S+/ },
  jxlinfo: { package: "libjxl-tools", leaves: "its answers on JPEG XL" },
  djxl: {
    package: "libjxl-tools",
    leaves: "sizes of decoded JPEG XL files",
    version: ["--version"],
    says: /v\d\S+/,
  },
  cwebp: { package: "webp", leaves: "WebP files of libwebp's own encoder", version: ["-version"], says: /\d\S+/ },
  gif2webp: { package: "webp", leaves: "WebP files that were GIFs", version: ["-version"], says: /\d\S+/ },
  webpmux: { package: "webp", leaves: "WebP files put together from parts", version: ["-version"], says: /\d\S+/ },
  webpinfo: { package: "webp", leaves: "its answers on WebP", version: ["-version"], says: /\d\S+/ },
  exiftool: {
    package: "libimage-exiftool-perl",
    leaves: "its answers on most formats",
    version: ["-ver"],
    says: /\S+/,
  },
  tiffinfo: { package: "libtiff-tools", leaves: "its answers on TIFF" },
  icotool: {
    package: "icoutils",
    leaves: "ICO files of its encoder, and its answers on ICO,",
    version: ["--version"],
    says: /\d\S+/,
  },
  apngasm: {
    package: "apngasm",
    leaves: "animated PNG files of its encoder",
    version: [],
    says: /Assembler (\S+)/,
  },
};

/** What CI may install; the script itself installs nothing. */
export const debianPackages = [...new Set(Object.values(known).map((program) => program.package))];

/** Finds the programs, and says of each that is not there what is missing without it. */
export function findPrograms() {
  const found = new Map();
  for (const [name, { package: owner, leaves, version, says }] of Object.entries(known)) {
    const path = folders()
      .map((folder) => join(folder, name))
      .find((path) => runnable(path) && isIt(path, version, says));
    if (path) found.set(name, { path, version: version && tells(path, version, says) });
    else console.log(`corpus: no ${name}: ${leaves} are left out (on Debian: apt-get install ${owner})`);
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

  /** What a program prints on both its streams: some put what they tell on the wrong one. */
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

/** Other programs are called convert or identify too: only the one that names itself rightly will do. */
const isIt = (path, version, says) => !version || tells(path, version, says) !== undefined;

function tells(path, args, says) {
  const { stdout, stderr } = spawnSync(path, args, { encoding: "utf8", timeout: 20_000 });
  const match = says.exec(`${stdout}${stderr}`);
  return match ? (match[1] ?? match[0]) : undefined;
}

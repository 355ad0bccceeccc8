// ExifTool, which reads the structure of files and decodes no pixels.

const formats = ["jpeg", "png", "webp", "avif", "heic", "gif", "tiff", "bmp", "ico", "jxl"];
const names = {
  JPEG: "jpeg",
  PNG: "png",
  APNG: "png",
  WEBP: "webp",
  "Extended WEBP": "webp",
  AVIF: "avif",
  HEIC: "heic",
  HEIF: "heic",
  GIF: "gif",
  TIFF: "tiff",
  BTF: "tiff",
  BMP: "bmp",
  ICO: "ico",
  JXL: "jxl",
  "JXL Codestream": "jxl",
};

export const exiftoolReader = { name: "exiftool", needs: "exiftool", formats, prepare, read };

/** Reads all files in one run, because Perl takes longer to start than to read a file. */
async function prepare(folder, programs) {
  const output = await programs
    .call("exiftool", ["-json", "-n", "-G1", "-q", "-q", "-r", folder])
    .catch(({ stdout }) => stdout);
  return new Map(JSON.parse(output).map((tags) => [tags.SourceFile, tags]));
}

async function read(path, format, programs, prepared) {
  const tags = prepared.get(path);
  if (!tags || tags["ExifTool:Error"]) throw new Error(tags?.["ExifTool:Error"] ?? "not read");
  const group = { png: "PNG", gif: "GIF", webp: "RIFF", tiff: "IFD0" }[format] ?? "File";
  const size = [tags[`${group}:ImageWidth`], tags[`${group}:ImageHeight`]].map(Number);
  const facts = {
    format: names[tags["File:FileType"]] ?? tags["File:FileType"],
    density: density(tags, format),
    hasProfile: profiled.includes(format) ? Object.keys(tags).some((name) => name.startsWith("ICC")) : undefined,
    ...byFormat[format]?.(tags),
  };
  if (!size.every((side) => side > 0)) return facts;
  // For ICO it reports only the first picture; for HEIF, the size before rotations and crops.
  if (format === "ico") return tags["File:ImageCount"] === 1 ? { ...facts, size } : facts;
  if (format === "avif" || format === "heic") return { ...facts, stored: size, derives: false };
  if (format === "jxl") return { ...facts, stored: size, blind: true };
  return { ...facts, ...(["gif", "bmp"].includes(format) ? { size } : { stored: size }) };
}

/** The formats whose color profiles it reads. */
const profiled = ["jpeg", "png", "webp", "avif", "heic", "gif", "tiff"];

/** Pixels per inch: of the Exif block or the TIFF directory, or else of the format itself. Its own defaults are not read. */
function density(tags, format) {
  if (!["jpeg", "png", "webp", "tiff", "bmp"].includes(format)) return undefined;
  const inches = (resolution, perInch) => (resolution > 0 && perInch ? Math.round(resolution * perInch) : undefined);
  const units = { 2: 1, 3: 2.54 };
  const own = {
    jpeg: () => inches(tags["JFIF:XResolution"], { 1: 1, 2: 2.54 }[tags["JFIF:ResolutionUnit"]]),
    png: () => inches(tags["PNG-pHYs:PixelsPerUnitX"], { 1: 0.0254 }[tags["PNG-pHYs:PixelUnits"]]),
    bmp: () => inches(tags["File:PixelsPerMeterX"], 0.0254),
  };
  return inches(tags["IFD0:XResolution"], units[tags["IFD0:ResolutionUnit"] ?? 2]) ?? own[format]?.();
}

const byFormat = {
  jpeg: (tags) => ({
    orientation: tags["IFD0:Orientation"],
    bitDepth: tags["File:BitsPerSample"],
    colorSpace: { 1: "gray", 3: "rgb", 4: "cmyk" }[tags["File:ColorComponents"]],
  }),
  png: (tags) => {
    const type = tags["PNG:ColorType"];
    const frames = tags["PNG:AnimationFrames"];
    return {
      orientation: tags["IFD0:Orientation"],
      bitDepth: type === 3 ? 8 : tags["PNG:BitDepth"],
      colorSpace: type === 0 || type === 4 ? "gray" : "rgb",
      hasAlpha: type >= 4 || tags["PNG:Transparency"] !== undefined,
      animated: (frames ?? 1) > 1,
      frames,
    };
  },
  webp: (tags) => ({ orientation: tags["IFD0:Orientation"] }),
  gif: (tags) => ({ animated: (tags["GIF:FrameCount"] ?? 1) > 1, frames: tags["GIF:FrameCount"] }),
  tiff: (tags) => {
    const kind = tags["IFD0:PhotometricInterpretation"];
    const [bits] = String(tags["IFD0:BitsPerSample"] ?? "")
      .split(" ")
      .filter(Boolean)
      .map(Number);
    return {
      orientation: tags["IFD0:Orientation"],
      bitDepth: kind === 3 ? 8 : bits,
      colorSpace: { 0: "gray", 1: "gray", 2: "rgb", 3: "rgb", 5: "cmyk", 6: "rgb" }[kind],
    };
  },
  bmp: (tags) => {
    const bits = tags["File:BitDepth"];
    // With sixteen bits per pixel, the masks decide: 4, 5 or 6 bits per channel.
    return { bitDepth: bits === 16 ? undefined : 8, ...(bits <= 24 && bits !== 16 ? { hasAlpha: false } : {}) };
  },
};

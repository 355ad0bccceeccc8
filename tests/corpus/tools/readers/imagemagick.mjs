// ImageMagick.

const formats = ["jpeg", "png", "webp", "avif", "heic", "gif", "tiff", "bmp", "ico"];
const names = {
  JPEG: "jpeg",
  PNG: "png",
  WEBP: "webp",
  AVIF: "avif",
  GIF: "gif",
  TIFF: "tiff",
  TIFF64: "tiff",
  ICO: "ico",
};
const orientations = [
  "TopLeft",
  "TopRight",
  "BottomRight",
  "BottomLeft",
  "LeftTop",
  "RightTop",
  "RightBottom",
  "LeftBottom",
];
const columns = ["%m", "%w", "%h", "%W", "%H", "%[orientation]", "%[channels]"];

export const identifyReader = { name: "identify", needs: "identify", formats, read };

async function read(path, format, programs) {
  // The output includes warnings, which have fewer columns.
  const output = await programs.call("identify", ["-ping", "-format", `${columns.join("|")}\\n`, path]);
  const rows = output
    .split("\n")
    .map((line) => line.split("|"))
    .filter((row) => row.length === columns.length);
  const [name, width, height, canvasWidth, canvasHeight, orientation, channels] = rows[0];
  const number = orientations.indexOf(orientation) + 1 || undefined;
  const size = [Number(width), Number(height)];
  const facts = { format: name.startsWith("BMP") ? "bmp" : names[name] };
  switch (format) {
    case "ico":
      return { format: "ico", size: largest(rows.map(([, width, height]) => [Number(width), Number(height)])) };
    case "gif":
      return {
        ...facts,
        size: [Number(canvasWidth), Number(canvasHeight)],
        animated: rows.length > 1,
        frames: rows.length,
      };
    case "avif":
    case "heic":
      // ImageMagick reports every HEIF file as HEIC, so its format is ignored.
      return { size };
    case "bmp":
      return { ...facts, size, hasAlpha: channels.endsWith("a") };
    case "tiff":
      return { ...facts, stored: size, blind: true };
    default:
      return { ...facts, stored: size, orientation: number, blind: number === undefined };
  }
}

export const largest = (sizes) => sizes.reduce((a, b) => (b[0] * b[1] > a[0] * a[1] ? b : a));

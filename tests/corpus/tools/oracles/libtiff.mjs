// What libtiff says of TIFF's first directory.

export const tiffinfoSays = { name: "tiffinfo", needs: "tiffinfo", formats: ["tiff"], ask };

const orientations = [
  "row 0 top, col 0 lhs",
  "row 0 top, col 0 rhs",
  "row 0 bottom, col 0 rhs",
  "row 0 bottom, col 0 lhs",
  "row 0 lhs, col 0 top",
  "row 0 rhs, col 0 top",
  "row 0 rhs, col 0 bottom",
  "row 0 lhs, col 0 bottom",
];

async function ask(path, format, programs) {
  const told = (await programs.call("tiffinfo", [path])).split("=== TIFF directory 1")[0];
  const said = (pattern) => pattern.exec(told)?.slice(1).map(Number);
  const kind = /Photometric Interpretation: (.*)/.exec(told)?.[1] ?? "";
  const palette = kind.startsWith("palette");
  return {
    format: "tiff",
    stored: said(/Image Width: (\d+) Image Length: (\d+)/),
    orientation: orientations.indexOf(/Orientation: (.*)/.exec(told)?.[1]) + 1 || undefined,
    bitDepth: palette ? 8 : (said(/Bits\/Sample: (\d+)/)?.[0] ?? 1),
    colorSpace: /^(RGB|YCbCr|palette)/.test(kind)
      ? "rgb"
      : /^min-is/.test(kind)
        ? "gray"
        : /^separated/.test(kind)
          ? "cmyk"
          : undefined,
    hasAlpha: /Extra Samples: \d+<.*(un)?assoc/.test(told),
  };
}

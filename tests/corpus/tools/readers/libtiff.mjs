// libtiff, for the first directory of a TIFF.

export const tiffinfoReader = { name: "tiffinfo", needs: "tiffinfo", formats: ["tiff"], read };

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

async function read(path, format, programs) {
  const output = (await programs.call("tiffinfo", [path])).split("=== TIFF directory 1")[0];
  const numbers = (pattern) => pattern.exec(output)?.slice(1).map(Number);
  const kind = /Photometric Interpretation: (.*)/.exec(output)?.[1] ?? "";
  const palette = kind.startsWith("palette");
  return {
    format: "tiff",
    stored: numbers(/Image Width: (\d+) Image Length: (\d+)/),
    orientation: orientations.indexOf(/Orientation: (.*)/.exec(output)?.[1]) + 1 || undefined,
    bitDepth: palette ? 8 : (numbers(/Bits\/Sample: (\d+)/)?.[0] ?? 1),
    colorSpace: /^(RGB|YCbCr|palette)/.test(kind)
      ? "rgb"
      : /^min-is/.test(kind)
        ? "gray"
        : /^separated/.test(kind)
          ? "cmyk"
          : undefined,
    density: density(output),
    hasProfile: /ICC Profile: <present>/.test(output),
    hasAlpha: /Extra Samples: \d+<.*(un)?assoc/.test(output),
  };
}

function density(output) {
  const [, across, unit] = /Resolution: ([\d.]+), [\d.]+ ?(?:pixels\/(\w+))?/.exec(output) ?? [];
  const perInch = { inch: 1, cm: 2.54 }[unit];
  return across > 0 && perInch ? Math.round(across * perInch) : undefined;
}

// AVIF: aom through sharp, libheif and libavif; libavif for rotations, crops, grids and sequences.

import { oddSizes, picture } from "./pictures.mjs";
import { byProgram, bySharp, orientations } from "./recipe.mjs";

export function avif({ paths }) {
  const avifenc = (name, args, from = "rgb.png", says) =>
    byProgram(
      `avif/avifenc-${name}.avif`,
      "avifenc",
      (to) => ["-s", "10", "-j", "1", ...args, ...[from].flat().map((input) => paths[input]), to],
      says,
    );
  const libheif = (name, args, from = "rgb.png") =>
    byProgram(`avif/heif-enc-${name}.avif`, "heif-enc", (to) => [
      "-A",
      "-p",
      "speed=9",
      ...args,
      ...[from].flat().map((input) => paths[input]),
      "-o",
      to,
    ]);
  const fast = { effort: 0 };

  return [
    bySharp("avif/420.avif", () => picture().avif({ ...fast, chromaSubsampling: "4:2:0" })),
    bySharp("avif/444.avif", () => picture().avif({ ...fast, chromaSubsampling: "4:4:4" })),
    bySharp("avif/lossless.avif", () => picture().avif({ ...fast, lossless: true })),
    bySharp("avif/alpha.avif", () => picture({ channels: 4 }).avif(fast)),
    bySharp("avif/gray.avif", () => picture({ channels: 1 }).avif(fast)),
    bySharp("avif/10bit.avif", () => picture().avif({ ...fast, bitdepth: 10 })),
    bySharp("avif/12bit.avif", () => picture().avif({ ...fast, bitdepth: 12 })),
    bySharp("avif/10bit-alpha.avif", () => picture({ channels: 4 }).avif({ ...fast, bitdepth: 10 })),
    bySharp("avif/profile.avif", () => picture().withIccProfile("p3").avif(fast)),
    ...orientations.map((orientation) =>
      bySharp(`avif/turned-${orientation}.avif`, () => picture().withMetadata({ orientation }).avif(fast)),
    ),
    ...oddSizes.map(([width, height]) =>
      bySharp(`avif/${width}x${height}.avif`, () => picture({ width, height }).avif(fast)),
    ),
    bySharp("avif/8000x2.avif", () => picture({ width: 8000, height: 2 }).avif({ ...fast, quality: 20 })),

    avifenc("420", ["--yuv", "420"]),
    avifenc("422", ["--yuv", "422"]),
    avifenc("lossless", ["--lossless"]),
    avifenc("10bit", ["-d", "10"]),
    avifenc("12bit", ["-d", "12"]),
    avifenc("gray", ["--yuv", "400"]),
    avifenc("gray-alpha", ["--yuv", "400"], "grayalpha.png"),
    avifenc("alpha", [], "rgba.png"),
    avifenc("premultiplied", ["--premultiply"], "rgba.png"),
    avifenc("10bit-alpha", ["-d", "10"], "rgba16.png"),
    avifenc("profile", ["--icc", paths["profile.icc"]]),
    ...[1, 2, 3].map((quarters) => avifenc(`irot-${quarters}`, ["--irot", quarters])),
    ...[0, 1].map((mode) => avifenc(`imir-${mode}`, ["--imir", mode])),
    ...[1, 2, 3].flatMap((quarters) =>
      [0, 1].map((mode) => avifenc(`irot-${quarters}-imir-${mode}`, ["--irot", quarters, "--imir", mode])),
    ),
    avifenc("irot-1-alpha", ["--irot", 1], "rgba.png"),
    avifenc("clap", ["--clap", "30,1,20,1,0,1,0,1"]),
    avifenc("clap-offset", ["--clap", "32,1,24,1,-4,1,2,1"]),
    avifenc("clap-irot-3", ["--clap", "30,1,20,1,0,1,0,1", "--irot", 3]),
    avifenc("crop-irot-1-imir-0", ["--crop", "4,6,40,30", "--irot", 1, "--imir", 0]),
    // Non-square pixels do not change the size in pixels.
    avifenc("pasp", ["--pasp", "2,1"]),
    // The cells of a grid must be at least 64 pixels.
    avifenc("grid-2x2", ["--grid", "2x2"], Array(4).fill("64x64.png")),
    avifenc("grid-3x1", ["--grid", "3x1"], Array(3).fill("128x64.png")),
    avifenc("grid-split", ["--grid", "2x2"], "256x256.png"),
    avifenc("grid-irot-1", ["--grid", "1x2", "--irot", 1], Array(2).fill("128x64.png")),
    avifenc("grid-10bit-alpha", ["--grid", "2x1", "-d", "10"], Array(2).fill("64x64.png")),
    ...orientations.map((orientation) => avifenc(`from-turned-${orientation}`, [], `turned-${orientation}.jpg`)),
    avifenc("sequence", [], "animation.y4m", { animated: true }),
    avifenc("sequence-pngs", ["--duration", "3"], ["frame-0.png", "frame-1.png", "frame-2.png"], { animated: true }),
    avifenc("1x1", [], "1x1.png"),
    avifenc("1x40", [], "1x40.png"),
    avifenc("61x43", [], "61x43.png"),

    libheif("420", []),
    libheif("alpha", [], "rgba.png"),
    libheif("thumbnail", ["-t", "16"]),
    libheif("several", [], ["rgb.png", "61x43.png", "64x64.png"]),
    libheif("from-turned-6", [], "turned-6.jpg"),
  ];
}

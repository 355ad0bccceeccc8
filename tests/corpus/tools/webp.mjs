// WebP: lossy, lossless and extended, through sharp and through libwebp's own tools.

import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { animation, oddSizes, picture } from "./pictures.mjs";
import { byHand, byProgram, bySharp, orientations } from "./recipe.mjs";

export function webp({ paths }) {
  const cwebp = (name, args, from = "rgb.png", says) =>
    byProgram(`webp/cwebp-${name}.webp`, "cwebp", (to) => ["-quiet", ...args, paths[from], "-o", to], says);
  const gif2webp = (name, args, from = "animation.gif") =>
    byProgram(`webp/gif2webp-${name}.webp`, "gif2webp", (to) => ["-quiet", ...args, paths[from], "-o", to]);

  return [
    ...[1, 80, 100].map((quality) => bySharp(`webp/lossy-${quality}.webp`, () => picture().webp({ quality }))),
    bySharp("webp/lossy-alpha.webp", () => picture({ channels: 4 }).webp()),
    bySharp("webp/lossless.webp", () => picture().webp({ lossless: true })),
    bySharp("webp/lossless-alpha.webp", () => picture({ channels: 4 }).webp({ lossless: true })),
    bySharp("webp/near-lossless.webp", () => picture().webp({ nearLossless: true })),
    bySharp("webp/gray.webp", () => picture({ channels: 1 }).webp()),
    bySharp("webp/profile.webp", () => picture().withIccProfile("p3").webp()),
    bySharp("webp/profile-lossless-alpha.webp", () =>
      picture({ channels: 4 }).withIccProfile("p3").webp({ lossless: true }),
    ),
    bySharp("webp/animated.webp", async () => (await animation(3)).webp()),
    bySharp("webp/animated-lossless.webp", async () => (await animation(4)).webp({ lossless: true })),
    bySharp("webp/animated-alpha.webp", async () => (await animation(3, { channels: 4 })).webp()),
    ...orientations.map((orientation) =>
      bySharp(`webp/turned-${orientation}.webp`, () =>
        picture()
          .withMetadata({ orientation })
          .webp({ lossless: orientation > 4 }),
      ),
    ),
    ...oddSizes.flatMap(([width, height]) =>
      [false, true].map((lossless) =>
        bySharp(`webp/${lossless ? "lossless" : "lossy"}-${width}x${height}.webp`, () =>
          picture({ width, height }).webp({ lossless }),
        ),
      ),
    ),
    ...[
      [16383, 1],
      [1, 16383],
      [16383, 16],
    ].flatMap(([width, height]) =>
      [false, true].map((lossless) =>
        bySharp(`webp/${lossless ? "lossless" : "lossy"}-${width}x${height}.webp`, () =>
          picture({ width, height }).webp({ lossless, quality: 20 }),
        ),
      ),
    ),
    bySharp("webp/extended-16383x2.webp", () =>
      picture({ width: 16383, height: 2, channels: 4 }).webp({ quality: 20 }),
    ),

    cwebp("lossy", ["-q", "10"]),
    cwebp("lossy-filter", ["-f", "60", "-strong", "-segments", "4", "-partition_limit", "50"]),
    cwebp("lossy-alpha", ["-alpha_q", "20"], "rgba.png"),
    cwebp("no-alpha", ["-noalpha"], "rgba.png"),
    cwebp("lossless", ["-lossless", "-m", "0"]),
    cwebp("lossless-slow", ["-z", "9"]),
    cwebp("lossless-two-colours", ["-lossless"], "two-colours.png"),
    cwebp("lossless-palette", ["-lossless"], "many-colours.png"),
    cwebp("lossless-alpha", ["-lossless", "-exact"], "rgba.png"),
    cwebp("cropped", ["-crop", "3", "5", "41", "23"]),
    cwebp("resized", ["-resize", "301", "0"]),
    cwebp("metadata", ["-metadata", "all"], "turned-6.jpg"),
    cwebp("metadata-lossless", ["-lossless", "-metadata", "all"], "turned-8.jpg"),
    gif2webp("lossless", []),
    gif2webp("lossy", ["-lossy"]),
    gif2webp("mixed", ["-mixed"]),
    gif2webp("alpha", [], "animation-alpha.gif"),

    // Metadata follows the pixels. Only flags in the extended header announce it.
    ...["lossy", "lossless"].flatMap((kind) => [
      muxed(`exif-6-${kind}`, kind, ["exif", "exif-6"]),
      muxed(`exif-8-prefixed-${kind}`, kind, ["exif", "exif-8-prefixed"]),
      muxed(`profile-${kind}`, kind, ["icc", "profile.icc"]),
      muxed(`xmp-${kind}`, kind, ["xmp", "packet.xmp"]),
    ]),
    {
      file: "webp/webpmux-frames.webp",
      made: "webpmux",
      needs: ["cwebp", "webpmux"],
      // The canvas has the size of the first frame. The second frame is smaller.
      make: async (to, programs) => {
        const [large, small] = [`${to}.large`, `${to}.small`];
        await programs.call("cwebp", ["-quiet", "-lossless", paths["rgb.png"], "-o", large]);
        await programs.call("cwebp", ["-quiet", "-crop", "0", "0", "20", "10", paths["rgb.png"], "-o", small]);
        const first = ["-frame", large, "+100"];
        const second = ["-frame", small, "+100+30+20+0+b"];
        await programs.call("webpmux", [...first, ...second, "-loop", "2", "-o", to]);
      },
      says: { animated: true, frames: 2 },
    },
    byHand("webp/trailing.webp", async () => {
      const bytes = await picture().webp().toBuffer();
      return Buffer.concat([bytes, Buffer.alloc(200, 0x20)]);
    }),
    byHand("webp/unknown-chunk.webp", async () => extended(await readFile(paths["rgb.png"]))),
  ];

  function muxed(name, kind, [what, from]) {
    return {
      file: `webp/webpmux-${name}.webp`,
      made: "webpmux",
      needs: ["cwebp", "webpmux"],
      make: async (to, programs) => {
        const source = `${to}.source`;
        const lossless = kind === "lossless" ? ["-lossless"] : [];
        await programs.call("cwebp", ["-quiet", ...lossless, paths["rgb.png"], "-o", source]);
        await programs.call("webpmux", ["-set", what, paths[from], source, "-o", to]);
      },
    };
  }
}

/** Returns an extended file with an unknown chunk between its header and its pixels. */
async function extended(png) {
  const bytes = await sharp(png).withIccProfile("p3").webp().toBuffer();
  const header = bytes.subarray(0, 30);
  const unknown = Buffer.concat([Buffer.from("abcd\x07\0\0\0", "latin1"), Buffer.from("VP8L1234").fill(0, 7)]);
  const whole = Buffer.concat([header, unknown, bytes.subarray(30)]);
  whole.writeUInt32LE(whole.length - 8, 4);
  return whole;
}

// GIF: cgif through sharp, ImageMagick for versions, offsets and extensions.

import { animation, bands, oddSizes, picture } from "./pictures.mjs";
import { byHand, byProgram, bySharp } from "./recipe.mjs";

export function gif({ paths }) {
  const magick = (name, args) => byProgram(`gif/magick-${name}.gif`, "convert", (to) => [...args, to]);
  const rgb = paths["rgb.png"];
  const still = () => picture().gif().toBuffer();

  return [
    bySharp("gif/still.gif", () => picture().gif()),
    bySharp("gif/alpha.gif", () => picture({ channels: 4 }).gif()),
    bySharp("gif/progressive.gif", () => picture().gif({ progressive: true })),
    ...[2, 4, 16, 64, 256].map((colours) =>
      bySharp(`gif/palette-${colours}.gif`, () => bands(colours).gif({ colours })),
    ),
    bySharp("gif/animated.gif", async () => (await animation(3)).gif({ delay: [100, 100, 100] })),
    bySharp("gif/animated-alpha.gif", async () =>
      (await animation(5, { channels: 4 })).gif({ delay: Array(5).fill(50) }),
    ),
    bySharp("gif/animated-once.gif", async () => (await animation(3)).gif({ loop: 1 })),
    bySharp("gif/animated-palettes.gif", async () => (await animation(3)).gif({ interFrameMaxError: 0, reuse: false })),
    ...oddSizes.map(([width, height]) =>
      bySharp(`gif/${width}x${height}.gif`, () => picture({ width, height }).gif({ colours: 32, dither: 0 })),
    ),
    bySharp("gif/65535x1.gif", () => picture({ width: 65535, height: 1 }).gif({ colours: 8, dither: 0 })),
    bySharp("gif/1x65535.gif", () => picture({ width: 1, height: 65535 }).gif({ colours: 8, dither: 0 })),

    byProgram("gif/magick-87.gif", "convert", (to) => [rgb, `GIF87:${to}`]),
    magick("interlaced", [rgb, "-interlace", "GIF"]),
    magick("transparent", [rgb, "-transparent", "black"]),
    magick("gray", [paths["gray.png"], "-colorspace", "Gray"]),
    magick("comment", [rgb, "-set", "comment", "c".repeat(4000)]),
    // The picture has the size of the canvas. The frames are smaller.
    magick("offset", ["(", rgb, "-crop", "20x10+5+5", ")"]),
    magick("offset-frames", [
      "-delay",
      "10",
      rgb,
      "(",
      rgb,
      "-crop",
      "20x10+5+5",
      ")",
      "(",
      rgb,
      "-crop",
      "7x9+50+30",
      ")",
    ]),
    magick("small-first", ["-delay", "10", "(", rgb, "-crop", "20x10+5+5", ")", rgb]),
    magick("animated", [
      "-delay",
      "10",
      "-loop",
      "0",
      paths["frame-0.png"],
      paths["frame-1.png"],
      paths["frame-2.png"],
    ]),
    magick("dispose", ["-dispose", "Background", "-delay", "10", paths["frame-0.png"], paths["frame-1.png"]]),
    magick("frames-without-delay", [paths["frame-0.png"], paths["frame-1.png"], "-delay", "0"]),

    // Extensions before the first frame, as long as an XMP packet.
    byHand("gif/spliced-xmp-80k.gif", async () => extended(await still(), "XMP DataXMP", 80_000)),
    byHand("gif/spliced-profile.gif", async () => extended(await still(), "ICCRGBG1012", 500), { hasProfile: true }),
    byHand("gif/spliced-comments-300k.gif", async () => commented(await still(), 300_000)),
    byHand("gif/spliced-trailing.gif", async () => Buffer.concat([await still(), Buffer.alloc(200, 0x2c)])),
  ];
}

/** Returns the position after the screen descriptor and its palette. */
function behindPalette(gif, added) {
  const flags = gif[10];
  const at = 13 + (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  return Buffer.concat([gif.subarray(0, at), added, gif.subarray(at)]);
}

function extended(gif, application, bytes) {
  const head = Buffer.concat([Buffer.from([0x21, 0xff, 11]), Buffer.from(application, "latin1")]);
  return behindPalette(gif, Buffer.concat([head, subBlocks(bytes)]));
}

const commented = (gif, bytes) => behindPalette(gif, Buffer.concat([Buffer.from([0x21, 0xfe]), subBlocks(bytes)]));

function subBlocks(bytes) {
  const block = Buffer.concat([Buffer.from([255]), Buffer.alloc(255, 0x2c)]);
  return Buffer.concat([...Array(Math.ceil(bytes / 255)).fill(block), Buffer.from([0])]);
}

// Creates the input files of the encoders, PNG, JPEG, GIF and Y4M, in a temporary folder.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { exif, prefixed } from "./exif.mjs";
import { APP, first, segment } from "./jpeg-segments.mjs";
import { animation, bands, frames, picture } from "./pictures.mjs";
import { animated } from "./png-chunks.mjs";
import { orientations } from "./recipe.mjs";

/** Writes the inputs and returns their paths by name. */
export async function makeInputs(folder) {
  const paths = {};
  const put = (name, bytes) => writeFileSync((paths[name] = join(folder, name)), bytes);

  for (const deep of [false, true]) {
    const bits = deep ? "16" : "";
    for (const [name, channels] of Object.entries({ gray: 1, grayalpha: 2, rgb: 3, rgba: 4 })) {
      put(`${name}${bits}.png`, await picture({ channels, deep }).png().toBuffer());
    }
  }
  const jpeg = await picture().jpeg({ quality: 90 }).toBuffer();
  put("rgb.jpg", jpeg);
  put("gray.jpg", await picture({ channels: 1 }).jpeg().toBuffer());
  put("progressive.jpg", await picture().jpeg({ progressive: true }).toBuffer());
  for (const orientation of orientations) {
    const block = exif({ orientation, little: orientation % 2 === 0 });
    put(`turned-${orientation}.jpg`, first(jpeg, segment(APP(1), prefixed(block))));
  }
  for (const size of inputSizes) {
    const [width, height] = size.split("x").map(Number);
    put(`${size}.png`, await picture({ width, height }).png().toBuffer());
  }
  put("two-colours.png", await bands(2).png({ palette: true, colours: 2 }).toBuffer());
  put("many-colours.png", await bands(200, { width: 200, height: 20 }).png({ palette: true }).toBuffer());
  const moving = await frames(3);
  moving.forEach((frame, index) => put(`frame-${index}.png`, frame));
  put("animation.png", animated(moving));
  put("animation.gif", await (await animation(3)).gif({ delay: [100, 100, 100] }).toBuffer());
  put("animation-alpha.gif", await (await animation(3, { channels: 4 })).gif({ delay: [100, 100, 100] }).toBuffer());
  put("animation.y4m", y4m(48, 32, 4));
  put("exif-6", exif({ orientation: 6 }));
  put("exif-8-prefixed", prefixed(exif({ orientation: 8, little: false })));
  put("profile.icc", (await sharp(await picture().png().withIccProfile("p3").toBuffer()).metadata()).icc);
  put("packet.xmp", '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>');
  return paths;
}

const inputSizes = ["1x1", "1x40", "40x1", "64x64", "128x64", "61x43", "256x256"];

/** Grey frames, each lighter than the one before. */
function y4m(width, height, count) {
  const size = width * height;
  const shown = Array.from({ length: count }, (_, index) => [
    Buffer.from("FRAME\n"),
    Buffer.alloc(size, 60 + index * 30),
    Buffer.alloc(size / 2, 128),
  ]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), ...shown.flat()]);
}

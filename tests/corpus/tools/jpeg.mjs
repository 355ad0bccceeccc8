// JPEG: libjpeg-turbo and mozjpeg through sharp, ImageMagick for rare kinds, and segments that cameras write.

import { readFile } from "node:fs/promises";
import { exif, prefixed } from "./exif.mjs";
import { afterJfif, APP, COM, first, many, profile, segment } from "./jpeg-segments.mjs";
import { oddSizes, picture } from "./pictures.mjs";
import { byHand, byProgram, bySharp, orientations } from "./recipe.mjs";

export function jpeg({ paths }) {
  const plain = () => readFile(paths["rgb.jpg"]);
  const magick = (name, args, from = "rgb.png") =>
    byProgram(`jpeg/magick-${name}.jpg`, "convert", (to) => [
      paths[from],
      "-strip",
      "-depth",
      "8",
      ...args,
      `jpeg:${to}`,
    ]);
  const jpegtran = (name, args, from = "rgb.jpg") =>
    byProgram(`jpeg/jpegtran-${name}.jpg`, "jpegtran", (to) => [...args, "-outfile", to, paths[from]]);
  const spliced = (name, splice, says) => byHand(`jpeg/spliced-${name}.jpg`, async () => splice(await plain()), says);
  const turned = (orientation, options = {}) => segment(APP(1), prefixed(exif({ orientation, ...options })));

  return [
    ...[1, 50, 100].map((quality) => bySharp(`jpeg/quality-${quality}.jpg`, () => picture().jpeg({ quality }))),
    ...["4:2:0", "4:4:4"].flatMap((chromaSubsampling) =>
      [false, true].map((progressive) => {
        const kind = `${progressive ? "progressive" : "baseline"}-${chromaSubsampling.replaceAll(":", "")}`;
        return bySharp(`jpeg/${kind}.jpg`, () => picture().jpeg({ chromaSubsampling, progressive }));
      }),
    ),
    bySharp("jpeg/mozjpeg.jpg", () => picture().jpeg({ mozjpeg: true })),
    bySharp("jpeg/mozjpeg-gray.jpg", () => picture({ channels: 1 }).jpeg({ mozjpeg: true })),
    bySharp("jpeg/gray.jpg", () => picture({ channels: 1 }).jpeg()),
    bySharp("jpeg/cmyk.jpg", () => picture().toColourspace("cmyk").jpeg()),
    bySharp("jpeg/profile.jpg", () => picture().withIccProfile("p3").jpeg()),
    bySharp("jpeg/xmp.jpg", () => picture().withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>').jpeg()),
    bySharp("jpeg/exif-text.jpg", () =>
      picture()
        .withExif({ IFD0: { Copyright: "c".repeat(3000) } })
        .jpeg(),
    ),
    ...orientations.map((orientation) =>
      bySharp(`jpeg/turned-${orientation}.jpg`, () => picture().withMetadata({ orientation }).jpeg()),
    ),
    bySharp("jpeg/turned-6-progressive.jpg", () =>
      picture().withMetadata({ orientation: 6 }).jpeg({ progressive: true }),
    ),
    ...oddSizes.map(([width, height]) =>
      bySharp(`jpeg/${width}x${height}.jpg`, () => picture({ width, height }).jpeg()),
    ),
    // libjpeg stops at 65500, the format at 65535.
    bySharp("jpeg/65500x1.jpg", () => picture({ width: 65500, height: 1 }).jpeg({ quality: 20 })),
    bySharp("jpeg/1x65500.jpg", () => picture({ width: 1, height: 65500 }).jpeg({ quality: 20 })),
    spliced("65535x65535", largest, { width: 65535, height: 65535 }),

    magick("gray", ["-colorspace", "Gray"]),
    magick("cmyk", ["-colorspace", "CMYK"]),
    magick("411", ["-sampling-factor", "4x1"]),
    magick("440", ["-sampling-factor", "1x2"]),
    magick("422", ["-sampling-factor", "2x1"]),
    magick("444", ["-sampling-factor", "1x1"]),
    magick("interlaced", ["-interlace", "JPEG"]),
    magick("unoptimised", ["-define", "jpeg:optimize-coding=false"]),
    magick("comment", ["-set", "comment", "x".repeat(500)]),

    jpegtran("arithmetic", ["-arithmetic"]),
    jpegtran("arithmetic-progressive", ["-arithmetic", "-progressive"]),
    jpegtran("restarts", ["-restart", "1B"]),
    jpegtran("gray", ["-grayscale"]),
    jpegtran("cropped", ["-crop", "24x16+8+8"]),
    jpegtran("rotated", ["-rotate", "90", "-copy", "all"], "turned-6.jpg"),

    spliced("profile-70k", (jpeg) => afterJfif(jpeg, ...profile(70_000))),
    spliced("profile-320k", (jpeg) => afterJfif(jpeg, ...profile(320_000))),
    spliced("comment-64k", (jpeg) => afterJfif(jpeg, ...many(COM, "", 65533))),
    spliced("comments-330k", (jpeg) => afterJfif(jpeg, ...many(COM, "", 330_000))),
    spliced("mpf-400k", (jpeg) => afterJfif(jpeg, ...many(APP(2), "MPF\0", 400_000))),
    spliced("photoshop-128k", (jpeg) => afterJfif(jpeg, ...many(APP(13), "Photoshop 3.0\0", 128_000))),
    spliced("every-app", (jpeg) =>
      first(jpeg, ...Array.from({ length: 16 }, (_, n) => segment(APP(n), Buffer.from(`own-${n}\0`)))),
    ),
    spliced("empty-segments", (jpeg) =>
      afterJfif(jpeg, segment(COM, Buffer.alloc(0)), segment(APP(5), Buffer.alloc(0))),
    ),
    // A marker may be preceded by any number of fill bytes: T.81, B.1.1.2.
    spliced("fill-bytes", (jpeg) =>
      afterJfif(jpeg, Buffer.alloc(7, 0xff), segment(COM, Buffer.from("fill")), Buffer.alloc(2, 0xff)),
    ),
    byHand("jpeg/spliced-turned-5-gray.jpg", async () => first(await readFile(paths["gray.jpg"]), turned(5))),
    spliced("trailing", (jpeg) => Buffer.concat([jpeg, Buffer.alloc(300, 0xd8)])),
    spliced("second-picture", (jpeg) => Buffer.concat([jpeg, jpeg])),
    spliced("turned-6-big-endian", (jpeg) => first(jpeg, turned(6, { little: false }))),
    spliced("turned-8-little-endian", (jpeg) => first(jpeg, turned(8))),
    spliced("turned-6-after-jfif", (jpeg) => afterJfif(jpeg, turned(6))),
    spliced("turned-6-after-320k", (jpeg) => afterJfif(jpeg, ...profile(320_000), turned(6))),
    spliced("turned-6-before-320k", (jpeg) => first(jpeg, turned(6), ...many(APP(2), "MPF\0", 320_000))),
    spliced("turned-6-long-exif", (jpeg) => first(jpeg, turned(6, { padding: 65_000 }))),
    // Neither is a valid orientation, so the picture is displayed as stored.
    spliced("turned-0", (jpeg) => first(jpeg, turned(0))),
    spliced("turned-9", (jpeg) => first(jpeg, turned(9))),
    // Cameras store a second, smaller JPEG file in the Exif block.
    byHand("jpeg/spliced-thumbnail.jpg", async () => {
      const small = await picture({ width: 16, height: 12 }).jpeg().toBuffer();
      return first(await plain(), segment(APP(1), Buffer.concat([prefixed(exif({ orientation: 3 })), small])));
    }),
  ];
}

/** A frame header with the maximum size, followed by a smaller scan. */
function largest(jpeg) {
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  jpeg.fill(0xff, frame + 5, frame + 9);
  return jpeg;
}

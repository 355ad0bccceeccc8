import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test, { after, suite } from "node:test";
import sharp from "sharp";
import { bytesOf, withoutCorpus } from "./harness/corpus.mjs";
import { root } from "./harness/modules.mjs";
import { Origin, text } from "./harness/origin.mjs";
import { assertUpright, averageOfLight, averageOfValues, bytesOfDataUrl, chartOfCorners, cornersOf, distance, grid, plain, pixelsOf, rgb, shrink } from "./harness/tiny-picture.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const SAMPLES = path.join(root, "samples");
const samples = readdirSync(SAMPLES).filter((name) => /\.\w+$/.test(name));

const numbered = (numbers, name) => numbers.map((n) => name.replace("*", n));
const ORIENTATIONS = [1, 2, 3, 4, 5, 6, 7, 8];

/** Corpus files that sharp decodes, small and of different kinds. */
const FILES = [
  ...numbered(ORIENTATIONS, "jpeg/photo/turned-*.jpg"),
  ...["cmyk", "gray", "progressive-420", "jpegtran-rotated", "17x255"].map((name) => `jpeg/${name}.jpg`),
  ...numbered([5, 8], "png/turned-*.png"),
  ...["gray8", "gray16", "rgb16-interlaced", "rgba16", "grayalpha8", "palette-2", "palette-16", "palette-alpha", "spliced-animated"].map((name) => `png/${name}.png`),
  ...["magick-transparent-gray", "gdk-pixbuf/test-image", "2x3", "photo/Sway_Wallpaper_Blue_768x1024_Portrait"].map((name) => `png/${name}.png`),
  ...["turned-6", "webpmux-exif-8-prefixed-lossless", "lossy-alpha", "animated-alpha", "x-image/tux.lossless"].map((name) => `webp/${name}.webp`),
  ...["turned-3", "turned-7", "avifenc-irot-1", "avifenc-irot-1-imir-0", "10bit", "alpha"].map((name) => `avif/${name}.avif`),
  ...["animated", "alpha", "go/video-001"].map((name) => `gif/${name}.gif`),
  ...["turned-6", "cmyk", "16bit", "alpha", "photo/resized-320"].map((name) => `tiff/${name}.tif`),
  // Extreme sizes.
  "jpeg/photo/Fossa_by_Jasper_Roks.jpg",
  "jpeg/65500x1.jpg",
  "png/1x70000.png",
  "webp/lossless-1x16383.webp",
];

/** Pictures by name. */
const pictures = new Map(samples.map((name) => [name, readFileSync(path.join(SAMPLES, name))]));
if (!withoutCorpus) for (const name of FILES) pictures.set(name, bytesOf(name));

const corners = await chartOfCorners(120, 80);
for (const orientation of ORIENTATIONS) {
  const turned = sharp(corners).withMetadata({ orientation });
  pictures.set(`corners-${orientation}.jpg`, await turned.clone().jpeg({ quality: 95 }).toBuffer());
  pictures.set(`corners-${orientation}.png`, await turned.clone().png().toBuffer());
  pictures.set(`corners-${orientation}.webp`, await turned.clone().webp({ lossless: true }).toBuffer());
}

const one = (background) => plain(background, 1, 1);
const frames = await Promise.all(["red", "blue"].map((color) => plain(color, 40, 30)));
const animation = sharp(frames, { join: { animated: true } });
Object.entries({
  "frames.gif": await animation.clone().gif({ delay: [100, 100] }).toBuffer(),
  "frames.webp": await animation.clone().webp({ delay: [100, 100], lossless: true }).toBuffer(),
  "one.png": await one("#ff8000"),
  "one.gif": await sharp(await one("#ff8000")).gif().toBuffer(),
  "two.png": await plain("#ff8000", 2, 2),
  "strip.png": await plain("#ff8000", 1, 10_000),
  "thin.png": await plain("#ff800080", 2_000, 20),
  "glass.png": await plain({ r: 255, g: 128, b: 0, alpha: 0.5 }, 30, 20),
  "nothing.png": await plain("#00000000", 30, 20),
  "disc.png": await sharp(Buffer.from('<svg width="200" height="100"><ellipse cx="100" cy="50" rx="60" ry="30" fill="#ff8000"/></svg>')).png().toBuffer(),
}).forEach(([name, bytes]) => pictures.set(name, bytes));
pictures.set("drawing.svg", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="9" height="9"/></svg>'));
pictures.set("page.html", Buffer.from("<!doctype html>"));

const origin = new Origin();
after(() => origin.close());
const originUrl = `http://${await origin.listen()}`;
origin.on((request, response, record) => {
  const name = decodeURIComponent(record.path.slice(1));
  const headers = { "Content-Type": name.endsWith(".svg") ? "image/svg+xml" : "image/any" };
  return text(pictures.get(name), { headers })(request, response, record);
});

/** What makes the picture, and the prefix of its origin. All but the first use the Images binding. */
const ROADS = { "the resizer": "", "a bucket": "r2/", "a file over HTTP": "file/" };
const site = await wranglerDev({ after }, {
  metadata: {
    originUrl,
    placeholders: ["thumbhash", "color"],
    // The machine may be busy.
    placeholderTimeoutMs: 15_000,
    imagesBinding: "RESIZER",
    origins: [{ prefix: "r2", bucket: "IMAGES" }, { prefix: "file", url: originUrl, probe: "header" }],
  },
  images: "RESIZER",
  objects: Object.fromEntries([...pictures].map(([name, bytes]) => [name, { bytes }])),
});

async function lookUp(road, name) {
  const answer = await site.get(`/metadata/${road}${encodeURI(name)}?placeholder=data-url`);
  assert.equal(answer.status, 200, `${road}${name}: ${answer.text}`);
  return answer.json;
}

/** The metadata, and the rendered placeholder as pixels. */
async function placeholderOf(road, name) {
  const { metadata, placeholder } = await lookUp(road, name);
  assert.ok(placeholder, `${road}${name}: ${JSON.stringify(metadata)}`);
  assert.ok(placeholder.dataUrl.length < 4_096, `${placeholder.dataUrl.length} bytes`);
  return { metadata, bytes: bytesOfDataUrl(placeholder.dataUrl), ...(await pixelsOf(bytesOfDataUrl(placeholder.dataUrl))) };
}

function assertNear(found, expected, tolerance, what) {
  const [one, other] = [found, expected].map((color) => color?.map(Math.round).join());
  assert.ok(found && expected && distance(found, expected) <= tolerance, `${what}: ${one}, ${other} expected`);
}

/** Half the step of the stored averages moves a color by 6 at most, and values beyond 0 to 255 are cut off. */
const HASH_TOLERANCE = 10;

/** Asserts that a placeholder has the aspect ratio, the colors and the parts of its picture. */
async function assertAlike(road, name) {
  const bytes = pictures.get(name);
  const { metadata, ...drawn } = await placeholderOf(road, name);
  const tiny = await pixelsOf(await shrink(bytes));
  const { autoOrient: displayed } = await sharp(bytes).metadata();
  const longer = Math.max(displayed.width, displayed.height);
  const sides = [displayed.width, displayed.height].map((side) => Math.max(1, Math.round((side * 24) / longer)));
  assert.deepEqual([drawn.width, drawn.height], sides, name);
  // Both are calculated from the same pixels.
  assertNear(rgb(metadata.color), averageOfLight(tiny.pixels), 1, `the color of ${name}`);
  // sharp averages encoded values, which loses the light of fine detail: only photos and small pictures are compared with the original.
  const isSmooth = /photo|samples|turned/.test(name) && longer < 3_000;
  if (isSmooth || longer <= 100) assertNear(rgb(metadata.color), averageOfLight((await pixelsOf(bytes)).pixels), 3, `the color of ${name}`);
  // A ThumbHash keeps the average of encoded values and loses detail, so that the average of light is another. Where opacity varies,
  // 4 bits a frequency of opacity move the weights of the colors.
  const tolerance = tiny.pixels.every(([, , , alpha]) => alpha === 255) ? HASH_TOLERANCE : 2 * HASH_TOLERANCE;
  assertNear(averageOfValues(drawn.pixels), averageOfValues(tiny.pixels), tolerance, `the average of ${name}`);
  assertUpright(await grid(drawn.bytes), await grid(bytes), name);
}

async function each(names, check) {
  const queue = [...names];
  const work = async () => {
    for (let name = queue.shift(); name; name = queue.shift()) await check(name);
  };
  await Promise.all(Array.from({ length: 4 }, work));
}

for (const [what, road] of Object.entries(ROADS)) {
  suite(`Placeholders by ${what}`, () => {
    test(`Placeholders of samples by ${what} have their aspect ratio and colors, upright`, () => each(samples, (name) => assertAlike(road, name)));

    // Files over HTTP differ from objects of a bucket only in how they are read.
    if (road !== "file/") test(`Placeholders of corpus images by ${what} have their aspect ratio and colors, upright`, { skip: withoutCorpus }, () => each(FILES, (name) => assertAlike(road, name)));

    test(`Placeholders by ${what} have the four corners of a picture in each of the eight orientations`, () =>
      each([...pictures.keys()].filter((name) => name.startsWith("corners-")), async (name) => {
        const drawn = await placeholderOf(road, name);
        assert.deepEqual(cornersOf(drawn), cornersOf(await pixelsOf(pictures.get(name))), name);
        assert.deepEqual([drawn.width, drawn.height], Number(name.match(/\d/)) > 4 ? [16, 24] : [24, 16], name);
      }));

    test(`The placeholder of an animation by ${what} shows its first frame`, async () => {
      for (const name of ["frames.gif", "frames.webp"]) {
        const { metadata, pixels } = await placeholderOf(road, name);
        assertNear(rgb(metadata.color), [255, 0, 0], 3, name);
        assertNear(averageOfValues(pixels), [255, 0, 0], HASH_TOLERANCE, name);
      }
    });

    test(`Placeholders by ${what} are as transparent as the picture`, async () => {
      const opacity = async (name) => (await placeholderOf(road, name)).pixels.map(([, , , alpha]) => alpha);
      for (const alpha of await opacity("glass.png")) assert.ok(Math.abs(alpha - 128) <= 10, `glass: ${alpha}`);
      for (const alpha of await opacity("thin.png")) assert.ok(Math.abs(alpha - 128) <= 10, `thin: ${alpha}`);
      const disc = await opacity("disc.png");
      for (const n of [0, 23, -24, -1]) assert.ok(disc.at(n) < 40, `a corner of the disc: ${disc.at(n)}`);
      assert.ok(disc[6 * 24 + 12] > 200, `the center of the disc: ${disc[6 * 24 + 12]}`);
      for (const alpha of await opacity("corners-1.png")) assert.equal(alpha, 255);
    });

    test(`An invisible picture has a hash and no color by ${what}`, async () => {
      const { metadata, pixels } = await placeholderOf(road, "nothing.png");
      assert.equal(metadata.color, undefined);
      for (const [, , , alpha] of pixels) assert.equal(alpha, 0);
    });

    // The reference of ThumbHash draws stripes instead, because a picture of one pixel has not its seven frequencies.
    for (const name of ["one.png", "one.gif", "two.png", "strip.png", "thin.png"]) {
      test(`The placeholder of ${name}, which has one color, has that color everywhere by ${what}`, async () => {
        const { metadata, pixels } = await placeholderOf(road, name);
        assertNear(rgb(metadata.color), [255, 128, 0], 1, name);
        for (const pixel of pixels) assertNear(pixel, [255, 128, 0], HASH_TOLERANCE, name);
      });
    }

    test(`An SVG has no placeholder by ${what}, and none is asked for`, async () => {
      origin.clearRequests();
      const { metadata, placeholder } = await lookUp(road, "drawing.svg");
      assert.deepEqual([metadata.format, metadata.thumbhash, metadata.color, placeholder], ["svg", undefined, undefined, undefined]);
      // From a bucket, nothing is requested at all.
      assert.equal(origin.requests.length, road === "r2/" ? 0 : 1);
    });
  });
}

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import test, { after, suite } from "node:test";
import sharp from "sharp";
import { root } from "./harness/modules.mjs";
import { file, Origin, text } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";
import { apply, chart, colourAt, optionsOf, pixelsOf, resizerSource } from "./harness/transform.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const CORNERS = path.join(root, "samples/corners.png");
const [RED, GREEN, BLUE, YELLOW, GREY] = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#808080"];
// Coprime sides make an offset of one pixel visible.
const [CHART_WIDTH, CHART_HEIGHT] = [211, 137];

const images = { "corners.png": await readFile(CORNERS), "chart.png": await chart(CHART_WIDTH, CHART_HEIGHT) };
const origin = new Origin();
after(() => origin.close());
const originUrl = `http://${await origin.listen()}`;
origin.on("/corners.png", file(CORNERS, "image/png"));
origin.on("/chart.png", (_, response) => {
  response.writeHead(200, { "Content-Type": "image/png", "Content-Length": images["chart.png"].length });
  response.end(images["chart.png"]);
});
const [site, resizer] = await Promise.all([
  wranglerDev({ after }, { metadata: { originUrl } }),
  wranglerDev({ after }, { source: resizerSource }),
]);

/** Looks up an image, applies the returned transform, and checks the size of the result. */
async function transformed(name, query, transformImage) {
  const { status, text, json } = await site.get(`/metadata/${name}?${query}`);
  assert.equal(status, 200, text);
  const picture = await pixelsOf(await transformImage(json.transform, name));
  assert.deepEqual({ width: picture.width, height: picture.height }, json.dimensions, json.transform);
  return { ...json, picture };
}

// The emulation of wrangler dev ignores `trim`, so its result for a crop off the centre shows another part of the image. Here
// the trim is applied as documented: https://developers.cloudflare.com/images/optimization/features/#trim
const asDocumented = (transform, name) => apply(transform, images[name]);

async function emulated(transform, name) {
  const body = JSON.stringify({ url: `${originUrl}/${name}`, image: optionsOf(transform) });
  const { status, text, bytes } = await resizer.request("POST", "/", { body });
  assert.equal(status, 200, text);
  return bytes;
}

suite("The transform applied as documented", () => {
  for (const [query, corners] of [
    ["aspect=4:3", [RED, GREEN, BLUE, YELLOW]],
    ["aspect=16:9&focal=0.5,0", [RED, GREEN, GREY, GREY]],
    ["aspect=16:9&focal=0.5,1", [GREY, GREY, BLUE, YELLOW]],
    ["aspect=16:9", [GREY, GREY, GREY, GREY]],
    ["aspect=1:1&focal=0,0.5", [RED, GREY, BLUE, GREY]],
    ["aspect=1:1&focal=1,0.5", [GREY, GREEN, GREY, YELLOW]],
    ["aspect=1:1&focal=0.5,0.5", [GREY, GREY, GREY, GREY]],
    ["aspect=1:100&focal=0,0", [RED, RED, BLUE, BLUE]],
    ["aspect=100:1&focal=1,1", [BLUE, YELLOW, BLUE, YELLOW]],
  ]) {
    test(`The transform for ${query} of corners.png keeps the corners inside the crop`, async () => {
      const { picture } = await transformed("corners.png", query, asDocumented);
      assert.deepEqual(picture.corners, corners);
    });
  }

  for (const query of [
    "aspect=16:9",
    "aspect=16:9&focal=0.5,0.3",
    "aspect=16:9&focal=0.123,0.987",
    "aspect=1:1&focal=0.4,0.6",
    "aspect=1.91:1&focal=0.5,0.55",
    "aspect=2:3&focal=0.61,0",
    "aspect=1:100000&focal=0.7,0.7",
    "aspect=100000:1&focal=0.7,0.7",
    "platform=instagram&content=portrait",
  ]) {
    test(`The transform for ${query} of a chart has exactly the corner pixels of the crop`, async () => {
      const { aspectCrop, picture } = await transformed("chart.png", query, asDocumented);
      const { width, height, hoffset: left, voffset: top } = aspectCrop;
      const [right, bottom] = [left + width - 1, top + height - 1];
      assert.deepEqual(picture.corners, [colourAt(left, top), colourAt(right, top), colourAt(left, bottom), colourAt(right, bottom)]);
    });
  }

  test("The transform scales a crop down to the requested width", async () => {
    const { picture } = await transformed("chart.png", "aspect=16:9&focal=0.5,0.3&width=80", asDocumented);
    assert.deepEqual([picture.width, picture.height], [80, 45]);
  });
});

/** The two ways in which an image is read: each serves it and returns a function that looks it up. */
const readers = {
  "image-header": async (t, bytes) => {
    const worker = await deploy(t);
    worker.origin.on(text(bytes, { headers: { "Content-Type": "image/png" } }));
    return (query) => worker.get(`/metadata/a?${query}`);
  },
  "format-json": async (t, bytes, name) => {
    origin.on(`/${name}`, text(bytes, { headers: { "Content-Type": "image/png" } }));
    return (query) => site.get(`/metadata/${name}?${query}`);
  },
};

for (const [source, reader] of Object.entries(readers)) {
  suite(`The transform of a rotated image read by ${source}`, () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      test(`The transform of an image with orientation ${orientation}, read by ${source}, applies to the upright image`, async (t) => {
        const rotated = await sharp(images["chart.png"]).withMetadata({ orientation }).png().toBuffer();
        const upright = await sharp(rotated).autoOrient().png().toBuffer();
        const get = await reader(t, rotated, `rotated-${orientation}.png`);
        const { metadata, aspectCrop, transform } = (await get("aspect=3:2&focal=0.3,0.8")).json;
        const whole = await pixelsOf(upright);
        assert.deepEqual([metadata.source, metadata.confidence], [source, "high"]);
        assert.deepEqual([metadata.width, metadata.height], [whole.width, whole.height]);
        const { width, height, hoffset: left, voffset: top } = aspectCrop;
        const [right, bottom] = [left + width - 1, top + height - 1];
        const shown = await pixelsOf(await apply(transform, upright));
        assert.deepEqual(shown.corners, [whole.at(left, top), whole.at(right, top), whole.at(left, bottom), whole.at(right, bottom)]);
      });
    }
  });
}

suite("The transform applied by wrangler dev", () => {
  // The emulation ignores the trim, so fit=cover is a centred crop: the right one only if the crop is centred.
  for (const query of ["aspect=16:9", "aspect=1:1", "aspect=2:3", "platform=facebook"]) {
    test(`wrangler dev makes the centred crop of ${query}`, async () => {
      const { aspectCrop, picture } = await transformed("chart.png", query, emulated);
      const near = (colour, x, y) => {
        const [red, green] = Buffer.from(colour.slice(1), "hex");
        // An odd surplus pixel may be cut on either side.
        assert.ok(Math.abs(red - x) <= 1 && Math.abs(green - y) <= 1, `${colour} at ${x},${y}`);
      };
      const { width, height, hoffset: left, voffset: top } = aspectCrop;
      near(picture.at(0, 0), left, top);
      near(picture.at(-1, -1), left + width - 1, top + height - 1);
    });
  }

  for (const query of [
    "aspect=16:9&focal=0.5,0.3",
    "aspect=16:9&focal=1,1&width=80",
    "aspect=1:1&device=mobile",
    "width=100",
    "focal=0,0",
  ]) {
    test(`wrangler dev makes the crop of ${query} in the returned dimensions`, async () => {
      await transformed("chart.png", query, emulated);
    });
  }

  test("wrangler dev pads the whole image with allowExpansion", async () => {
    const { picture } = await transformed("corners.png", "aspect=16:9&allowExpansion=true", emulated);
    assert.deepEqual([picture.width, picture.height], [85, 48]);
    assert.deepEqual(picture.corners, Array(4).fill("#ffffff"));
    const image = Array.from({ length: picture.width }, (_, x) => [picture.at(x, 0), picture.at(x, -1)].join());
    assert.deepEqual(
      image.filter((column) => column !== "#ffffff,#ffffff"),
      [`${RED},${BLUE}`, ...Array(62).fill(`${GREY},${GREY}`), `${GREEN},${YELLOW}`],
    );
  });
});

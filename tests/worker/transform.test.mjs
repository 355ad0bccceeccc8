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
// No side is a multiple of another's: what is one pixel off shows.
const [CHART_WIDTH, CHART_HEIGHT] = [211, 137];

const pictures = { "corners.png": await readFile(CORNERS), "chart.png": await chart(CHART_WIDTH, CHART_HEIGHT) };
const origin = new Origin();
after(() => origin.close());
const originUrl = `http://${await origin.listen()}`;
origin.on("/corners.png", file(CORNERS, "image/png"));
origin.on("/chart.png", (_, response) => {
  response.writeHead(200, { "Content-Type": "image/png", "Content-Length": pictures["chart.png"].length });
  response.end(pictures["chart.png"]);
});
const [site, resizer] = await Promise.all([
  wranglerDev({ after }, { metadata: { originUrl } }),
  wranglerDev({ after }, { source: resizerSource }),
]);

/** What the service says of a picture and, by its transform, the picture that results. */
async function transformed(name, query, make) {
  const { status, text, json } = await site.get(`/metadata/${name}?${query}`);
  assert.equal(status, 200, text);
  const picture = await pixelsOf(await make(json.transform, name));
  assert.deepEqual({ width: picture.width, height: picture.height }, json.dimensions, json.transform);
  return { ...json, picture };
}

// The emulation of wrangler dev ignores `trim`, so that what it makes of a crop off the centre shows another part of the
// image. Here the trim is applied as it is documented: https://developers.cloudflare.com/images/optimization/features/#trim
const asDocumented = (transform, name) => apply(transform, pictures[name]);

async function emulated(transform, name) {
  const body = JSON.stringify({ url: `${originUrl}/${name}`, image: optionsOf(transform) });
  const { status, text, bytes } = await resizer.request("POST", "/", { body });
  assert.equal(status, 200, text);
  return bytes;
}

suite("the transform, with the trim as documented, makes", () => {
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
    test(`${query} of corners.png with the corners that the crop keeps`, async () => {
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
    test(`${query} of a chart, pixel for pixel`, async () => {
      const { aspectCrop, picture } = await transformed("chart.png", query, asDocumented);
      const { width, height, hoffset: left, voffset: top } = aspectCrop;
      const [right, bottom] = [left + width - 1, top + height - 1];
      assert.deepEqual(picture.corners, [colourAt(left, top), colourAt(right, top), colourAt(left, bottom), colourAt(right, bottom)]);
    });
  }

  test("a crop no wider than asked", async () => {
    const { picture } = await transformed("chart.png", "aspect=16:9&focal=0.5,0.3&width=80", asDocumented);
    assert.deepEqual([picture.width, picture.height], [80, 45]);
  });
});

/** The two ways in which a picture is read, each a function that serves it and returns one that looks it up. */
const roads = {
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

for (const [source, road] of Object.entries(roads)) {
  suite(`the transform of an image that has to be rotated is that of the upright one, by ${source}:`, () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      test(`orientation ${orientation}`, async (t) => {
        const rotated = await sharp(pictures["chart.png"]).withMetadata({ orientation }).png().toBuffer();
        const upright = await sharp(rotated).autoOrient().png().toBuffer();
        const get = await road(t, rotated, `rotated-${orientation}.png`);
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

suite("the emulation of wrangler dev, given the transform, makes", () => {
  // Without its trim, fit=cover is a centred crop of the size told: that of a centred crop, and no other's.
  for (const query of ["aspect=16:9", "aspect=1:1", "aspect=2:3", "platform=facebook"]) {
    test(`${query} of a chart, the crop being at the centre`, async () => {
      const { aspectCrop, picture } = await transformed("chart.png", query, emulated);
      const near = (colour, x, y) => {
        const [red, green] = Buffer.from(colour.slice(1), "hex");
        // An odd pixel too many may go on either side.
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
    test(`${query} in the size that is told`, async () => {
      await transformed("chart.png", query, emulated);
    });
  }

  test("a frame around all of the image", async () => {
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

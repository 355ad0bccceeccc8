import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import path from "node:path";
import test, { suite } from "node:test";
import sharp from "sharp";
import { generator } from "../../scripts/lib/random.mjs";
import { startBrowser, withoutBrowser } from "./harness/browser.mjs";
import { bytesOf, corpus, differingFields, rawPath, sizeOf, withoutCorpus } from "./harness/corpus.mjs";
import { ranged, text } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

/** A Worker whose origin serves the corpus; `corrupted` replaces the bytes of a file. */
async function serve(t) {
  const site = await deploy(t, { kv: false, config: { errorTtl: 0 } });
  const corrupted = new Map();
  site.origin.on((request, response, record) => {
    const name = decodeURIComponent(record.path.replace(/^\/assets\//, ""));
    const headers = { "Content-Type": "application/octet-stream" };
    return text(corrupted.get(name) ?? bytesOf(name), { headers })(request, response, record);
  });
  return { corrupted, get: (name) => site.get(`/metadata/${rawPath(name)}`) };
}

/**
 * The ways of reading an image's header, and the prefixes of their origins. format-json.test.mjs compares the first one with the
 * resizer.
 */
const ROADS = { "over HTTP": "", "by ranges": "ranges/", "from a service": "service/", "from a bucket": "bucket/" };

/** Files whose result is another one if they are read forward, with the reasons. */
const DIFFERENT_OVER_HTTP = {
  "invalid/answer.json": "JSON with a width and a height is a valid response of a resizer, which the other ways do not use",
  "invalid/text.gz": "a 415 with another text: gzip data without a Content-Encoding are decoded only if ranges of them can be read",
  "invalid/ii-and-prose.tif": "a 415 with another text: the header refers to a place that is known to be beyond the end only with ranges",
  "invalid/mm-and-prose.tif": "same reason as above",
};

/** A Worker that reads the corpus over each of the roads. Returns a function that resolves with the metadata, or the problem, as text. */
async function serveRoads(t) {
  const origins = [
    { prefix: "ranges", url: "https://files.test", probe: "header" },
    { prefix: "service", service: "FILES" },
    { prefix: "bucket", bucket: "IMAGES" },
  ];
  const site = await deploy(t, { kv: false, bucket: true, service: true, config: { origins, errorTtl: 0, headerBytes: 1024 } });
  for (const { file } of corpus) site.bucket.put(file, bytesOf(file));
  site.origin.on((request, response, record) => {
    const bytes = bytesOf(decodeURIComponent(record.path.replace(/^\/(assets\/)?/, "")));
    const responder = record.host === "images.test" ? text(bytes) : ranged(bytes);
    return responder(request, response, record);
  });
  const etagOf = (file) => createHash("md5").update(bytesOf(file)).digest("hex");
  return async (prefix, file) => {
    const { status, json } = await site.get(`/metadata/${prefix}${rawPath(file)}`);
    if (status !== 200) return `${status} ${json.detail.replace(/ \(origin status \d+\)/, "")}`;
    const { etag, ...metadata } = json.metadata;
    assert.equal(etag, prefix === "" ? undefined : etagOf(file), `the entity tag of ${prefix}${file}`);
    return JSON.stringify(metadata);
  };
}

suite("The corpus", { skip: withoutCorpus }, () => {
  test("The Worker's metadata of every corpus image agree with those of other readers", async (t) => {
    const { get } = await serve(t);
    const wrong = [];
    for (const { file, expect, refused = [], ...others } of corpus) {
      // JSON with a width and a height is a valid response of a resizer.
      if (file === "invalid/answer.json") continue;
      const fields = differingFields(file);
      const { status, json } = await get(file);
      if (status !== 200) {
        const excused = status === 415 && (expect || refused.length > 1 || fields.includes("refused"));
        if (!excused) wrong.push(`${file}: ${status} ${json.detail}`);
        continue;
      }
      if (expect) wrong.push(`${file}: ${JSON.stringify(json.metadata)} instead of a 415`);
      for (const field of ["format", "width", "height", "fileSize", "hasAlpha", "animated", "frames", "bitDepth", "colorSpace", "hasProfile"]) {
        const [found, expected] = [json.metadata[field], others[field]];
        const known = found !== undefined && expected !== undefined;
        if (known && found !== expected && !fields.includes(field)) wrong.push(`${file}: ${field} ${found} instead of ${expected}`);
      }
      // Some writers write a density below 26 if they know none.
      const density = others.density >= 26 ? others.density : undefined;
      if (others.density !== undefined && json.metadata.density !== density && !fields.includes("density")) {
        wrong.push(`${file}: density ${json.metadata.density} instead of ${density}`);
      }
      if ((json.metadata.orientation ?? 1) !== (others.orientation ?? 1) && !fields.includes("orientation")) {
        wrong.push(`${file}: orientation ${json.metadata.orientation} instead of ${others.orientation}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  test("Every corpus image has the same metadata over HTTP, by ranges, from a service and from a bucket", async (t) => {
    const get = await serveRoads(t);
    const wrong = [];
    const check = async ({ file }) => {
      const [forward, ...others] = await Promise.all(Object.values(ROADS).map((prefix) => get(prefix, file)));
      const expected = file in DIFFERENT_OVER_HTTP ? others[0] : forward;
      for (const [n, found] of others.entries()) {
        if (found !== expected) wrong.push(`${file}: ${found} ${Object.keys(ROADS)[n + 1]} instead of ${expected}`);
      }
      if (file in DIFFERENT_OVER_HTTP && forward === expected) wrong.push(`${file}: no difference`);
    };
    const queue = [...corpus];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await check(next);
    };
    await Promise.all(Array.from({ length: 4 }, work));
    assert.deepEqual(wrong, []);
  });

  test("A corrupted image never gets another size than sharp reads", async (t) => {
    const { get, corrupted } = await serve(t);
    const random = generator(11);
    const readable = corpus.filter(({ format, sources }) => ["jpeg", "png", "webp", "gif", "tiff"].includes(format) && sources.size?.includes("sharp"));
    const wrong = [];
    let compared = 0;
    for (const { file } of readable) {
      const bytes = Buffer.from(bytesOf(file).subarray(0, 60_000));
      for (let n = 0; n < 3; n++) bytes[Math.floor(random() * Math.min(bytes.length, 200))] = Math.floor(random() * 256);
      const theirs = await sharp(bytes, { failOn: "none", limitInputPixels: false, unlimited: true }).metadata().then(
        ({ autoOrient, pageHeight, width }) => ({ width: autoOrient.width, height: pageHeight ?? autoOrient.height, stored: width }),
        () => undefined,
      );
      corrupted.set(file, bytes);
      const { status, json } = await get(file);
      assert.ok([200, 415].includes(status), `${file}: ${status}`);
      if (status !== 200 || !theirs) continue;
      compared++;
      // For a GIF that declares a larger canvas than this, sharp uses only its frames.
      if (json.metadata.format === "gif" && Math.max(json.metadata.width, json.metadata.height) > 2048) continue;
      if (sizeOf(json.metadata) !== sizeOf(theirs)) wrong.push(`${file}: ${sizeOf(json.metadata)} instead of ${sizeOf(theirs)}`);
    }
    assert.ok(compared > readable.length / 10, `${compared} of ${readable.length} were readable to both`);
    assert.deepEqual(wrong, []);
  });

  test("Chromium shows each corpus image at the size that the Worker returns", { skip: withoutBrowser }, async (t) => {
    const { get } = await serve(t);
    const browser = await startBrowser({ after: (end) => t.after(end) });
    const page = await browser.newPage();
    const shown = async (name) => {
      const bytes = bytesOf(name).toString("base64");
      return page.evaluate(
        ([type, bytes]) =>
          new Promise((resolve) => {
            const image = new Image();
            image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
            image.onerror = () => resolve(undefined);
            image.src = `data:${type};base64,${bytes}`;
          }),
        [TYPES[path.dirname(name).split("/")[0]], bytes],
      );
    };
    const wrong = [];
    for (const { file, format, fileSize } of corpus.filter(({ format, fileSize }) => TYPES[format] && fileSize < 200_000)) {
      const theirs = await shown(file);
      const { status, json } = await get(file);
      if (status !== 200 || !theirs || DIFFERENT_IN_CHROMIUM.some((pattern) => pattern.test(file))) continue;
      if (sizeOf(json.metadata) !== sizeOf(theirs)) wrong.push(`${file}: ${sizeOf(json.metadata)} instead of ${sizeOf(theirs)}`);
    }
    assert.deepEqual(wrong, []);
  });
});

const TYPES = { jpeg: "image/jpeg", png: "image/png", webp: "image/webp", avif: "image/avif", gif: "image/gif", bmp: "image/bmp", ico: "image/x-icon", svg: "image/svg+xml" };

/** Files that Chromium shows at another size. */
const DIFFERENT_IN_CHROMIUM = [
  // It ignores the Exif orientation of a WebP, which sharp and exiftool apply.
  /^webp\/(turned-[5-8]|cwebp-metadata|webpmux-exif)/,
  // It ignores the clean aperture of an AVIF.
  /^avif\/.*(clap|crop)/,
  // It rounds half a pixel to zero, and fits a viewBox without a size into 300 by 150.
  /^svg\/(below-one|viewbox-|percent|auto|nested|sdl\/svg-class)/,
];

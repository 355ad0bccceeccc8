import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { text } from "./harness/origin.mjs";
import { avifWithTrailingMeta, tiffWithTrailingDirectory, webpWithTrailingExif } from "./harness/picture.mjs";
import { ORIGIN, deploy } from "./harness/site.mjs";

const MB = 1_000_000;
const KIB = 1_024;
const PATH = "/metadata/image";

const fromBucket = { bucket: true, metadata: { originBucket: "IMAGES", errorTtl: 0 } };
const overHttp = { metadata: { originUrl: ORIGIN, errorTtl: 0 } };

const images = {
  "a TIFF whose directory is after its pixels": [tiffWithTrailingDirectory, 40, 30, { bitDepth: 8, hasAlpha: false }],
  "an AVIF whose boxes are after its pixels": [avifWithTrailingMeta, 40, 30, {}],
  "a WebP whose Exif block is after its pixels": [webpWithTrailingExif, 30, 40, { orientation: 6 }],
};

suite("Ranged reads of an object in a bucket", () => {
  for (const [name, [make, width, height, traits]] of Object.entries(images)) {
    for (const pixels of [200_000, 20 * MB]) {
      test(`The metadata of ${name} (${pixels} bytes) is read with one further range`, async (t) => {
        const site = await deploy(t, fromBucket);
        const bytes = make(pixels);
        const etag = site.bucket.put("image", bytes);
        const answer = await site.get(PATH);
        assertFound(answer, "origin");
        const { metadata } = answer.json;
        assert.deepEqual({ ...metadata, ...traits, width, height, confidence: "high", fileSize: bytes.length, etag }, metadata);
        const [first, second, ...more] = site.bucket.gets;
        assert.deepEqual(first, { key: "image", offset: 0, length: 64 * KIB, etagMatches: undefined });
        assert.deepEqual(second, { key: "image", offset: bytes.length - 64 * KIB, length: 64 * KIB, etagMatches: etag });
        assert.deepEqual(more, []);
      });
    }
  }

  test("An object is read in at most two further ranges and headerBytesMax bytes in all", async (t) => {
    const site = await deploy(t, fromBucket);
    // Boxes of a megabyte each; the needed one is missing.
    const box = Buffer.concat([Buffer.from([0, 0x0f, 0x42, 0x40]), Buffer.from("free"), Buffer.alloc(MB - 8)]);
    site.bucket.put("image", Buffer.concat([Buffer.from("\0\0\0\x10ftypavif\0\0\0\0", "latin1"), ...Array(9).fill(box)]));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /beyond headerBytesMax/);
    const { gets } = site.bucket;
    assert.equal(gets.length, 3);
    assert.ok(gets.reduce((sum, { length }) => sum + length, 0) <= MB);
  });

  test("An object that changes between two ranges is read again", async (t) => {
    const site = await deploy(t, fromBucket);
    site.bucket.put("image", tiffWithTrailingDirectory(2 * MB));
    let gets = 0;
    site.bucket.intercept(() => {
      if (++gets === 2) site.bucket.put("image", tiffWithTrailingDirectory(3 * MB, 50));
    });
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 50);
    assert.equal(site.bucket.gets.length, 4);
  });

  test("Further ranges share the timeout of the first one", async (t) => {
    const site = await deploy(t, { ...fromBucket, metadata: { ...fromBucket.metadata, originTimeoutMs: 300 } });
    site.bucket.put("image", tiffWithTrailingDirectory(2 * MB));
    site.bucket.intercept(({ offset }) => offset > 0 && { hang: true });
    assertProblem(await site.get(PATH), 504, "origin-timeout");
  });

  test("A further range is not requested if the object ends before it", async (t) => {
    const site = await deploy(t, fromBucket);
    site.bucket.put("image", tiffWithTrailingDirectory(2 * MB).subarray(0, MB));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /ends inside its header/);
    assert.equal(site.bucket.gets.length, 1);
  });
});

test("Over HTTP a body is only read forward, up to headerBytesMax", async (t) => {
  const site = await deploy(t, overHttp);
  const serve = (bytes) => site.origin.on("/assets/image", text(bytes, { headers: { "Content-Type": "image/any" } }));
  for (const make of [tiffWithTrailingDirectory, avifWithTrailingMeta]) {
    serve(make(2 * MB));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /beyond headerBytesMax/);
  }
  serve(webpWithTrailingExif(2 * MB));
  const { width, confidence } = (await site.get(PATH)).json.metadata;
  assert.deepEqual([width, confidence], [40, "medium"]);
});

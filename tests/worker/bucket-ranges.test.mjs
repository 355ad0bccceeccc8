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
  "a TIFF whose directory is behind the pixels": [tiffWithTrailingDirectory, 40, 30, { bitDepth: 8, hasAlpha: false }],
  "an AVIF whose boxes are behind the pixels": [avifWithTrailingMeta, 40, 30, {}],
  "a WebP whose Exif block is behind the pixels": [webpWithTrailingExif, 30, 40, { orientation: 6 }],
};

suite("of an object in a bucket, more is read where it is:", () => {
  for (const [name, [make, width, height, traits]] of Object.entries(images)) {
    for (const pixels of [200_000, 20 * MB]) {
      test(`${name}, ${pixels} bytes`, async (t) => {
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

  test("at most two other places, and headerBytesMax in all", async (t) => {
    const site = await deploy(t, fromBucket);
    // Boxes of a megabyte each, none of which is the one that is needed.
    const box = Buffer.concat([Buffer.from([0, 0x0f, 0x42, 0x40]), Buffer.from("free"), Buffer.alloc(MB - 8)]);
    site.bucket.put("image", Buffer.concat([Buffer.from("\0\0\0\x10ftypavif\0\0\0\0", "latin1"), ...Array(9).fill(box)]));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /beyond headerBytesMax/);
    const { gets } = site.bucket;
    assert.equal(gets.length, 3);
    assert.ok(gets.reduce((sum, { length }) => sum + length, 0) <= MB);
  });

  test("of the same object, and again if it has changed in between", async (t) => {
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

  test("within the deadline of the first piece", async (t) => {
    const site = await deploy(t, { ...fromBucket, metadata: { ...fromBucket.metadata, originTimeoutMs: 300 } });
    site.bucket.put("image", tiffWithTrailingDirectory(2 * MB));
    site.bucket.intercept(({ offset }) => offset > 0 && { hang: true });
    assertProblem(await site.get(PATH), 504, "origin-timeout");
  });

  test("not of one that ends before", async (t) => {
    const site = await deploy(t, fromBucket);
    site.bucket.put("image", tiffWithTrailingDirectory(2 * MB).subarray(0, MB));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /ends inside its header/);
    assert.equal(site.bucket.gets.length, 1);
  });
});

test("over HTTP, a body is read forward alone, up to headerBytesMax", async (t) => {
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

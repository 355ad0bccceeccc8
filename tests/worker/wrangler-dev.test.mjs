import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import test, { after, suite } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { file, Origin } from "./harness/origin.mjs";
import { jpeg, segments, tiffWithTrailingDirectory } from "./harness/picture.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const TYPES = { ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif", ".gif": "image/gif" };
const FOLDER = path.join(root, "samples");
const samples = readdirSync(FOLDER, { recursive: true })
  .filter((name) => path.extname(name) in TYPES)
  .map((name) => ({ name: name.split(path.sep).join("/"), type: TYPES[path.extname(name)] }));

const origin = new Origin();
after(() => origin.close());
const originUrl = `http://${await origin.listen()}`;
for (const { name, type } of samples) origin.on(encodeURI(`/${name}`), file(path.join(FOLDER, name), type));
const site = await wranglerDev({ after }, { metadata: { originUrl } });

suite("wrangler dev with its image emulation", () => {
  test("There is a sample of every common format", () => {
    assert.deepEqual(new Set(samples.map(({ type }) => type)), new Set(Object.values(TYPES)));
  });

  for (const { name, type } of samples) {
    test(`${name} has the dimensions that sharp reads, through the emulation`, async () => {
      const { autoOrient: expected } = await sharp(path.join(FOLDER, name)).metadata();
      const answer = await site.get(`/metadata/${encodeURI(name)}`);
      assertFound(answer, "origin");
      assert.equal(answer.json.path, name);
      const { width, height, mimeType, fileSize } = answer.json.metadata;
      assert.deepEqual(
        { width, height, mimeType, fileSize },
        { width: expected.width, height: expected.height, mimeType: type, fileSize: statSync(path.join(FOLDER, name)).size },
      );
      assertFound(await site.get(`/metadata/${encodeURI(name)}`), "memory");
    });
  }
});

suite("URL parsing of wrangler dev", () => {
  for (const [raw, name] of [
    ["none/../landscape.jpg", "landscape.jpg"],
    ["none/%2e%2E/landscape.jpg", "landscape.jpg"],
    ["./landscape.jpg", "landscape.jpg"],
    ["gallery\\Gr%C3%B6%C3%9Fe%201.png", "gallery/Größe 1.png"],
    ["gallery%2FGr%C3%B6%C3%9Fe%201.png", "gallery/Größe 1.png"],
  ]) {
    test(`wrangler dev resolves ${raw} to ${name}`, async () => {
      assert.equal((await site.get(`/metadata/${raw}`)).json.path, name);
    });
  }

  for (const raw of ["gallery//a.png", "none%2F..%2Flandscape.jpg", "none/..%2Flandscape.jpg", "gallery%5Ca.png"]) {
    test(`Through wrangler dev ${raw} is refused`, async () => {
      assertProblem(await site.get(`/metadata/${raw}`), 400, "invalid-path");
    });
  }
});

suite("wrangler dev with a local R2 bucket", async () => {
  const long = await jpeg({ width: 7, before: segments(150_000) });
  const far = tiffWithTrailingDirectory(3_000_000);
  const svg = gzipSync('<svg width="40" height="30"/>');
  const objects = Object.fromEntries(samples.map(({ name }) => [name, { bytes: readFileSync(path.join(FOLDER, name)) }]));
  Object.assign(objects, {
    empty: { bytes: Buffer.alloc(0) },
    long: { bytes: long },
    far: { bytes: far },
    gzip: { bytes: svg, httpMetadata: { contentEncoding: "gzip" } },
    "image.svgz": { bytes: svg },
    br: { bytes: brotliCompressSync(long), httpMetadata: { contentEncoding: "br" } },
  });
  const bucket = await wranglerDev({ after }, { metadata: { originBucket: "IMAGES" }, objects });

  for (const { name, type } of samples) {
    test(`${name} in a local R2 bucket is read from its own header`, async () => {
      const { autoOrient: expected } = await sharp(path.join(FOLDER, name)).metadata();
      const answer = await bucket.get(`/metadata/${encodeURI(name)}`);
      assertFound(answer, "origin");
      const { width, height, mimeType, fileSize, source, etag } = answer.json.metadata;
      assert.deepEqual(
        { width, height, mimeType, fileSize, source },
        { width: expected.width, height: expected.height, mimeType: type, fileSize: objects[name].bytes.length, source: "image-header" },
      );
      assert.equal(etag, createHash("md5").update(objects[name].bytes).digest("hex"));
    });
  }

  test("A long header in a local R2 bucket is read to its end; an empty object is a 415, a missing one a 404", async () => {
    const { metadata } = (await bucket.get("/metadata/long")).json;
    assert.deepEqual([metadata.width, metadata.fileSize], [7, long.length]);
    assert.match(assertProblem(await bucket.get("/metadata/empty"), 415, "not-an-image").detail, /it is empty/);
    assertProblem(await bucket.get("/metadata/none"), 404, "not-found");
  });

  test("In a local R2 bucket a TIFF directory after the pixels is read by range, and gzip data are decoded", async () => {
    const metadataOf = async (name) => {
      const { width, height, format, fileSize } = (await bucket.get(`/metadata/${name}`)).json.metadata;
      return [width, height, format, fileSize];
    };
    assert.deepEqual(await metadataOf("far"), [40, 30, "tiff", far.length]);
    assert.deepEqual(await metadataOf("gzip"), [40, 30, "svg", undefined]);
    assert.deepEqual(await metadataOf("image.svgz"), [40, 30, "svg", svg.length]);
    assert.match(assertProblem(await bucket.get("/metadata/br"), 415, "not-an-image").detail, /Content-Encoding: br\./);
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { assertEightAtATime, assertFound, assertProblem } from "./harness/expect.mjs";
import { Turnstile } from "./harness/gate.mjs";
import { text } from "./harness/origin.mjs";
import { jpeg, segments, tiffWithTrailingDirectory } from "./harness/picture.mjs";
import { ORIGIN, deploy } from "./harness/site.mjs";

const PATH = "/metadata/image";
const KIB = 1_024;
const GZIP = { contentEncoding: "gzip" };
const fromBucket = { bucket: true, metadata: { originBucket: "IMAGES", errorTtl: 0 } };

/** An SVG whose root element follows a comment of about `before` bytes. */
const svg = (before = 0, width = 40) => Buffer.from(`<!--${"a long preamble ".repeat(before / 16)}--><svg width="${width}" height="30"/>`);
/** Bytes that gzip cannot compress. */
const noise = (length) => Buffer.from(Array.from({ length }, (_, n) => (Math.imul(n + 1, 0x9e3779b1) ^ Math.imul(n, n) * 7) >>> 13));
const ZSTD = Buffer.from("28b52ffd045841000089504e470d0a1a0a00000000", "hex");

const stored = async (t, bytes, httpFields) => {
  const site = await deploy(t, fromBucket);
  site.bucket.put("image", bytes, httpFields);
  return site;
};

const assertRefused = async (site, detail) => {
  const problem = assertProblem(await site.get(PATH), 415, "not-an-image");
  assert.match(problem.detail, detail);
  return problem;
};

suite("An object stored with Content-Encoding gzip", () => {
  for (const [name, contentEncoding] of [["gzip", "gzip"], ["GZIP", "GZIP"], ["x-gzip", "x-gzip"], ["aws-chunked", "gzip,aws-chunked"]]) {
    test(`An object stored with Content-Encoding ${name} is decoded, and its file size is unknown`, async (t) => {
      const site = await stored(t, gzipSync(svg()), { contentEncoding });
      const answer = await site.get(PATH);
      assertFound(answer, "origin");
      const { width, height, format, fileSize, etag } = answer.json.metadata;
      assert.deepEqual([width, height, format, fileSize], [40, 30, "svg", undefined]);
      assert.ok(etag);
      assert.deepEqual(site.bucket.gets.map(({ offset, length }) => [offset, length]), [[0, 64 * KIB]]);
    });
  }

  test("A gzipped object of another format than SVG is read", async (t) => {
    const site = await stored(t, gzipSync(await jpeg({ width: 7 })), GZIP);
    assert.equal((await site.get(PATH)).json.metadata.width, 7);
  });

  test("A gzipped SVG without a Content-Encoding is read as an .svgz file and has that file's size", async (t) => {
    const bytes = gzipSync(svg());
    const site = await stored(t, bytes);
    const { width, format, fileSize } = (await site.get(PATH)).json.metadata;
    assert.deepEqual([width, format, fileSize], [40, "svg", bytes.length]);
    const other = await stored(t, gzipSync(await jpeg()));
    await assertRefused(other, /format is not recognized/);
  });

  test("A gzipped object whose first chunk is not enough is read further, up to headerBytesMax", async (t) => {
    const segment = Buffer.concat([Buffer.from("ffe2ea62", "hex"), noise(60_000)]);
    const image = Buffer.concat([Buffer.from("ffd8", "hex"), segment, segment, segment, (await jpeg({ width: 7 })).subarray(2)]);
    const packed = gzipSync(image);
    assert.ok(packed.length > 100 * KIB, `${packed.length}`);
    const site = await stored(t, packed, GZIP);
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 7);
    const [first, second, ...more] = site.bucket.gets;
    assert.deepEqual([first.offset, first.length, first.etagMatches], [0, 64 * KIB, undefined]);
    assert.deepEqual([second.offset, second.offset + second.length, second.etagMatches], [64 * KIB, packed.length, answer.json.metadata.etag]);
    assert.deepEqual(more, []);
  });

  test("Gzipped objects beyond headerBytes are read only as far as there is memory for headerBytesMax of each", async (t) => {
    const site = await deploy(t, { bucket: true, metadata: { originBucket: "IMAGES", originTimeoutMs: 20_000 } });
    site.bucket.putEverywhere(gzipSync(noise(1_500_000)));
    const turnstile = new Turnstile();
    site.bucket.intercept(({ offset }) => (offset > 0 ? turnstile.pass() : undefined));
    const reads = Promise.all(Array.from({ length: 12 }, (_, n) => site.get(`/metadata/${n}.gz`)));
    await assertEightAtATime(site, turnstile, 12);
    for (const answer of await reads) assertProblem(answer, 415, "not-an-image");
  });

  test("A gzipped object is decoded up to headerBytesMax at most", async (t) => {
    for (const length of [2_000_000, 200 << 20]) {
      const site = await stored(t, await jpeg());
      await site.get("/metadata/image");
      site.bucket.put("bomb", gzipSync(Buffer.alloc(length, " ")), GZIP);
      const before = await site.memory();
      assert.match(assertProblem(await site.get("/metadata/bomb"), 415, "not-an-image").detail, /beyond headerBytesMax/);
      const grown = ((await site.memory()) - before) / 2 ** 20;
      t.diagnostic(`${length} bytes: ${grown.toFixed(1)} MiB`);
      assert.ok(grown < 20, `${grown} MiB`);
    }
    const site = await stored(t, gzipSync(tiffWithTrailingDirectory(2_000_000)), GZIP);
    await assertRefused(site, /beyond headerBytesMax/);
  });

  test("A gzipped SVG is found after a preamble of 900,000 bytes", async (t) => {
    const site = await stored(t, gzipSync(svg(900_000, 41)), GZIP);
    assert.equal((await site.get(PATH)).json.metadata.width, 41);
  });

  test("A gzipped object is refused if its data are damaged or end early", async (t) => {
    const packed = gzipSync(svg(1_600));
    const damaged = Buffer.from(packed);
    damaged[20] ^= 0xff;
    for (const bytes of [packed.subarray(0, 20), packed.subarray(0, packed.length - 1), damaged, Buffer.from("1f8b08"), svg(), gzipSync("")]) {
      const site = await stored(t, bytes, GZIP);
      await assertRefused(site, /gzip data are damaged, or end inside the header/);
    }
    const site = await stored(t, gzipSync(svg().subarray(0, 20)), GZIP);
    await assertRefused(site, /damaged, or end inside the header/);
  });

  test("A gzipped object that changes between two reads is read again from its beginning", async (t) => {
    const packed = gzipSync(Buffer.concat([Buffer.from("<!--"), noise(120_000).map((byte) => (byte === 45 ? 46 : byte)), Buffer.from("-->"), svg(0, 41)]));
    const site = await stored(t, packed, GZIP);
    let gets = 0;
    site.bucket.intercept(() => {
      if (++gets === 2) site.bucket.put("image", gzipSync(svg(0, 42)), GZIP);
    });
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 42);
  });
});

suite("An object with another Content-Encoding", () => {
  for (const [contentEncoding, bytes, detail] of [
    ["br", brotliCompressSync(svg()), /unsupported Content-Encoding: br\. Store it without one, or with gzip\./],
    ["zstd", ZSTD, /Content-Encoding: zstd/],
    ["deflate", deflateSync(svg()), /Content-Encoding: neither gzip, br nor zstd/],
    ["gzip, br", brotliCompressSync(gzipSync(svg())), /Content-Encoding: more than one/],
  ]) {
    test(`An object with Content-Encoding ${contentEncoding} is refused, and the detail names the encoding`, async (t) => {
      const site = await stored(t, bytes, { contentEncoding });
      await assertRefused(site, detail);
      assert.equal(site.bucket.gets.length, 1);
    });
  }

  for (const contentEncoding of ["identity", "", "aws-chunked"]) {
    test(`An object with the Content-Encoding '${contentEncoding}' is read unchanged`, async (t) => {
      const bytes = await jpeg({ width: 7 });
      const site = await stored(t, bytes, { contentEncoding });
      const { width, fileSize } = (await site.get(PATH)).json.metadata;
      assert.deepEqual([width, fileSize], [7, bytes.length]);
    });
  }
});

suite("An encoded image over HTTP", () => {
  const http = { metadata: { originUrl: ORIGIN, errorTtl: 0 } };
  const serve = (site, bytes, encoding) => {
    const headers = { "Content-Type": "image/any", ...(encoding && { "Content-Encoding": encoding }) };
    site.origin.on("/assets/image", text(bytes, { headers }));
  };

  for (const [encoding, bytes] of [["gzip", gzipSync(svg())], ["br", brotliCompressSync(svg())]]) {
    test(`The runtime decodes an image with Content-Encoding ${encoding}`, async (t) => {
      const site = await deploy(t, http);
      serve(site, bytes, encoding);
      const { width, fileSize } = (await site.get(PATH)).json.metadata;
      assert.deepEqual([width, fileSize], [40, undefined]);
    });
  }

  for (const [encoding, bytes, detail] of [
    ["zstd", ZSTD, /Content-Encoding: zstd/],
    ["deflate", deflateSync(svg()), /Content-Encoding: neither gzip, br nor zstd/],
    ["gzip, br", brotliCompressSync(gzipSync(svg())), /Content-Encoding: more than one/],
    [undefined, gzipSync(svg()), /it is gzip data, which are decoded only if their Content-Encoding is gzip/],
    ["x-gzip", gzipSync(svg()), /it is gzip data/],
    ["br", brotliCompressSync("a page"), /format is not recognized/],
  ]) {
    test(`An image that the runtime does not decode is refused: Content-Encoding ${encoding}, ${detail}`, async (t) => {
      const site = await deploy(t, http);
      serve(site, bytes, encoding);
      await assertRefused(site, detail);
    });
  }
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import test, { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { assertFound, assertProblem, assertStale } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { failure, flood, resizerError, text, truncated } from "./harness/origin.mjs";
import { jpeg, segments } from "./harness/picture.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat";
const ORIGIN_PATH = "/assets/photos/cat";
const KEY = "metadata:photos/cat";

const GB = 1024 ** 3;

/** A responder that serves these bytes. */
const serving = (bytes, headers = {}, status = 200) => text(bytes, { status, headers: { "Content-Type": "image/any", ...headers } });

async function metadataOf(site, responder) {
  site.origin.on(ORIGIN_PATH, responder);
  const answer = await site.get(PATH);
  assertFound(answer, "origin");
  return answer.json.metadata;
}

suite("An origin that returns the image instead of JSON", () => {
  test("Metadata are read from the origin's one response, and every layer returns the same", async (t) => {
    const site = await deploy(t);
    const bytes = await jpeg({ width: 40, height: 30, orientation: 6 });
    const expected = {
      path: "photos/cat",
      metadata: {
        width: 30,
        height: 40,
        format: "jpeg",
        mimeType: "image/jpeg",
        fileSize: bytes.length,
        orientation: 6,
        hasAlpha: false,
        animated: false,
        bitDepth: 8,
        colorSpace: "rgb",
        hasProfile: true,
        confidence: "high",
        source: "image-header",
      },
    };
    site.origin.on(ORIGIN_PATH, serving(bytes));
    const first = await site.get(PATH);
    assertFound(first, "origin");
    assert.deepEqual(first.json, expected);
    assert.equal(first.text, JSON.stringify(expected), "the fields in this order");
    const second = await site.get(PATH);
    assertFound(second, "memory");
    await site.kv.written(KEY);
    await site.restart();
    const third = await site.get(PATH);
    assertFound(third, "kv");
    assert.deepEqual([second.text, third.text], [first.text, first.text]);
    assert.deepEqual([second.etag, third.etag], [first.etag, first.etag]);
    assert.equal(site.origin.requests.length, 1);

    const { lastFetched, ...record } = site.kv.records.get(KEY).metadata;
    assert.ok(lastFetched > 0);
    assert.deepEqual(record, {
      width: 30,
      height: 40,
      format: "jpeg",
      confidence: "high",
      source: "image-header",
      fileSize: bytes.length,
      originalMetadata: { format: "image/jpeg" },
      orientation: 6,
      hasAlpha: false,
      animated: false,
      bitDepth: 8,
      colorSpace: "rgb",
      hasProfile: true,
      origin: "ed314fb4",
    });
  });

  for (const [name, format, width, height] of [
    ["landscape.jpg", "jpeg", 1600, 1067],
    ["portrait.png", "png", 600, 900],
    ["wide.webp", "webp", 2400, 800],
    ["photo.avif", "avif", 1200, 900],
    ["animation.gif", "gif", 320, 200],
  ]) {
    test(`The format ${format} is recognized by the first bytes, whatever the Content-Type`, async (t) => {
      const site = await deploy(t);
      const bytes = await readFile(path.join(root, "samples", name));
      const metadata = await metadataOf(site, serving(bytes, { "Content-Type": "application/octet-stream" }));
      assert.deepEqual(
        [metadata.format, metadata.width, metadata.height, metadata.fileSize],
        [format, width, height, bytes.length],
      );
    });
  }

  test("An image is not read beyond its header, and the connection is closed", async (t) => {
    const site = await deploy(t);
    const metadata = await metadataOf(site, flood(GB, { "Content-Type": "image/jpeg" }, await jpeg()));
    assert.deepEqual([metadata.width, metadata.height], [40, 30]);
    assert.equal(metadata.fileSize, undefined, "there is no Content-Length");
    await site.origin.disconnected(ORIGIN_PATH);
    const [{ sent }] = site.origin.requests;
    // At most what the socket buffers hold.
    assert.ok(sent < GB / 16, `${sent} bytes were sent`);
  });

  test("A header that continues is read further, up to headerBytesMax", async (t) => {
    const site = await deploy(t, { config: { headerBytes: 1024, headerBytesMax: 400_000, errorTtl: 0 } });
    for (const length of [900, 1100, 70_000, 399_000]) {
      const width = 1 + (length % 1000);
      const bytes = await jpeg({ width, before: segments(length) });
      site.origin.on(`/assets/${length}`, serving(bytes));
      const answer = await site.get(`/metadata/${length}`);
      assertFound(answer, "origin");
      assert.equal(answer.json.metadata.width, width);
    }
    site.origin.on(ORIGIN_PATH, serving(await jpeg({ before: segments(401_000) })));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /beyond headerBytesMax/);
    await site.kv.allWritten(4);
    assert.equal(site.kv.writes(KEY).length, 0);
  });

  test("The file size comes from Content-Length or Content-Range, unless the body is encoded or its size is unknown", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    const bytes = await jpeg();
    const size = async (responder) => (await metadataOf(site, responder)).fileSize;
    assert.equal(await size(serving(bytes)), bytes.length);
    assert.equal(await size(serving(gzipSync(bytes), { "Content-Encoding": "gzip" })), undefined);
    assert.equal(await size(serving(bytes, { "Content-Range": `bytes 0-${bytes.length - 1}/123456` }, 206)), 123456);
    assert.equal(await size(serving(bytes, { "Content-Range": `bytes 0-${bytes.length - 1}/*` }, 206)), undefined);
    site.origin.on(ORIGIN_PATH, serving(bytes, { "Content-Range": "bytes 7-100/123456" }, 206));
    assertProblem(await site.get(PATH), 502, "origin-error");
  });

  test("A rotated image is cropped as it is displayed", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, serving(await jpeg({ width: 400, height: 300, orientation: 8 })));
    const { metadata, aspectCrop, transform } = (await site.get(`${PATH}?aspect=1:1&focal=0.5,0`)).json;
    assert.deepEqual([metadata.width, metadata.height], [300, 400]);
    assert.deepEqual(aspectCrop, { width: 300, height: 300, hoffset: 0, voffset: 0 });
    assert.equal(transform, "trim=0;0;100;0,width=300,height=300,fit=cover");
  });
});

suite("A response that is not an image", () => {
  const html = "<!doctype html><title>hello</title>";
  const box = Buffer.concat([Buffer.from("\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x01free", "latin1"), Buffer.from("0000000280000000", "hex")]);
  for (const [what, responder, detail] of [
    ["an empty body", serving(""), /it is empty/],
    ["HTML", serving(html, { "Content-Type": "text/html" }), /format is not recognized/],
    ["HTML with an image's Content-Type", serving(html), /format is not recognized/],
    ["text that begins like a BMP", serving("BM is how a bitmap begins, and this is not one."), /malformed|ends inside/],
    ["a script that begins like a GIF", serving("GIF89a=1;alert(1)//"), /ends inside its header|malformed/],
    ["a PNG with an invalid header", serving(Buffer.from("89504e470d0a1a0a0000000d494844520000000100000001080600000000000000", "hex")), /malformed/],
    ["a video", serving(Buffer.from("\0\0\0\x14ftypisom\0\0\0\0isom", "latin1")), /format is not recognized/],
    ["a header that claims ten gigabytes", flood(10 * GB, { "Content-Type": "image/avif" }, box), /beyond headerBytesMax/],
    ["ten gigabytes of white space", flood(10 * GB, { "Content-Type": "image/png", "Content-Length": 10 * GB }), /beyond headerBytesMax/],
    ["an SVG without a size", serving("<svg xmlns='http://www.w3.org/2000/svg'/>"), /no viewBox and lacks a width or a height/],
    ["an image that ends inside its header", serving(Buffer.from("ffd8ffe0ffff", "hex")), /ends inside its header/],
    ["a resizer error for a file that is not an image", resizerError(9412, 415), /Check the path/],
  ]) {
    test(`The response to ${what} is a 415 that gives the reason, and is not stored`, async (t) => {
      const site = await deploy(t, { config: { errorTtl: 0 } });
      site.origin.on(ORIGIN_PATH, responder);
      assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, detail);
      assert.equal(site.origin.requests.length, 1, "it is not retried");
      assert.ok(site.origin.requests[0].sent < GB, "most of it was not read");
      site.origin.on(ORIGIN_PATH, serving(await jpeg()));
      assertFound(await site.get(PATH), "origin");
      await site.kv.written(KEY);
      assert.equal(site.kv.writes().length, 1);
    });
  }

  test("A stale record is served instead of a 415, because the body may be a maintenance page", async (t) => {
    const site = await deploy(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 0 } });
    site.origin.on(ORIGIN_PATH, serving(await jpeg()));
    await site.get(PATH);
    await site.kv.written(KEY);
    site.origin.on(ORIGIN_PATH, serving(html, { "Content-Type": "text/html" }));
    await site.clock.advance(2000);
    assertStale(await site.get(PATH), { path: "photos/cat" });
  });
});

test("An image whose connection breaks inside its header is a 502 after one retry", async (t) => {
  const site = await deploy(t);
  site.origin.on(ORIGIN_PATH, truncated((await jpeg()).subarray(0, 40)));
  assertProblem(await site.get(PATH), 502, "origin-unreachable");
  assert.equal(site.origin.requests.length, 2);
  site.origin.on(ORIGIN_PATH, failure(500));
});

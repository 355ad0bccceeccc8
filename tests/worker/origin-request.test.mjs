import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound } from "./harness/expect.mjs";
import { image, json, redirect } from "./harness/origin.mjs";
import { ORIGIN_KINDS } from "./harness/origin-kinds.mjs";
import { deploy } from "./harness/site.mjs";

/** Raw paths, and how they are encoded for the origin. */
const SEGMENTS = Object.entries({
  "a%20b.jpg": "a%20b.jpg",
  // A plus sign, which is not a space.
  "a+b.jpg": "a+b.jpg",
  "Gr%c3%b6%c3%9fe/%e7%8c%ab.png": "Gr%C3%B6%C3%9Fe/%E7%8C%AB.png",
  "a%3fwidth=1": "a%3Fwidth=1",
  "a%23b": "a%23b",
  // Some servers ignore what follows a semicolon in a segment.
  "a/..;/b": "a/..%3B/b",
  "100%25.jpg": "100%25.jpg",
  // An escape that was escaped.
  "%252e%252e/%252f": "%252e%252e/%252f",
  // Letters that need no escape.
  "%63%61%74.jpg": "cat.jpg",
  "%22%3c%3e%60%7b%7d%5b%5d%7c%5e.jpg": "%22%3C%3E%60%7B%7D%5B%5D%7C%5E.jpg",
  // Another host, and credentials, in front.
  "evil.test:80/x": "evil.test:80/x",
  "@evil.test/x": "@evil.test/x",
});

/** The options for images in `cf`. */
const imageOptions = (cf) => (cf?.image ? cf : undefined);

for (const kind of ORIGIN_KINDS) {
  suite(`The request to ${kind.name}`, () => {
    test(`A request to ${kind.name} is a GET, with ${kind.cf ? "format=json as its only cf option" : "no cf option for images"}`, async (t) => {
      const site = await kind.deploy(t);
      assertFound(await site.get(kind.path("photos/cat.jpg")), "origin");
      assert.deepEqual(kind.asked(site), [kind.expected("photos/cat.jpg")]);
      for (const { method, cf } of site.origin.requests) assert.deepEqual([method, imageOptions(cf)], ["GET", kind.cf]);
    });

    test(`A request to ${kind.name} has no header, cookie, host or query of the client`, async (t) => {
      const site = await kind.deploy(t);
      const headers = {
        Host: "evil.test",
        Cookie: "session=1",
        Authorization: "Bearer secret",
        Accept: "image/webp",
        "Accept-Language": "de",
        "User-Agent": "client",
        "If-None-Match": '"x"',
        "If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT",
        Range: "bytes=0-1",
        "X-Forwarded-Host": "evil.test",
        "X-Amz-Security-Token": "client",
        "CF-Connecting-IP": "203.0.113.1",
        "Cache-Control": "no-cache",
      };
      assertFound(await site.get(`${kind.path("photos/cat.jpg")}?width=1&token=secret&v=3`, headers), "origin");
      assert.deepEqual(kind.asked(site), [kind.expected("photos/cat.jpg")]);
      for (const request of site.origin.requests) {
        const passedOn = Object.entries(headers).filter(([name, value]) => request.headers[name.toLowerCase()] === value);
        assert.deepEqual(passedOn, []);
      }
      for (const get of site.bucket?.gets ?? []) assert.deepEqual([get.offset, get.etagMatches], [0, undefined]);
    });

    test(`A HEAD request sends the same GET to ${kind.name}`, async (t) => {
      const site = await kind.deploy(t);
      await site.request("HEAD", kind.path("photos/cat.jpg"));
      assert.deepEqual(kind.asked(site), [kind.expected("photos/cat.jpg")]);
      for (const { method, cf } of site.origin.requests) assert.deepEqual([method, imageOptions(cf)], ["GET", kind.cf]);
    });

    if (kind.url) {
      test(`A redirect within ${kind.name} is followed with the same request`, async (t) => {
        const site = await kind.deploy(t);
        site.origin.on(new URL(kind.expected("old.jpg")).pathname, redirect("new.jpg", 301));
        assertFound(await site.get(kind.path("old.jpg")), "origin");
        assert.deepEqual(kind.asked(site), [kind.expected("old.jpg"), kind.expected("new.jpg")]);
        for (const { method, cf } of site.origin.requests) assert.deepEqual([method, imageOptions(cf)], ["GET", kind.cf]);
      });
    }

    test(`A request to ${kind.name} encodes each segment again`, async (t) => {
      const site = await kind.deploy(t);
      for (const [raw, encoded] of SEGMENTS) {
        assertFound(await site.get(kind.path(raw)), "origin");
        assert.equal(kind.asked(site).at(-1), kind.expected(encoded));
      }
      assert.equal(kind.asked(site).length, SEGMENTS.length);
    });
  });
}

suite("The URL of the request to the origin", () => {
  for (const [originUrl, url] of [
    ["https://images.test", "https://images.test/cat.jpg"],
    ["https://images.test/", "https://images.test/cat.jpg"],
    ["http://images.test:8080/a/b/", "http://images.test:8080/a/b/cat.jpg"],
    ["https://images.test/a%20b", "https://images.test/a%20b/cat.jpg"],
  ]) {
    test(`With originUrl = ${originUrl} the origin request is for ${url}`, async (t) => {
      const site = await deploy(t, { config: { originUrl } });
      assertFound(await site.get("/metadata/cat.jpg"), "origin");
      assert.equal(site.origin.requests[0].url, url);
    });
  }
});

suite("The origin's JSON", () => {
  test("The original's dimensions are used, not the resized ones", async (t) => {
    const site = await deploy(t);
    site.origin.on(
      "/assets/a",
      json({ width: 640, height: 360, original: { file_size: 101031, width: 1280, height: 720, format: "image/png" } }),
    );
    const { metadata } = (await site.get("/metadata/a")).json;
    assert.deepEqual(metadata, {
      width: 1280,
      height: 720,
      format: "png",
      mimeType: "image/png",
      fileSize: 101031,
      confidence: "high",
      source: "format-json",
    });
  });

  for (const [what, body] of [
    ["width and height", { width: 3, height: 2, naturalWidth: 9, naturalHeight: 9 }],
    ["naturalWidth and naturalHeight", { naturalWidth: 3, naturalHeight: 2, originalWidth: 9, originalHeight: 9 }],
    ["originalWidth and originalHeight", { originalWidth: 3, originalHeight: 2 }],
  ]) {
    test(`${what} are used if there is no original`, async (t) => {
      const site = await deploy(t);
      site.origin.on("/assets/a", json(body));
      const { width, height } = (await site.get("/metadata/a")).json.metadata;
      assert.deepEqual([width, height], [3, 2]);
    });
  }

  for (const [type, format, mimeType = type] of [
    ["image/jpeg", "jpeg"],
    ["image/png", "png"],
    ["image/webp", "webp"],
    ["image/avif", "avif"],
    ["image/gif", "gif"],
    ["image/svg+xml", "svg"],
    ["image/heic", "heic"],
    ["image/jxl", "jxl"],
    ["image/bmp", "bmp"],
    ["image/tiff", "tiff"],
    ["IMAGE/JPEG", "jpeg", "image/jpeg"],
    ["image/unheard-of", undefined, undefined],
    ["", undefined, undefined],
  ]) {
    test(`The media type '${type}' is the format ${format ?? "unknown, and is not guessed"}`, async (t) => {
      const site = await deploy(t);
      site.origin.on("/assets/a.jpg", image({ format: type }));
      const { metadata } = (await site.get("/metadata/a.jpg")).json;
      assert.deepEqual([metadata.format, metadata.mimeType], [format, format && mimeType]);
      assert.equal("format" in metadata, format !== undefined);
    });
  }

  test("A width of 2^31 - 1 is accepted", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/a", image({ width: 2 ** 31 - 1, height: 1 }));
    assert.equal((await site.get("/metadata/a")).json.metadata.width, 2147483647);
  });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test, { suite } from "node:test";
import { assertFound, assertProblem, bodyOf } from "./harness/expect.mjs";
import { failure, image, json } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { deploy, ORIGIN } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
/** The record of an earlier version, which has no origin. */
const golden = (ms) =>
  `{"width":4000,"height":3000,"format":"jpeg","lastFetched":${ms},"confidence":"high","source":"format-json","fileSize":123456,"originalMetadata":{"format":"image/jpeg"}}`;

suite("The record written to KV", () => {
  test("The golden record is written to the key's metadata, with an empty value", async (t) => {
    const site = await deploy(t, { clock: true });
    const now = 1_790_000_000_000;
    await site.clock.freeze(now);
    await site.get(PATH);
    const { metadataText, value, expirationTtl } = await site.kv.written(KEY);
    // printf %s url:https://images.test/assets | sha256sum | head -c 8
    assert.equal(metadataText, golden(now).replace(/}$/, ',"origin":"ed314fb4"}'));
    assert.equal(value, "");
    assert.equal(expirationTtl, 86_400 + 86_400);
  });

  test("A record omits unknown fields", async (t) => {
    const site = await deploy(t, { clock: true });
    await site.clock.freeze(1_790_000_000_000);
    site.origin.on("/assets/x", json({ width: 3, height: 2 }));
    assert.deepEqual((await site.get("/metadata/x")).json, {
      path: "x",
      metadata: { width: 3, height: 2, confidence: "high", source: "format-json" },
    });
    const { metadataText } = await site.kv.written("metadata:x");
    assert.equal(metadataText, '{"width":3,"height":2,"lastFetched":1790000000000,"confidence":"high","source":"format-json","origin":"ed314fb4"}');
  });

  for (const [config, expected] of [
    [{ kvCacheTtl: 100, staleWhileRevalidate: 500, staleIfError: 200 }, 600],
    [{ kvCacheTtl: 100, staleWhileRevalidate: 200, staleIfError: 500 }, 600],
    [{ kvCacheTtl: 60, staleWhileRevalidate: 0, staleIfError: 0 }, 60],
  ]) {
    test(`A record expires at the end of its last window: ${JSON.stringify(config)}`, async (t) => {
      const site = await deploy(t, { config });
      await site.get(PATH);
      assert.equal((await site.kv.written(KEY)).expirationTtl, expected);
    });
  }
});

suite("The record read from KV", () => {
  test("KV is read with kvReadCacheTtl", async (t) => {
    const site = await deploy(t, { config: { kvReadCacheTtl: 77 } });
    await site.get(PATH);
    assert.equal(site.kv.reads(KEY)[0].cacheTtl, 77);
  });

  test("A record of the earlier service in the key's metadata is a hit and is not rewritten", async (t) => {
    const site = await deploy(t);
    const fetched = Date.now() - 1_000_000;
    site.kv.seed(KEY, { value: "", metadata: JSON.parse(golden(fetched)) });
    const answer = await site.get(PATH);
    assertFound(answer, "kv");
    assert.deepEqual(answer.json, bodyOf("photos/cat.jpg"));
    assert.ok(answer.age >= 1000 && answer.age <= 1002, `Metadata-Age ${answer.age}`);
    assertFound(await site.get(PATH), "memory");
    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [0, 0]);
  });

  test("A legacy record in the value is a hit, and its refresh writes it to the key's metadata", async (t) => {
    const site = await deploy(t, { clock: true });
    const fetched = site.clock.now() - 1_000_000;
    site.kv.seed(KEY, { value: golden(fetched) });
    const answer = await site.get(PATH);
    assertFound(answer, "kv");
    assert.deepEqual(answer.json, bodyOf("photos/cat.jpg"));
    assert.ok(answer.age >= 1000 && answer.age <= 1002, `Metadata-Age ${answer.age}`);

    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [0, 0]);

    await site.restart();
    await site.clock.advance(86_400);
    const stale = await site.get(PATH);
    assertFound(stale, "kv");
    assert.ok(stale.cacheStatus.ttl < 0);
    const rewritten = await site.kv.written(KEY);
    assert.match(rewritten.metadataText, /"origin":"ed314fb4"}$/);
    assert.equal(rewritten.value, "");
  });

  test("A record in either form gives the same body and ETag as the origin", async (t) => {
    const site = await deploy(t);
    const fetched = await site.get(PATH);
    for (const record of [{ value: golden(Date.now()) }, { metadata: JSON.parse(golden(Date.now())) }]) {
      await site.restart();
      site.kv.seed(KEY, record);
      const read = await site.get(PATH);
      assertFound(read, "kv");
      assert.deepEqual([read.text, read.etag], [fetched.text, fetched.etag]);
    }
  });

  test("Unknown fields of a record are ignored", async (t) => {
    const site = await deploy(t);
    site.kv.seed(KEY, { metadata: { ...JSON.parse(golden(Date.now())), aspectRatio: 1.33, exif: { camera: "x" } } });
    const answer = await site.get(PATH);
    assertFound(answer, "kv");
    assert.deepEqual(answer.json, bodyOf("photos/cat.jpg"));
  });

  test("A record with originalDimensions gives those, not the resized ones", async (t) => {
    const site = await deploy(t);
    site.kv.seed(KEY, {
      metadata: { ...JSON.parse(golden(Date.now())), width: 640, height: 480, originalDimensions: { width: 4000, height: 3000 } },
    });
    assert.deepEqual((await site.get(PATH)).json, bodyOf("photos/cat.jpg"));
  });

  test("Records are read from the binding that kvNamespace names", async (t) => {
    const site = await deploy(t, { kvBinding: "SIZES", config: { kvNamespace: "SIZES" } });
    site.kv.seed(KEY, { metadata: JSON.parse(golden(Date.now())) });
    assertFound(await site.get(PATH), "kv");
  });
});

suite("The origin of a record", () => {
  const moved = { originUrl: "https://moved.test" };
  const OTHER = { ...JSON.parse(golden(0)), width: 77, origin: "00000000" };

  test("After originUrl has changed the image is fetched from the new origin, and its record overwrites the old one", async (t) => {
    const site = await deploy(t, { config: moved });
    site.kv.seed(KEY, { metadata: { ...OTHER, origin: "ed314fb4", lastFetched: Date.now() } });
    assertFound(await site.get(PATH), "origin");
    assert.deepEqual(
      site.origin.requests.map(({ url }) => url),
      ["https://moved.test/photos/cat.jpg"],
    );
    const { metadataText } = await site.kv.written(KEY);
    assert.match(metadataText, /"width":4000,.*"origin":"[0-9a-f]{8}"}$/);
    assert.doesNotMatch(metadataText, /ed314fb4/);
    await site.restart();
    assertFound(await site.get(PATH), "kv");
  });

  test("Another origin's record is not served when the origin fails, and a 404 deletes it", async (t) => {
    const site = await deploy(t, { config: { errorTtl: 0 } });
    site.kv.seed(KEY, { metadata: { ...OTHER, lastFetched: Date.now() } });
    site.origin.on("/assets/photos/cat.jpg", failure(500));
    assertProblem(await site.get(PATH), 502, "origin-error");
    site.origin.on("/assets/photos/cat.jpg", failure(404));
    assertProblem(await site.get(PATH), 404, "not-found");
    await site.kv.received("delete", KEY);
  });

  test("A batch does not serve another origin's record", async (t) => {
    const site = await deploy(t);
    site.kv.seed("metadata:a", { metadata: { ...OTHER, lastFetched: Date.now() } });
    site.kv.seed("metadata:b", { metadata: { ...OTHER, origin: "ed314fb4", lastFetched: Date.now() } });
    const { json } = await site.request("POST", "/metadata", { body: '{"paths":["a","b"]}' });
    assert.deepEqual(
      json.results.map(({ metadata }) => metadata.width),
      [4000, 77],
    );
  });

  test("A bucket's record is served only while the bucket is configured", async (t) => {
    // printf %s bucket:IMAGES | sha256sum | head -c 8
    const record = { metadata: { ...OTHER, origin: "e21cfdb0", lastFetched: Date.now() } };
    const both = await deploy(t, { bucket: true, metadata: { originBucket: "IMAGES", originUrl: ORIGIN } });
    const url = await deploy(t);
    for (const site of [both, url]) site.kv.seed(KEY, record);
    assertFound(await both.get(PATH), "kv");
    assertFound(await url.get(PATH), "origin");
  });

  test("A record fetched from a bucket has the bucket as its origin", async (t) => {
    const site = await deploy(t, { bucket: true, metadata: { originBucket: "IMAGES", originUrl: ORIGIN } });
    site.bucket.put("photos/cat.jpg", await jpeg());
    assertFound(await site.get(PATH), "origin");
    assert.equal(JSON.parse((await site.kv.written(KEY)).metadataText).origin, "e21cfdb0");
  });
});

suite("The KV key", () => {
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  const long = `photos/${"x".repeat(600)}.jpg`;

  test("The key is the decoded path", async (t) => {
    const site = await deploy(t);
    await site.get("/metadata/a%20b/Gr%C3%B6%C3%9Fe%3f%25.png");
    await site.kv.written("metadata:a b/Größe?%.png");
    assert.deepEqual(
      site.kv.reads().map((read) => read.key),
      ["metadata:a b/Größe?%.png"],
    );
  });

  test("The key of a path too long for KV is its SHA-256, for reads and writes", async (t) => {
    const site = await deploy(t);
    assertFound(await site.get(`/metadata/${long}`), "origin");
    const key = `metadata:sha256:${sha256(long)}`;
    await site.kv.written(key);
    assert.deepEqual(
      site.kv.reads().map((read) => read.key),
      [key],
    );
    await site.restart();
    assertFound(await site.get(`/metadata/${long}`), "kv");
  });

  test("The key is the path itself up to KV's limit of 512 bytes of UTF-8", async (t) => {
    const site = await deploy(t);
    const fits = `${"ö".repeat(251)}x`; // 9 bytes of prefix, 503 of path
    const tooLong = "ö".repeat(252);
    for (const path of [fits, tooLong]) assertFound(await site.get(`/metadata/${encodeURIComponent(path)}`), "origin");
    assert.deepEqual(
      site.kv.reads().map((read) => read.key),
      [`metadata:${fits}`, `metadata:sha256:${sha256(tooLong)}`],
    );
  });

  test("Two long paths with a common prefix have different keys", async (t) => {
    const site = await deploy(t);
    site.origin.on(`/assets/${long}1`, image({ width: 1 }));
    site.origin.on(`/assets/${long}2`, image({ width: 2 }));
    for (const n of [1, 2, 1, 2]) assert.equal((await site.get(`/metadata/${long}${n}`)).json.metadata.width, n);
  });
});

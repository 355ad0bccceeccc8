import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale, bodyOf, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { ORIGIN, deploy } from "./harness/site.mjs";
import { failure } from "./harness/origin.mjs";
import { jpeg, segments } from "./harness/picture.mjs";

const PATH = "/metadata/photos/Gr%C3%B6%C3%9Fe%201.jpg";
const OBJECT = "photos/Größe 1.jpg";
const KEY = `metadata:${OBJECT}`;

/** The options of a site with a bucket only, and of one with a bucket and an origin. */
const bucketOnly = { bucket: true, metadata: { originBucket: "IMAGES", errorTtl: 0, negativeTtl: 0 } };
const bucketAndOrigin = { bucket: true, metadata: { originBucket: "IMAGES", originUrl: ORIGIN } };

suite("A bucket without an origin", () => {
  test("The beginning of the object at the decoded path is read from the bucket", async (t) => {
    const site = await deploy(t, bucketOnly);
    const bytes = await jpeg({ width: 400, height: 300 });
    const etag = site.bucket.put(OBJECT, bytes);
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    const { source, fileSize, etag: metadataEtag, width, height } = answer.json.metadata;
    assert.deepEqual([source, fileSize, metadataEtag, width, height], ["image-header", bytes.length, etag, 400, 300]);
    assert.deepEqual(site.bucket.gets, [{ key: OBJECT, offset: 0, length: 65_536, etagMatches: undefined }]);
    assert.equal(site.origin.requests.length, 0);
    await site.kv.written(KEY);
    assert.equal(site.kv.records.get(KEY).metadata.etag, etag);
    await site.restart();
    assert.equal((await site.get(PATH)).text, answer.text);
    assert.equal(site.bucket.gets.length, 1);
  });

  test("More of the same object is read if the header continues", async (t) => {
    const site = await deploy(t, bucketOnly);
    const etag = site.bucket.put(OBJECT, await jpeg({ width: 7, before: segments(150_000) }));
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 7);
    const [first, ...more] = site.bucket.gets;
    assert.equal(first.etagMatches, undefined);
    let end = first.length;
    for (const { offset, length, etagMatches } of more) {
      assert.deepEqual([offset, etagMatches], [end, etag]);
      end += length;
    }
    assert.ok(more.length <= 2 && end < 300_000, `${more.length} more, ${end} bytes`);
  });

  test("Reading starts again if the object changes between two reads", async (t) => {
    const site = await deploy(t, bucketOnly);
    site.bucket.put(OBJECT, await jpeg({ width: 7, before: segments(150_000) }));
    const changed = await jpeg({ width: 9, before: segments(150_000) });
    let gets = 0;
    site.bucket.intercept(() => {
      if (++gets === 2) site.bucket.put(OBJECT, changed);
    });
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 9);
  });

  test("A missing object is a 404; an empty one, or one that is not an image, is a 415", async (t) => {
    const site = await deploy(t, bucketOnly);
    assertProblem(await site.get(PATH), 404, "not-found");
    site.bucket.put(OBJECT, Buffer.from('{"width":640,"height":480}'));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /format is not recognized/);
    site.bucket.put(OBJECT, Buffer.alloc(0));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /it is empty/);
    assert.equal(site.kv.writes().length, 0);
  });

  test("A herd of 200 requests costs one read of the bucket", async (t) => {
    const site = await deploy(t, bucketOnly);
    site.bucket.put(OBJECT, await jpeg());
    const gate = new Gate();
    site.bucket.intercept((operation) => gate.pass(operation));
    const herd = await site.herd(200, PATH);
    await gate.arrived();
    gate.open();
    const answers = await herd.answers;
    assert.deepEqual(tally(answers, (a) => a.status), { 200: 200 });
    assert.equal(site.bucket.gets.length, 1);
  });

  test("A failing bucket is retried once and reported as a 502 without its own message", async (t) => {
    const site = await deploy(t, bucketOnly);
    site.bucket.intercept(() => ({ status: 500, code: 10001 }));
    const problem = assertProblem(await site.get(PATH), 502, "origin-unreachable");
    assert.doesNotMatch(problem.detail, /own words|10001/);
    assert.equal(site.bucket.gets.length, 2);
    site.bucket.intercept(undefined);
    site.bucket.put(OBJECT, await jpeg());
    assertFound(await site.get(PATH), "origin");
  });

  test("A read that hangs times out after originTimeoutMs", async (t) => {
    const metadata = { ...bucketOnly.metadata, originTimeoutMs: 200 };
    const site = await deploy(t, { ...bucketOnly, metadata });
    site.bucket.intercept(() => ({ hang: true }));
    assertProblem(await site.get(PATH), 504, "origin-timeout");
  });

  test("A stale record is served if the bucket fails", async (t) => {
    const metadata = { ...bucketOnly.metadata, kvCacheTtl: 1000, staleWhileRevalidate: 0 };
    const site = await deploy(t, { ...bucketOnly, clock: true, metadata });
    site.bucket.put(OBJECT, await jpeg());
    await site.get(PATH);
    await site.kv.written(KEY);
    site.bucket.intercept(() => ({ status: 500, code: 10001 }));
    await site.clock.advance(2000);
    assertStale(await site.get(PATH), { path: OBJECT });
  });
});

suite("A bucket and an origin", () => {
  test("The bucket is used if it has the image, and the origin otherwise", async (t) => {
    const site = await deploy(t, bucketAndOrigin);
    site.bucket.put("a", await jpeg({ width: 7 }));
    assert.equal((await site.get("/metadata/a")).json.metadata.source, "image-header");
    assert.equal(site.origin.requests.length, 0);
    const fallback = await site.get("/metadata/b");
    assertFound(fallback, "origin");
    assert.deepEqual(fallback.json, bodyOf("b"));
    assert.deepEqual(site.bucket.gets.map(({ key }) => key), ["a", "b"]);
  });

  test("An image that neither the bucket nor the origin has is a 404 after asking both", async (t) => {
    const site = await deploy(t, bucketAndOrigin);
    site.origin.on(failure(404));
    assertProblem(await site.get(PATH), 404, "not-found");
    assert.deepEqual([site.bucket.gets.length, site.origin.requests.length], [1, 1]);
  });

  test("A failing bucket is a 502, not a fallback to the origin, which may lack the image", async (t) => {
    const site = await deploy(t, bucketAndOrigin);
    site.origin.on(failure(404));
    site.bucket.intercept(() => ({ status: 500, code: 10001 }));
    assertProblem(await site.get(PATH), 502, "origin-unreachable");
    assert.equal(site.origin.requests.length, 0);
  });
});

suite("The setting originBucket", () => {
  for (const [what, bucket, originBucket] of [
    ["a binding that does not exist", false, "IMAGES"],
    ["another kind of binding", true, "IMAGE_METADATA_CACHE"],
  ]) {
    test(`An originBucket that names ${what} is a configuration error`, async (t) => {
      const site = await deploy(t, { bucket, metadata: { originBucket } });
      const { detail } = assertProblem(await site.get(PATH), 500, "configuration-error");
      assert.match(detail, /'originBucket' names \w+, but no R2 bucket is bound to this Worker under that name/);
    });
  }
});

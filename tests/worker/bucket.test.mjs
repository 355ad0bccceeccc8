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

/** A site whose images are in a bucket alone, or in one before an origin. */
const alone = { bucket: true, metadata: { originBucket: "IMAGES", errorTtl: 0, negativeTtl: 0 } };
const before = { bucket: true, metadata: { originBucket: "IMAGES", originUrl: ORIGIN } };

suite("a bucket instead of an origin", () => {
  test("is asked for the beginning of the object at the decoded path", async (t) => {
    const site = await deploy(t, alone);
    const bytes = await jpeg({ width: 400, height: 300 });
    const etag = site.bucket.put(OBJECT, bytes);
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    const { source, fileSize, etag: told, width, height } = answer.json.metadata;
    assert.deepEqual({ source, fileSize, told, width, height }, { source: "image-header", fileSize: bytes.length, told: etag, width: 400, height: 300 });
    assert.deepEqual(site.bucket.gets, [{ key: OBJECT, offset: 0, length: 65_536, etagMatches: undefined }]);
    assert.equal(site.origin.requests.length, 0);
    await site.kv.written(KEY);
    assert.equal(site.kv.records.get(KEY).metadata.etag, etag);
    await site.restart();
    assert.equal((await site.get(PATH)).text, answer.text);
    assert.equal(site.bucket.gets.length, 1);
  });

  test("is asked for more of the same object where the header goes on", async (t) => {
    const site = await deploy(t, alone);
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

  test("begins again where the object has changed in between", async (t) => {
    const site = await deploy(t, alone);
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

  test("says 404 for what is not there, and 415 for what is no image or empty", async (t) => {
    const site = await deploy(t, alone);
    assertProblem(await site.get(PATH), 404, "not-found");
    site.bucket.put(OBJECT, Buffer.from('{"width":640,"height":480}'));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /format is not recognized/);
    site.bucket.put(OBJECT, Buffer.alloc(0));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /it is empty/);
    assert.equal(site.kv.writes().length, 0);
  });

  test("is asked once by a herd", async (t) => {
    const site = await deploy(t, alone);
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

  test("that fails is asked once more, and told as 502 without its own words", async (t) => {
    const site = await deploy(t, alone);
    site.bucket.intercept(() => ({ status: 500, code: 10001 }));
    const problem = assertProblem(await site.get(PATH), 502, "origin-unreachable");
    assert.doesNotMatch(problem.detail, /own words|10001/);
    assert.equal(site.bucket.gets.length, 2);
    site.bucket.intercept(undefined);
    site.bucket.put(OBJECT, await jpeg());
    assertFound(await site.get(PATH), "origin");
  });

  test("that hangs is given up after originTimeoutMs", async (t) => {
    const metadata = { ...alone.metadata, originTimeoutMs: 200 };
    const site = await deploy(t, { ...alone, metadata });
    site.bucket.intercept(() => ({ hang: true }));
    assertProblem(await site.get(PATH), 504, "origin-timeout");
  });

  test("that fails lets a stale record stand in", async (t) => {
    const metadata = { ...alone.metadata, kvCacheTtl: 1000, staleWhileRevalidate: 0 };
    const site = await deploy(t, { ...alone, clock: true, metadata });
    site.bucket.put(OBJECT, await jpeg());
    await site.get(PATH);
    await site.kv.written(KEY);
    site.bucket.intercept(() => ({ status: 500, code: 10001 }));
    await site.clock.advance(2000);
    assertStale(await site.get(PATH), { path: OBJECT });
  });
});

suite("a bucket before an origin", () => {
  test("wins where it has the image, and is passed over where it has not", async (t) => {
    const site = await deploy(t, before);
    site.bucket.put("a", await jpeg({ width: 7 }));
    assert.equal((await site.get("/metadata/a")).json.metadata.source, "image-header");
    assert.equal(site.origin.requests.length, 0);
    const fallback = await site.get("/metadata/b");
    assertFound(fallback, "origin");
    assert.deepEqual(fallback.json, bodyOf("b"));
    assert.deepEqual(site.bucket.gets.map(({ key }) => key), ["a", "b"]);
  });

  test("leaves it to the origin to say that neither has it", async (t) => {
    const site = await deploy(t, before);
    site.origin.on(failure(404));
    assertProblem(await site.get(PATH), 404, "not-found");
    assert.deepEqual([site.bucket.gets.length, site.origin.requests.length], [1, 1]);
  });

  test("does not hide behind the origin that it fails: the origin may not have what it has", async (t) => {
    const site = await deploy(t, before);
    site.origin.on(failure(404));
    site.bucket.intercept(() => ({ status: 500, code: 10001 }));
    assertProblem(await site.get(PATH), 502, "origin-unreachable");
    assert.equal(site.origin.requests.length, 0);
  });
});

suite("the setting originBucket", () => {
  for (const [what, bucket, originBucket] of [
    ["names what is not bound", false, "IMAGES"],
    ["names another kind of binding", true, "IMAGE_METADATA_CACHE"],
  ]) {
    test(`is a configuration error where it ${what}`, async (t) => {
      const site = await deploy(t, { bucket, metadata: { originBucket } });
      const { detail } = assertProblem(await site.get(PATH), 500, "configuration-error");
      assert.match(detail, /'originBucket' must be the name of an R2 bucket that is bound/);
    });
  }
});

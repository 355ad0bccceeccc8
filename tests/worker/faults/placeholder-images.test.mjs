import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem } from "../harness/expect.mjs";
import { failure, flood, inSequence, noResponse, ranged, redirect } from "../harness/origin.mjs";
import { jpeg } from "../harness/picture.mjs";
import { deploy } from "../harness/site.mjs";
import { plain, png } from "../harness/tiny-picture.mjs";

const MB = 1024 * 1024;
const KINDS = ["thumbhash", "color"];
const ORIGINS = [
  { prefix: "bucket", bucket: "IMAGES" },
  { prefix: "service", service: "FILES" },
  { prefix: "http", url: "https://files.test", probe: "header" },
];
const file = await jpeg({ width: 40, height: 30, orientation: 6 });
const orange = await plain("#ff8000", 4, 3);
const NONE = { thumbhash: null, color: null };
const ABSENT = { thumbhash: undefined, color: undefined };
const fieldsOf = ({ thumbhash, color }) => ({ thumbhash, color });

/** Deploys a site with all origins that have no resizer, whose images are all the same file. */
async function deployWith(t, { config, ...options } = {}) {
  const settings = { placeholders: KINDS, imagesBinding: "RESIZER", origins: ORIGINS, logLevel: "debug", ...config };
  const site = await deploy(t, { bucket: true, service: true, images: true, config: settings, ...options });
  site.bucket.putEverywhere(file);
  site.origin.on(ranged(file));
  return site;
}

/** Looks up an image that gets no placeholder, and asserts what is returned, stored and logged. */
async function assertFails(site, path, isForNow, cause) {
  const answer = await site.get(`/metadata/${path}?placeholder=data-url`);
  assertFound(answer, "origin");
  assert.deepEqual(fieldsOf(answer.json.metadata), ABSENT);
  assert.deepEqual([answer.json.metadata.width, answer.json.placeholder], [30, undefined]);
  const key = `metadata:${path}`;
  await site.kv.written(key);
  const { metadata } = site.kv.records.get(key);
  assert.deepEqual([fieldsOf(metadata), "color" in metadata], isForNow ? [ABSENT, false] : [NONE, true]);
  const { ttl } = (await site.get(`/metadata/${path}`)).cacheStatus;
  assert.ok(isForNow ? ttl >= 290 && ttl <= 300 : ttl > 80_000, `ttl ${ttl}`);
  if (!cause) return;
  const entry = await site.logged({ event: "placeholder-failure", path, level: isForNow ? "warn" : "debug" });
  assert.match(entry.cause, cause);
}

suite("Pictures by the Images binding", () => {
  for (const { prefix } of ORIGINS) {
    test(`The whole file of an image of the kind ${prefix} is sent to the Images binding, with these options`, async (t) => {
      const site = await deployWith(t);
      const { metadata, placeholder } = (await site.get(`/metadata/${prefix}/a%20b.jpg?placeholder=data-url`)).json;
      assert.deepEqual([metadata.width, metadata.height, metadata.color], [30, 40, "#808080"]);
      assert.ok(placeholder.dataUrl);
      const [{ file: sent, ...options }] = site.images.transformations;
      assert.deepEqual(options, { transforms: [{ imageIndex: 0, width: 100, height: 100, fit: "scale-down" }], format: "image/png", anim: "false" });
      assert.deepEqual(sent, file);
      assert.equal(site.images.transformations.length, 1);
      for (const { cf } of site.origin.requests) assert.equal(cf?.image, undefined);
    });
  }

  test("An image that the resizer passes through is sent to the Images binding", async (t) => {
    const site = await deployWith(t);
    const { metadata } = (await site.get("/metadata/a.jpg")).json;
    assert.deepEqual([metadata.source, metadata.color], ["image-header", "#808080"]);
    assert.deepEqual(
      site.origin.requests.map(({ url, cf }) => [url, cf?.image]),
      [{ format: "json" }, undefined].map((image) => ["https://images.test/assets/a.jpg", image]),
    );
  });

  test("A private file is requested with its secret headers, and never cached on its way to the Images binding", async (t) => {
    const origins = [{ prefix: "private", url: "https://private.test", headersSecret: "HEADERS" }];
    const site = await deployWith(t, { config: { origins }, env: { HEADERS: '{"X-API-Key":"hidden"}' } });
    assert.equal((await site.get("/metadata/private/a.jpg")).json.metadata.color, "#808080");
    const [, { headers }] = site.origin.requests;
    assert.deepEqual([headers["x-api-key"], headers["cache-control"], headers.range], ["hidden", "no-cache", undefined]);
  });

  test("Without the Images binding, files have no placeholder and are requested once, and their records do not say that they can have none", async (t) => {
    const site = await deployWith(t, { config: { imagesBinding: undefined } });
    for (const { prefix } of ORIGINS) {
      const path = `${prefix}/a.jpg`;
      assert.deepEqual(fieldsOf((await site.get(`/metadata/${path}`)).json.metadata), ABSENT);
      await site.kv.written(`metadata:${path}`);
      assert.ok(!("color" in site.kv.records.get(`metadata:${path}`).metadata));
      assert.ok((await site.get(`/metadata/${path}`)).cacheStatus.ttl > 80_000);
    }
    assert.deepEqual([site.bucket.gets.length, site.origin.requests.length, site.images.transformations.length], [1, 2, 0]);
  });

  test("With placeholders off, files are requested once and none is sent", async (t) => {
    const site = await deployWith(t, { config: { placeholders: [] } });
    for (const { prefix } of ORIGINS) assertFound(await site.get(`/metadata/${prefix}/a.jpg`), "origin");
    assert.deepEqual([site.bucket.gets.length, site.origin.requests.length, site.images.transformations.length], [1, 2, 0]);
  });

  test("A file of 20 MiB is sent to the Images binding, and a larger one is not", async (t) => {
    const site = await deployWith(t, { config: { placeholderTimeoutMs: 9_000 } });
    const pad = (length) => Buffer.concat([file, Buffer.alloc(length - file.length)]);
    site.bucket.put("limit.jpg", pad(20 * MB));
    assert.equal((await site.get("/metadata/bucket/limit.jpg")).json.metadata.color, "#808080");
    assert.equal(site.images.transformations.pop().file.length, 20 * MB);
    site.bucket.put("larger.jpg", pad(20 * MB + 1));
    await assertFails(site, "bucket/larger.jpg", false);
    assert.deepEqual([site.images.transformations.length, site.bucket.gets.filter(({ key }) => key === "larger.jpg").length], [0, 1]);
  });
});

suite("Faults of the Images binding", async () => {
  const site = await deployWith({ after }, { config: { placeholderTimeoutMs: 300 } });
  let change;
  site.images.intercept(() => change);
  const paths = ORIGINS.map(({ prefix }) => prefix);
  for (const [n, [what, isForNow, fault, cause]] of [
    ["the code 9412", false, { code: 9412, status: 415 }, /9412/],
    ["the code 9520", false, { code: 9520, status: 415 }, /9520/],
    ["the code 9402", false, { code: 9402, status: 413 }, /9402/],
    ["the code 9432", false, { code: 9432, status: 400 }, /9432/],
    ["a JPEG instead of a PNG", false, { bytes: file }, /not a PNG/],
    ["a PNG that is too large", false, { bytes: png({ width: 101 }) }, /too large/],
    ["a PNG of more than 64 KiB", false, { bytes: png({ before: [["teXt", Buffer.alloc(64 * 1024)]] }) }, /too large/],
    ["data that are not compressed", false, { bytes: png({ compressed: Buffer.from("garbage") }) }, /malformed/],
    ["the code 9504", true, { code: 9504, status: 504 }, /9504/],
    ["the code 9422", true, { code: 9422, status: 429 }, /9422/],
    ["the code 9523", true, { code: 9523, status: 500 }, /9523/],
    ["an unknown code", true, { code: 123, status: 500 }, /123/],
    ["a 500 without a code", true, { status: 500 }, /500/],
    ["a 429 without a code", true, { status: 429 }, /429/],
    ["no response", true, { hang: true }, /timeout/],
    ["the beginning of a picture", true, { bytes: orange.subarray(0, 40), stalls: true }, /timeout/],
  ].entries()) {
    test(`With ${what} of the Images binding, images have no placeholder ${isForNow ? "for now" : "for good"}`, async () => {
      change = fault;
      await Promise.all(paths.map((path) => assertFails(site, `${path}/${n}.jpg`, isForNow, cause)));
      const { length } = site.images.transformations;
      change = undefined;
      for (const path of paths) assertFound(await site.get(`/metadata/${path}/${n}.jpg`), "memory");
      assert.equal(site.images.transformations.length, length);
    });
  }
});

suite("Files that change or fail after their metadata", () => {
  test("An object that vanishes after its header was read has no placeholder for good", async (t) => {
    const site = await deployWith(t);
    site.bucket.intercept(({ length }) => (length === Infinity ? { status: 404, code: 10007 } : undefined));
    await assertFails(site, "bucket/a.jpg", false, /./);
    assert.equal(site.images.transformations.length, 0);
  });

  for (const [what, fault, cause] of [
    ["fails", { status: 500, code: 10001 }, /10001/],
    ["does not respond", { hang: true }, /timeout/],
  ]) {
    test(`An object whose bucket ${what} after its header was read has no placeholder for now`, async (t) => {
      const site = await deployWith(t, { config: { placeholderTimeoutMs: 300 } });
      site.bucket.intercept(({ length }) => (length === Infinity ? fault : undefined));
      await assertFails(site, "bucket/a.jpg", true, cause);
    });
  }

  for (const prefix of ["service", "http"]) {
    for (const [what, isForNow, responder] of [
      ["a 404", false, failure(404)],
      ["a 403", false, failure(403)],
      ["a redirect to another host", false, redirect("https://evil.test/a.jpg")],
      ["a 500", true, failure(500)],
      ["a 429", true, failure(429)],
      ["no response", true, noResponse()],
      ["no end", true, flood(Infinity, { "Content-Type": "image/jpeg" })],
    ]) {
      test(`A file of the kind ${prefix} that has ${what} after its header has no placeholder ${isForNow ? "for now" : "for good"}`, async (t) => {
        const site = await deployWith(t, { config: { placeholderTimeoutMs: 300 } });
        site.origin.on("/a.jpg", inSequence(ranged(file), responder));
        await assertFails(site, `${prefix}/a.jpg`, isForNow, /./);
        assert.equal(site.origin.requestsToHost("evil.test").length, 0);
      });
    }
  }
});

suite("The setting imagesBinding", () => {
  for (const [what, imagesBinding, env] of [
    ["a binding that is missing", "MISSING"],
    ["a KV namespace", "IMAGE_METADATA_CACHE"],
    ["a service", "FILES"],
    ["a bucket", "IMAGES"],
    ["a text", "TEXT", { TEXT: "text" }],
  ]) {
    test(`If imagesBinding names ${what}, every request is a 500 that names the setting`, async (t) => {
      const site = await deployWith(t, { config: { imagesBinding }, env });
      for (const path of ["/metadata/bucket/a.jpg", "/health"]) {
        const { detail } = assertProblem(await site.get(path), 500, "configuration-error");
        assert.ok(detail.startsWith(`The setting 'imagesBinding' names ${imagesBinding}, but `), detail);
      }
      await site.logged({ event: "configuration-error", level: "error", field: "imagesBinding" });
    });
  }
});

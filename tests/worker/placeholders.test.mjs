import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { post } from "./harness/batch.mjs";
import { assertFound, assertProblem, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image, inSequence, redirect } from "./harness/origin.mjs";
import { S3 } from "./harness/s3.mjs";
import { deploy } from "./harness/site.mjs";
import { PICTURE, bytesOfDataUrl, distance, isPicture, picture, pixelsOf, plain, resizer, rgb } from "./harness/tiny-picture.mjs";

const PATH = "/metadata/photos/cat.jpg";
const DRAWN = `${PATH}?placeholder=data-url`;
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const KINDS = ["thumbhash", "color"];
const ORANGE = picture(await plain("#ff8000", 40, 30));
const NONE = { thumbhash: null, color: null };

/** Deploys a site with placeholders whose resizer has an orange picture of every image. */
async function deployWith(t, { config, responder = ORANGE, metadata, ...options } = {}) {
  const site = await deploy(t, { config: { placeholders: KINDS, placeholderTimeoutMs: 5_000, ...config }, ...options });
  site.origin.on(resizer(responder, metadata));
  return site;
}

const picturesAsked = (site) => site.origin.requests.filter(isPicture);

/** The fields of placeholders in a record. */
async function recordOf(site, key = KEY) {
  await site.kv.written(key);
  const { thumbhash, color } = site.kv.records.get(key).metadata;
  return { thumbhash, color };
}

function assertOrange({ metadata }) {
  assert.equal(metadata.color, "#ff8000");
  assert.match(metadata.thumbhash, /^[A-Za-z0-9+/]{20,33}=*$/);
}

async function assertDrawn({ placeholder }, width = 24, height = 18) {
  const drawn = await pixelsOf(bytesOfDataUrl(placeholder.dataUrl));
  assert.deepEqual([drawn.width, drawn.height], [width, height]);
  assert.ok(distance(drawn.pixels[0], rgb("#ff8000")) <= 10, `${drawn.pixels[0]}`);
}

suite("The request for a picture", () => {
  test("A picture is asked for at the URL of the image after its metadata, with these options and without the client's headers", async (t) => {
    const gate = new Gate();
    const site = await deployWith(t, { config: { query: ["v"] }, metadata: gated(gate) });
    const client = { Authorization: "Bearer client", Cookie: "client=1", Range: "bytes=0-1" };
    const answer = site.get(`${PATH}?v=3`, client);
    await gate.arrived();
    await site.settled();
    assert.equal(site.origin.requests.length, 1);
    gate.open();
    assertOrange((await answer).json);
    assert.deepEqual(
      site.origin.requests.map(({ method, url, cf, headers }) => ({ method, url, cf, headers })),
      [{ format: "json" }, PICTURE].map((image) => ({ method: "GET", url: "https://images.test/assets/photos/cat.jpg?v=3", cf: { image }, headers: {} })),
    );
  });

  test("Secret headers are sent for a picture, with the permission to cache it, and only to their origin", async (t) => {
    const origins = [{ prefix: "private", url: "https://private.test", headersSecret: "HEADERS", originAuth: "share-publicly", probe: "resizer" }];
    const site = await deployWith(t, { config: { origins }, env: { HEADERS: '{"Authorization":"Basic hidden"}' } });
    for (const path of ["private/cat.jpg", "cat.jpg"]) assertOrange((await site.get(`/metadata/${path}`)).json);
    assert.deepEqual(
      picturesAsked(site).map(({ host, cf, headers }) => [host, cf, headers]),
      [
        ["private.test", { image: { ...PICTURE, "origin-auth": "share-publicly" } }, { authorization: "Basic hidden" }],
        ["images.test", { image: PICTURE }, {}],
      ],
    );
  });

  test("The request for a picture from S3 has a valid signature", async (t) => {
    const s3 = new S3();
    const aws = { region: s3.region, secret: "S3_CREDENTIALS" };
    const config = { originUrl: "https://my-bucket.s3.test", aws, originAuth: "share-publicly", probe: "resizer" };
    const site = await deployWith(t, { config, env: { S3_CREDENTIALS: JSON.stringify(s3.credentials) } });
    const [json, png] = [Buffer.from('{"width":4,"height":3}'), await plain("#ff8000")];
    const respond = s3.responder();
    site.origin.on((request, response, record) => {
      s3.objects.set("photos/cat.jpg", isPicture(record) ? png : json);
      return respond(request, response);
    });
    assertOrange((await site.get(PATH)).json);
    const [{ cf, headers }] = picturesAsked(site);
    assert.deepEqual(cf, { image: { ...PICTURE, "origin-auth": "share-publicly" } });
    assert.match(headers.authorization, /^AWS4-HMAC-SHA256 /);

    site.origin.on("/signed.jpg", resizer(redirect("/photos/cat.jpg")));
    const { thumbhash, color } = (await site.get("/metadata/signed.jpg")).json.metadata;
    assert.deepEqual([thumbhash, color], [undefined, undefined]);
    assert.deepEqual(await recordOf(site, "metadata:signed.jpg"), NONE);
    assert.equal(site.origin.requestsTo("/photos/cat.jpg").length, 2, "a redirect of a signed request is not followed");
  });

  test("A redirect of a picture within the origin is followed with the same options", async (t) => {
    const site = await deployWith(t);
    site.origin.on(ORIGIN_PATH, resizer(redirect("../new.jpg?v=2", 301)));
    assertOrange((await site.get(PATH)).json);
    assert.deepEqual(
      picturesAsked(site).map(({ url, cf }) => [url, cf.image]),
      ["assets/photos/cat.jpg", "assets/new.jpg?v=2"].map((path) => [`https://images.test/${path}`, PICTURE]),
    );
  });

  for (const [what, location] of [
    ["another host", "https://evil.test/cat.jpg"],
    ["another port", "https://images.test:8443/cat.jpg"],
    ["another scheme", "http://images.test/cat.jpg"],
    ["itself", ORIGIN_PATH],
  ]) {
    test(`A redirect of a picture to ${what} is refused for good`, async (t) => {
      const site = await deployWith(t);
      site.origin.on(ORIGIN_PATH, resizer(redirect(location)));
      const answer = await site.get(DRAWN);
      assertFound(answer, "origin");
      assert.deepEqual([answer.json.metadata.color, answer.json.placeholder], [undefined, undefined]);
      assert.deepEqual(await recordOf(site), NONE);
      assert.equal(site.origin.requestsTo(ORIGIN_PATH).length, picturesAsked(site).length + 1, "no request to another URL");
    });
  }

  test("An image that is missing or an SVG costs no request for a picture", async (t) => {
    const site = await deployWith(t);
    site.origin.on("/assets/none.jpg", failure(404));
    site.origin.on("/assets/drawing.svg", image({ format: "image/svg+xml" }));
    assertProblem(await site.get("/metadata/none.jpg"), 404, "not-found");
    const { json } = await site.get("/metadata/drawing.svg?placeholder=data-url");
    assert.deepEqual([json.metadata.thumbhash, json.metadata.color, json.placeholder], [undefined, undefined, undefined]);
    assert.deepEqual(await recordOf(site, "metadata:drawing.svg"), NONE);
    assert.equal(picturesAsked(site).length, 0);
  });
});

suite("Sharing of pictures", () => {
  test("A herd of 100 requests costs one picture", async (t) => {
    const gate = new Gate();
    const site = await deployWith(t, { responder: gated(gate, ORANGE) });
    const leader = site.get(PATH);
    await gate.arrived();
    const herd = await site.herd(99, DRAWN);
    gate.open();
    const answers = [await leader, ...(await herd.answers)];
    assert.deepEqual(tally(answers, ({ status, layer }) => `${status} ${layer}`), { "200 origin": 1, "200 inflight": 99 });
    for (const { json } of answers) assertOrange(json);
    for (const { json } of answers.slice(1, 3)) await assertDrawn(json);
    assert.equal(picturesAsked(site).length, 1);
  });

  test("A record has the placeholders, and a new isolate reads them without a request", async (t) => {
    const site = await deployWith(t);
    const answer = await site.get(PATH);
    const { thumbhash, color } = answer.json.metadata;
    assert.deepEqual(await recordOf(site), { thumbhash, color });
    await site.restart();
    const again = await site.get(PATH);
    assertFound(again, "kv");
    assert.deepEqual([again.text, again.etag], [answer.text, answer.etag]);
    assert.equal(site.origin.requests.length, 2);
  });

  test("A batch has the placeholders of all its images, and draws them if asked", async (t) => {
    const site = await deployWith(t);
    const paths = ["a.jpg", "b.jpg", "a.jpg"];
    for (const body of [{ paths }, { paths, placeholder: "data-url", aspect: "1:1" }]) {
      const { results } = (await post(site, body)).json;
      for (const { metadata, dimensions, placeholder } of results) {
        assertOrange({ metadata });
        assert.deepEqual([placeholder !== undefined, dimensions !== undefined], [body.aspect, body.aspect].map(Boolean));
        if (placeholder) await assertDrawn({ placeholder });
      }
      assert.equal(results.length, 3);
    }
    assert.equal(picturesAsked(site).length, 2);
  });

  test("RPC calls have the placeholders, and draw them if asked", async (t) => {
    const site = await deployWith(t, { caller: true });
    const plain = await site.call("fetchMetadata", "photos/cat.jpg");
    assertOrange(plain);
    assert.equal(plain.placeholder, undefined);
    const drawn = await site.call("fetchMetadata", "photos/cat.jpg", { placeholder: "data-url" });
    await assertDrawn(drawn);
    assert.deepEqual([drawn.metadata, drawn.dimensions], [plain.metadata, undefined]);
    const cropped = await site.call("fetchAndProcessMetadata", "photos/cat.jpg", { aspect: "1:1", placeholder: "data-url" });
    await assertDrawn(cropped);
    assert.deepEqual(cropped.dimensions, { width: 3_000, height: 3_000 });
    const { error } = await site.call("fetchMetadata", "photos/cat.jpg", { placeholder: "png" });
    assert.deepEqual([error.code, error.status], ["invalid-parameter", 400]);
    assert.equal(picturesAsked(site).length, 1);
  });
});

suite("Without placeholders", () => {
  for (const placeholders of [[], ["color"]]) {
    test(`With placeholders = ${JSON.stringify(placeholders)}, a request for a drawn one is a 400 that names the setting`, async (t) => {
      const site = await deployWith(t, { config: { placeholders }, caller: true });
      assertFound(await site.get(PATH), "origin");
      assert.equal(picturesAsked(site).length, placeholders.length);
      const requests = site.origin.requests.length;
      for (const path of [DRAWN, "/metadata/other.jpg?placeholder=data-url"]) {
        assert.match(assertProblem(await site.get(path), 400, "invalid-parameter").detail, /'placeholders'/);
      }
      assertProblem(await post(site, { paths: ["a.jpg"], placeholder: "data-url" }), 400, "invalid-parameter");
      const { error } = await site.call("fetchMetadata", "photos/cat.jpg", { placeholder: "data-url" });
      assert.deepEqual([error.code, error.status], ["invalid-parameter", 400]);
      assert.match(error.message, /'placeholders'/);
      assert.equal(site.origin.requests.length, requests, "no request is sent for it");
    });
  }

  test("Without the setting, nothing is asked for, and the response and the record have no fields", async (t) => {
    const site = await deployWith(t, { config: { placeholders: undefined, placeholderTimeoutMs: undefined } });
    const { json } = await site.get(PATH);
    assert.deepEqual(Object.keys(json.metadata).filter((name) => KINDS.includes(name)), []);
    assert.deepEqual(await recordOf(site), { thumbhash: undefined, color: undefined });
    assert.deepEqual(
      site.origin.requests.map(({ cf }) => cf),
      [{ image: { format: "json" } }],
    );
  });
});

suite("Responses with a drawn placeholder", () => {
  test("The response with a drawn placeholder has its own entity tag, and both are revalidated with a 304", async (t) => {
    const site = await deployWith(t);
    const [plain, drawn] = [await site.get(PATH), await site.get(DRAWN)];
    assert.notEqual(plain.etag, drawn.etag);
    for (const [path, { etag }, other] of [[PATH, plain, drawn], [DRAWN, drawn, plain]]) {
      const answer = await site.get(path, { "If-None-Match": etag });
      assert.deepEqual([answer.status, answer.etag, answer.text], [304, etag, ""]);
      assertFound(await site.get(path, { "If-None-Match": other.etag }), "memory");
    }
  });

  test("A placeholder is drawn from memory, from KV, and for a HEAD request", async (t) => {
    const site = await deployWith(t);
    const first = await site.get(DRAWN);
    assertFound(first, "origin");
    await site.kv.written(KEY);
    const memory = await site.get(DRAWN);
    assertFound(memory, "memory");
    const head = await site.request("HEAD", DRAWN);
    assertFound(head, "memory");
    assert.deepEqual([head.text, head.etag, head.headers["content-length"]], ["", first.etag, first.headers["content-length"]]);
    await site.restart();
    const kv = await site.get(DRAWN);
    assertFound(kv, "kv");
    for (const answer of [memory, kv]) assert.equal(answer.text, first.text);
    await assertDrawn(first.json);
    assert.equal(picturesAsked(site).length, 1);
  });

  test("An image that gets its placeholder later gets another entity tag with it", async (t) => {
    const site = await deployWith(t, { clock: true, responder: inSequence(failure(500), ORANGE) });
    await site.clock.freeze();
    const before = await site.get(PATH);
    assert.equal(before.json.metadata.color, undefined);
    await site.clock.advance(301);
    const stale = await site.get(PATH, { "If-None-Match": before.etag });
    assert.equal(stale.status, 304);
    await site.origin.received(ORIGIN_PATH, 4);
    await site.settled();
    const after = await site.get(PATH, { "If-None-Match": before.etag });
    assertFound(after, "memory");
    assertOrange(after.json);
    assert.notEqual(after.etag, before.etag);
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { cropOf, bodyOf } from "../../tests/worker/harness/expect.mjs";
import { Gate } from "../../tests/worker/harness/gate.mjs";
import { failure, gated, image, inSequence, text } from "../../tests/worker/harness/origin.mjs";
import { deploy } from "../../tests/worker/harness/site.mjs";
import { createClient, imgAttributes, MetadataError } from "../dist/index.js";

/** A site and a client of it, whose `requests` are recorded. */
async function setUp(t, { options, ...deployment } = {}) {
  const site = await deploy(t, deployment);
  const requests = [];
  const recordingFetch = (url, init) => {
    requests.push(`${init.method ?? "GET"} ${url.replace(site.url, "")}`);
    return fetch(url, init);
  };
  return { site, requests, client: createClient({ baseUrl: site.url }, { fetch: recordingFetch, ...options }) };
}

suite("The client and the built Worker", () => {
  test("Look-ups of one tick are one POST, and each image has its own error", async (t) => {
    const { site, requests, client } = await setUp(t);
    site.origin.on("/assets/none.jpg", failure(404));
    site.origin.on("/assets/denied.jpg", failure(403));
    const paths = ["photos/cat.jpg", "none.jpg", "photos/dog.jpg", "denied.jpg", "../secret", "gallery/Gr%C3%B6%C3%9Fe 1.png"];
    const outcomes = await Promise.all(paths.map((path) => client.get(path).catch((error) => error)));
    assert.deepEqual(requests, ["POST /metadata"]);
    assert.deepEqual([outcomes[0], outcomes[2], outcomes[5]], [bodyOf(paths[0]), bodyOf(paths[2]), bodyOf("gallery/Größe 1.png")]);
    const errors = [outcomes[1], outcomes[3], outcomes[4]];
    for (const error of errors) assert.ok(error instanceof MetadataError && error.title && error.detail);
    assert.deepEqual(errors.map(({ path, status, code }) => [path, status, code]), [
      ["none.jpg", 404, "not-found"],
      ["denied.jpg", 403, "forbidden-by-origin"],
      ["../secret", 400, "invalid-path"],
    ]);
  });

  test("More look-ups than batchLimit are several batches", async (t) => {
    const { requests, client } = await setUp(t, { config: { batchLimit: 40 }, options: { batchLimit: 40 } });
    const paths = Array.from({ length: 100 }, (_, index) => `photos/${index}.jpg`);
    const results = await client.getMany(paths, { aspect: "1:1" });
    assert.deepEqual(results.map(({ ok, answer }) => ok && answer.path), paths);
    assert.deepEqual(requests, Array(3).fill("POST /metadata"));
  });

  test("A batch that is too large for the service is an error of each image, which says how many are allowed", async (t) => {
    const { client } = await setUp(t, { config: { batchLimit: 1 } });
    const [{ error }] = await client.getMany(["a.jpg", "b.jpg"]);
    assert.deepEqual([error.status, error.code], [413, "batch-too-large"]);
    assert.match(error.message, /at most 1 /);
  });

  test("A lone look-up and a batch have the same answers, with each kind of parameter", async (t) => {
    const { requests, client } = await setUp(t, { config: { query: ["v"] } });
    for (const [crop, expected] of [
      [undefined, {}],
      [{ aspect: { width: 16, height: 9 }, focalPoint: { x: 0.5, y: 0.6 } }, cropOf([4000, 3000], [4000, 2250, 0, 675])],
      [{ aspect: "16:9", focal: "0.5,0.6", width: 800 }, cropOf([4000, 3000], [4000, 2250, 0, 675], [800, 450])],
      [{ platform: "instagram", content: "portrait", device: "mobile" }, cropOf([4000, 3000], [2400, 3000, 800, 0], [600, 750])],
      [{ aspect: "1.91:1", allowExpansion: false }, cropOf([4000, 3000], [4000, 2094, 0, 453])],
    ]) {
      const lone = await client.get("photos/cat.jpg?v=3", crop);
      assert.deepEqual(lone, { ...bodyOf("photos/cat.jpg"), query: "v=3", ...expected });
      const [first, second] = await client.getMany(["photos/cat.jpg?v=3", "b.jpg"], crop).then((results) => results.map(({ answer }) => answer));
      assert.deepEqual([first, second], [lone, { ...bodyOf("b.jpg"), ...expected }]);
    }
    assert.equal(requests[0], "GET /metadata/photos/cat.jpg?v=3");
    assert.equal(requests[2], "GET /metadata/photos/cat.jpg?v=3&aspect=16:9&focal=0.5,0.6");
  });

  test("Paths mean the same in a lone look-up as in a batch", async (t) => {
    const { client } = await setUp(t);
    for (const path of ["a/../b.jpg", "..", "../health", "%2e%2e/health", "./a", "a//b", "/a.jpg", "", "a\\b", "a\tb", "a%", "a#b.jpg", "a%2Fb.jpg", "a%2F..%2Fb", "ä b.jpg", "a.jpg ", "%61"]) {
      const lone = await client.get(path).catch(({ code, detail }) => ({ code, detail }));
      const [{ answer, error }] = await client.getMany([path, "other.jpg"]);
      assert.deepEqual(lone, answer ?? { code: error.code, detail: error.detail }, path);
    }
  });

  test("A crop that the service refuses is an invalid-parameter, alone and in a batch", async (t) => {
    const { client } = await setUp(t);
    const crop = { aspect: "x" };
    const error = await client.get("a.jpg", crop).catch((error) => error);
    assert.deepEqual([error.status, error.code], [400, "invalid-parameter"]);
    const results = await client.getMany(["a.jpg", "b.jpg"], crop);
    assert.deepEqual(results.map(({ error }) => error.code), ["invalid-parameter", "invalid-parameter"]);
  });

  test("Concurrent look-ups of an image share a request, and the answer is kept", async (t) => {
    const { site, requests, client } = await setUp(t);
    const gate = new Gate();
    site.origin.on("/assets/photos/cat.jpg", gated(gate));
    const first = client.get("photos/cat.jpg");
    await gate.arrived();
    const others = [client.get("photos/cat.jpg"), client.get("photos/cat.jpg")];
    gate.open();
    for (const answer of await Promise.all([first, ...others])) assert.deepEqual(answer, bodyOf("photos/cat.jpg"));
    await client.get("photos/cat.jpg");
    assert.deepEqual(requests, ["GET /metadata/photos/cat.jpg"]);
  });

  test("An answer is kept for clientMaxAge, and a missing image for negativeTtl", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    const { site, requests, client } = await setUp(t, { config: { clientMaxAge: 600, staleWhileRevalidate: 0, negativeTtl: 30 } });
    site.origin.on("/assets/none.jpg", failure(404));
    const look = async () => {
      requests.length = 0;
      await client.get("a.jpg");
      await client.get("none.jpg").catch(({ code }) => assert.equal(code, "not-found"));
      return requests.map((request) => request.replace("GET /metadata/", ""));
    };
    assert.deepEqual(await look(), ["a.jpg", "none.jpg"]);
    t.mock.timers.setTime(Date.now() + 28_000);
    assert.deepEqual(await look(), []);
    t.mock.timers.setTime(Date.now() + 3_000);
    assert.deepEqual(await look(), ["none.jpg"]);
    t.mock.timers.setTime(Date.now() + 570_000);
    assert.deepEqual(await look(), ["a.jpg", "none.jpg"]);
  });

  test("An image whose origin is overloaded is looked up again after the time that the origin gives", async (t) => {
    const { site, requests, client } = await setUp(t, { config: { errorTtl: 0 } });
    const busy = text("", { status: 503, headers: { "Retry-After": "1" } });
    for (const path of ["alone.jpg", "b.jpg"]) site.origin.on(`/assets/${path}`, inSequence(busy, image()));
    assert.deepEqual(await client.get("alone.jpg"), bodyOf("alone.jpg"));
    assert.deepEqual(await client.getMany(["a.jpg", "b.jpg"]).then((results) => results.map(({ answer }) => answer)), [bodyOf("a.jpg"), bodyOf("b.jpg")]);
    assert.deepEqual(requests, ["GET /metadata/alone.jpg", "GET /metadata/alone.jpg", "POST /metadata", "GET /metadata/b.jpg"]);
  });

  test("An image that the rate limit refuses for longer than the call waits fails at once, with the time to wait", async (t) => {
    const { site } = await setUp(t, { rateLimit: { limit: 1 } });
    const limited = (url, init) => fetch(url, { ...init, headers: { "CF-Connecting-IP": "192.0.2.1" } });
    const { get, getMany } = createClient({ baseUrl: site.url }, { fetch: limited, timeoutMs: 30_000 });
    const [first, second] = await getMany(["a.jpg", "b.jpg"]);
    assert.deepEqual([first.ok, second.error.status, second.error.code, second.error.retryAfter], [true, 429, "rate-limited", 60]);
    const { code, retryAfter } = await get("c.jpg").catch((error) => error);
    assert.deepEqual([code, retryAfter], ["rate-limited", 60]);
  });

  test("An aborted call ends its request, and the others of the batch get their answers", async (t) => {
    const { site, client } = await setUp(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const controllers = [new AbortController(), new AbortController()];
    const options = controllers.map(({ signal }) => ({ signal }));
    const aborted = client.get("a.jpg", undefined, options[0]).catch((error) => error);
    const other = client.get("b.jpg");
    await gate.arrived(2);
    controllers[0].abort();
    assert.equal((await aborted).name, "AbortError");
    gate.open();
    assert.deepEqual(await other, bodyOf("b.jpg"));
  });

  test("The URL of the crop of an answer is made of its transform", async (t) => {
    const { site, client } = await setUp(t);
    for (const [width, height] of [[4000, 3000], [3000, 4000], [1001, 333], [7, 5000]]) {
      const path = `${width}x${height}.jpg`;
      site.origin.on(`/assets/${path}`, image({ width, height }));
      for (const crop of [{ aspect: "16:9" }, { aspect: "1:1", focal: "0.1,0.9" }, { aspect: "1.91:1", width: 333 }, { width: 99 }, { aspect: "2:1", allowExpansion: true }, { aspect: "1:3", allowExpansion: true, width: 77 }]) {
        const answer = await client.get(path, crop);
        const { src, width, height } = imgAttributes(answer, { resizer: "cloudflare" });
        assert.deepEqual([src, width, height], [`/cdn-cgi/image/${answer.transform}/${path}`, answer.dimensions.width, answer.dimensions.height]);
      }
    }
  });
});

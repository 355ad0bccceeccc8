import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { ClientResponse } from "./harness/client.mjs";
import { EdgeCache } from "./harness/edge-cache.mjs";
import { assertFound, assertProblem, recordOf } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image, text } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const TOKEN = "right";
const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const bearer = { Authorization: `Bearer ${TOKEN}` };
const EDGE = "cloudflare-cdn-cache-control";

/** Settings with short, different times. */
const TIMES = { edgeCache: true, edgeCacheTtl: 250, clientMaxAge: 900, memoryCacheTtl: 300, staleWhileRevalidate: 30, staleIfError: 40, negativeTtl: 50 };

const deployed = (t, { config, ...options } = {}) =>
  deploy(t, { edgeCache: true, clock: true, env: { ADMIN_TOKEN: TOKEN }, ...options, config: { ...TIMES, ...config } });
const purge = (site, path) => site.edge.request("DELETE", path, { headers: bearer });

/** The requests of all routes and statuses, as `[what, { method, path, headers, body }, status]`, and what the origin must do before. */
function requests(site) {
  const get = (path, headers) => ({ method: "GET", path, headers });
  const from = (path, responder) => {
    site.origin.on(`/assets/${path}`, responder);
    return get(`/metadata/${path}`);
  };
  return [
    ["an image", get(PATH), 200],
    ["an image again", get(`${PATH}?again`), 200],
    ["a crop", get(`${PATH}?aspect=1:1`), 200],
    ["a crop that is not modified", get(`${PATH}?width=100`, { "If-None-Match": "*" }), 304],
    ["an image that is not modified", get(`${PATH}?unmodified`, { "If-None-Match": "*" }), 304],
    ["a missing image", from("none.jpg", failure(404)), 404],
    ["an invalid path", get("/metadata/a//b"), 400],
    ["an invalid parameter", get(`${PATH}?aspect=x`), 400],
    ["a forbidden image", from("secret.jpg", failure(403)), 403],
    ["an image that is too large", from("large.jpg", failure(413)), 413],
    ["a page instead of an image", from("page.jpg", text("<html>", { headers: { "Content-Type": "text/html" } })), 415],
    ["a failing origin", from("fails.jpg", failure(500)), 502],
    ["an overloaded origin", from("busy.jpg", failure(503)), 503],
    ["a slow origin", from("slow.jpg", failure(504)), 504],
    ["another method", { method: "PUT", path: PATH, body: "" }, 405],
    ["a preflight", { method: "OPTIONS", path: PATH, headers: { Origin: "https://shop.test", "Access-Control-Request-Method": "GET" } }, 204],
    ["no route", get("/none"), 404],
    ["the Inspector", get("/"), 200],
    ["a file of the Inspector", get("/inspector/main.js"), 200],
    ["the report of health", get("/health"), 200],
    ["the API description", get("/openapi.json"), 200],
    ["metrics", get("/metrics", bearer), 200],
    ["statistics", get("/stats", bearer), 200],
    ["statistics without a token", get("/stats?no-token"), 401],
    ["statistics with a wrong token", get("/stats?wrong-token", { Authorization: "Bearer wrong" }), 403],
    ["a batch", { method: "POST", path: "/metadata", body: '{"paths":["photos/cat.jpg"]}' }, 200],
    ["an invalid batch", { method: "POST", path: "/metadata", body: "{" }, 400],
    ["a purge", { method: "DELETE", path: "/metadata/other.jpg", headers: bearer }, 200],
  ];
}

suite("The model of the platform's cache", () => {
  /** A cache in front of a function that returns `[status, headers, body]`, and a clock in seconds. */
  function cache(respond) {
    const model = { calls: [], seconds: 0 };
    const send = async (method, path, { headers }) => {
      model.calls.push({ method, path, headers });
      const [status, sent, body = "body"] = await respond(model.calls.length, { method, path, headers });
      return new ClientResponse({ statusCode: status, headers: sent }, Buffer.from(body));
    };
    model.edge = new EdgeCache(send, () => model.seconds * 1_000);
    model.get = async (path = "/", headers = {}) => (await model.edge.get(path, headers)).headers["cf-cache-status"];
    return model;
  }

  test("Without Cache-Control the model keeps responses by their status", async () => {
    for (const [status, seconds] of [
      [200, 7_200],
      [404, 180],
      [405, 60],
      [500, 0],
    ]) {
      const model = cache(() => [status, {}]);
      assert.equal(await model.get(), seconds > 0 ? "MISS" : "BYPASS", status);
      assert.deepEqual(
        model.edge.stored("/").map(({ ttl }) => ttl),
        seconds > 0 ? [seconds] : [],
      );
    }
  });

  test("The model obeys the header for the edge, hides it and the tags, adds Age, and keeps versions apart", async () => {
    const model = cache(() => [200, { [EDGE]: "public, max-age=9", "cache-control": "max-age=1", "cache-tag": "A,b" }]);
    assert.equal(await model.get(), "MISS");
    model.seconds = 8;
    const hit = await model.edge.get("/");
    assert.deepEqual(hit.headers, { "cache-control": "max-age=1", age: "8", "cf-cache-status": "HIT" });
    assert.deepEqual([await model.get("/?a"), model.calls.length], ["MISS", 2]);
    model.edge.version = 2;
    assert.equal(await model.get(), "MISS");
    model.seconds = 18;
    assert.equal(await model.get(), "EXPIRED");
  });

  test("The model purges by tag, regardless of case", async () => {
    const model = cache((_, { path }) => [200, { "cache-control": "max-age=9", "cache-tag": `Tag${path}` }]);
    for (const path of ["/a", "/b"]) await model.get(path);
    model.edge.purge({ tags: ["TAG/A"] });
    assert.deepEqual(model.edge.paths, ["/b"]);
    model.edge.purge({ purgeEverything: true });
    assert.deepEqual(model.edge.paths, []);
  });

  test("The model stores responses to requests with Authorization only if they are public", async () => {
    for (const [control, state] of [
      ["max-age=9", "MISS"],
      ["public, max-age=9", "HIT"],
    ]) {
      const model = cache(() => [200, { "cache-control": control }]);
      await model.get("/", { Authorization: "Bearer x" });
      assert.equal(await model.get(), state);
    }
  });

  test("The model answers HEAD from a stored GET, and does not store what a HEAD gets", async () => {
    const model = cache(() => [200, { "cache-control": "max-age=9" }]);
    assert.equal((await model.edge.request("HEAD", "/")).headers["cf-cache-status"], "MISS");
    assert.equal((await model.edge.get("/")).text, "body");
    const { text, headers } = await model.edge.request("HEAD", "/");
    assert.deepEqual([text, headers["cf-cache-status"], model.calls.length], ["", "HIT", 2]);
  });

  test("The model collapses concurrent misses, and shares nothing that it cannot store", async () => {
    for (const [control, calls] of [
      ["max-age=9", 1],
      ["no-store", 5],
    ]) {
      const model = cache(() => [200, { "cache-control": control }]);
      await Promise.all(Array.from({ length: 5 }, () => model.get()));
      assert.equal(model.calls.length, calls, control);
    }
  });

  test("The model serves a stale response while one refresh runs, and revalidates by ETag after that", async () => {
    const control = "public, max-age=10, stale-while-revalidate=10";
    const model = cache((call, { headers }) => (headers["if-none-match"] ? [304, { [EDGE]: control, etag: '"1"' }, ""] : [200, { [EDGE]: control, etag: '"1"' }]));
    await model.get();
    model.seconds = 15;
    assert.deepEqual(await Promise.all([model.get(), model.get()]), ["UPDATING", "UPDATING"]);
    await model.edge.refreshed();
    assert.deepEqual([await model.get(), model.calls.length], ["HIT", 2]);
    model.seconds = 40;
    const revalidated = await model.edge.get("/");
    assert.deepEqual([revalidated.status, revalidated.text, revalidated.headers["cf-cache-status"]], [200, "body", "REVALIDATED"]);
    assert.equal((await model.edge.get("/", { "If-None-Match": '"1"' })).status, 304);
  });

  test("The model serves a stale response instead of an error, without limit unless stale-if-error is given", async () => {
    for (const [directive, seconds, state] of [
      ["", 1e6, "STALE"],
      [", stale-if-error=5", 14, "STALE"],
      [", stale-if-error=5", 15, "BYPASS"],
      [", stale-if-error=0", 10, "BYPASS"],
    ]) {
      const model = cache((call) => (call === 1 ? [200, { "cache-control": `max-age=10${directive}` }] : [503, {}]));
      await model.get();
      model.seconds = seconds;
      assert.equal(await model.get(), state, directive);
    }
  });

  test("The model keeps a variant for each value of the headers in Vary", async () => {
    const model = cache((_, { headers }) => [200, { "cache-control": "max-age=9", vary: "Origin" }, headers.origin ?? "none"]);
    for (const headers of [{}, { Origin: "a" }, { Origin: "b" }]) assert.equal(await model.get("/", headers), "MISS");
    assert.equal((await model.edge.get("/", { Origin: "a" })).text, "a");
    assert.equal(model.calls.length, 3);
  });
});

suite("What the platform's cache stores", () => {
  test("Only metadata and missing images are stored, and clients do not see the headers for the cache", async (t) => {
    const site = await deployed(t);
    for (const [what, { method, path, ...options }, status] of requests(site)) {
      const answer = await site.edge.request(method, path, options);
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      for (const header of [EDGE, "cache-tag"]) assert.equal(answer.headers[header], undefined, what);
    }
    assert.deepEqual(site.edge.paths, [`${PATH}`, `${PATH}?again`, `${PATH}?aspect=1:1`, "/metadata/none.jpg"].sort());
    const stored = (path) => site.edge.stored(path).map(({ tags, ...times }) => times);
    assert.deepEqual(stored(PATH), [{ status: 200, ttl: 250, whileRevalidate: 30, ifError: 40 }]);
    assert.deepEqual(stored(`${PATH}?again`), [{ status: 200, ttl: 250, whileRevalidate: 0, ifError: 0 }]);
    assert.deepEqual(stored("/metadata/none.jpg"), [{ status: 404, ttl: 50, whileRevalidate: 0, ifError: 0 }]);
  });

  test("Refused requests, and those of a Worker with invalid settings, are not stored", async (t) => {
    const limited = await deployed(t, { rateLimit: { limit: 0 } });
    const refused = await limited.edge.get(PATH, { "CF-Connecting-IP": "203.0.113.7" });
    assertProblem(refused, 429, "rate-limited");
    const broken = await deployed(t, { metadata: { originUrl: "https://images.test", edgeCache: 1 } });
    for (const path of [PATH, "/", "/health"]) assertProblem(await broken.edge.get(path), 500, "configuration-error");
    assert.deepEqual([...limited.edge.paths, ...broken.edge.paths], []);
  });

  test("A response of each layer is kept for as long as it may be, and only that of the origin may be served stale", async (t) => {
    const site = await deployed(t);
    const clear = () => site.edge.purge({ purgeEverything: true });
    const times = () => site.edge.stored(PATH).map(({ ttl, whileRevalidate, ifError }) => [ttl, whileRevalidate, ifError]);
    assertFound(await site.edge.get(PATH), "origin");
    assert.deepEqual(times(), [[250, 30, 40]]);
    await site.clock.advance(100);
    clear();
    assertFound(await site.edge.get(PATH), "memory");
    // Memory keeps it for 200 seconds more. Rounding takes up to one.
    const [[ttl, ...stale]] = times();
    assert.ok(ttl >= 199 && ttl <= 200, ttl);
    assert.deepEqual(stale, [0, 0]);
    await site.kv.written(KEY);
    await site.restart();
    clear();
    assertFound(await site.edge.get(PATH), "kv");
    assert.deepEqual(times(), [[250, 0, 0]]);
    const gate = new Gate();
    site.origin.on("/assets/new.jpg", gated(gate));
    const leader = site.get("/metadata/new.jpg");
    await site.origin.received("/assets/new.jpg");
    const follower = site.edge.get("/metadata/new.jpg");
    await site.settled();
    gate.open();
    assertFound(await leader, "origin");
    assertFound(await follower, "inflight");
    assert.deepEqual(
      site.edge.stored("/metadata/new.jpg").map(({ ttl, whileRevalidate, ifError }) => [ttl, whileRevalidate, ifError]),
      [[250, 0, 0]],
    );
  });

  test("A response of the origin is not stored if its image was purged while it was fetched", async (t) => {
    const site = await deployed(t);
    const gate = new Gate();
    site.origin.on("/assets/photos/cat.jpg", gated(gate));
    const fetched = site.edge.get(PATH);
    await gate.arrived();
    assert.deepEqual((await purge(site, PATH)).json, { purged: 1, edge: true });
    gate.open();
    assertFound(await fetched, "origin");
    assert.deepEqual(site.edge.paths, []);
    assertFound(await site.edge.get(PATH), "origin");
    assert.deepEqual(site.edge.paths, [PATH]);
  });

  test("Without caches in the Worker, responses of the origin are stored", async (t) => {
    const site = await deployed(t, { config: { cacheEnabled: false } });
    assertFound(await site.edge.get(PATH), "origin");
    assert.deepEqual(site.edge.stored(PATH).map(({ ttl }) => ttl), [250]);
  });

  test("A response from memory is never kept for longer than memory keeps it", async (t) => {
    const site = await deployed(t, { config: { memoryCacheTtl: 100, edgeCacheTtl: 1_000 } });
    await site.clock.freeze();
    await site.get(PATH);
    const until = site.clock.now() + 100_000;
    for (const seconds of [0.001, 0.998, 30.5, 0.5, 40, 27.499, 0.5]) {
      await site.clock.advance(seconds);
      site.edge.purge({ purgeEverything: true });
      assertFound(await site.edge.get(PATH), "memory");
      const left = (until - site.clock.now()) / 1_000;
      const [stored = { ttl: 0 }] = site.edge.stored(PATH);
      assert.ok(stored.ttl <= left && stored.ttl > left - 1, `${stored.ttl} of ${left}`);
    }
  });

  test("A stale response is not stored", async (t) => {
    const site = await deployed(t, { config: { kvCacheTtl: 60 } });
    for (const [age, status, layer] of [
      [65, 200, "kv"],
      [95, 500, "kv"],
    ]) {
      site.kv.seed(KEY, { metadata: recordOf({ lastFetched: site.clock.now() - age * 1_000 }) });
      site.origin.on("/assets/photos/cat.jpg", status === 200 ? image() : failure(status));
      assertFound(await site.edge.get(PATH), layer);
      assert.deepEqual(site.edge.stored(PATH), [], age);
      await site.restart();
    }
  });

  test("A stored response is a hit for GET and HEAD, with Age, and does not run the Worker", async (t) => {
    const site = await deployed(t);
    const [head, get] = [await site.edge.request("HEAD", PATH), await site.edge.get(PATH)];
    assert.deepEqual([head.status, head.text, head.headers["content-type"]], [200, "", "application/json"]);
    assertFound(get, "memory");
    assert.equal(get.json.path, "photos/cat.jpg");
    await site.clock.advance(100);
    const before = (await site.get("/stats", bearer)).json.answers;
    for (const method of ["GET", "HEAD"]) {
      const hit = await site.edge.request(method, PATH);
      assert.equal(hit.headers["cf-cache-status"], "HIT");
      assert.ok(Number(hit.headers.age) >= 100 && Number(hit.headers.age) <= 102, hit.headers.age);
      assert.equal(hit.headers["metadata-age"], get.headers["metadata-age"], "the age when it was stored");
    }
    assert.equal((await site.edge.get(PATH, { "If-None-Match": get.etag })).status, 304);
    assert.deepEqual((await site.get("/stats", bearer)).json.answers, before);
  });

  test("A response of the origin is refreshed in the background, and revalidated by its ETag", async (t) => {
    const site = await deployed(t);
    await site.edge.get(PATH);
    await site.clock.advance(260);
    assert.equal((await site.edge.get(PATH)).headers["cf-cache-status"], "UPDATING");
    await site.edge.refreshed();
    // The refresh came from memory, which keeps the entry for 40 seconds more.
    assert.equal((await site.edge.get(PATH)).headers["cf-cache-status"], "HIT");
    await site.clock.advance(45);
    const revalidated = await site.edge.get(PATH);
    assert.deepEqual([revalidated.status, revalidated.headers["cf-cache-status"], revalidated.json.path], [200, "REVALIDATED", "photos/cat.jpg"]);
    assert.equal(site.origin.requests.length, 1);
  });

  test("An error of the Worker is hidden for staleIfError only, and only if the origin's own response is stored", async (t) => {
    const site = await deployed(t, { kv: false, config: { memoryCacheTtl: 0, staleWhileRevalidate: 0 } });
    await site.edge.get(PATH);
    site.origin.on("/assets/photos/cat.jpg", failure(500));
    await site.clock.advance(280);
    assert.equal((await site.edge.get(PATH)).headers["cf-cache-status"], "STALE");
    await site.clock.advance(15);
    assertProblem(await site.edge.get(PATH), 502, "origin-error");
  });

  test("With a list of sites there is a variant for each Origin", async (t) => {
    const site = await deployed(t, { config: { corsOrigins: ["https://a.test", "https://b.test"] } });
    const allowed = async (origin) => (await site.edge.get(PATH, origin && { Origin: origin })).headers["access-control-allow-origin"];
    for (let n = 0; n < 2; n++)
      for (const origin of [undefined, "https://a.test", "https://b.test", "https://evil.test"])
        assert.equal(await allowed(origin), /[ab]\.test/.test(origin) ? origin : undefined);
    assert.equal(site.edge.stored(PATH).length, 4);
    assert.deepEqual((await purge(site, PATH)).json, { purged: 1, edge: true });
    assert.deepEqual(site.edge.paths, []);
  });

  test("Batches and service binding calls pass by", async (t) => {
    const site = await deployed(t, { caller: true });
    await site.edge.request("POST", "/metadata", { body: '{"paths":["a.jpg","b.jpg"]}' });
    assert.equal((await site.call("fetchMetadata", "a.jpg")).path, "a.jpg");
    assert.deepEqual(site.edge.paths, []);
  });
});

suite("Purges of the platform's cache", () => {
  const paths = [
    "/metadata/a/1.jpg",
    "/metadata/a/1.jpg?aspect=1:1",
    "/metadata/a/1.jpg?v=3",
    "/metadata/a/b/2.jpg",
    "/metadata/a/none.jpg",
    "/metadata/ab/1.jpg",
    "/metadata/c.jpg",
  ];
  for (const [what, purged, kept] of [
    ["an image removes its versions and crops", "/metadata/a/1.jpg", paths.slice(3)],
    ["a version removes the other versions, too", "/metadata/a/1.jpg?v=3", paths.slice(3)],
    ["a missing image removes the error", "/metadata/a/none.jpg", paths.filter((path) => !path.includes("none"))],
    ["a folder removes all below it", "/metadata/a/*", ["/metadata/ab/1.jpg", "/metadata/c.jpg"]],
    ["everything removes all", "/metadata/*", []],
  ]) {
    test(`A purge of ${what}, and nothing else`, async (t) => {
      const site = await deployed(t, { config: { query: ["v"] } });
      site.origin.on("/assets/a/none.jpg", failure(404));
      for (const path of paths) await site.edge.get(path);
      assert.deepEqual(site.edge.paths, paths);
      const answer = await purge(site, purged);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.edge, true);
      assert.deepEqual(site.edge.paths, kept);
      assert.equal(site.edge.purges.length, 1);
    });
  }

  test("The tags of a response are those that purges use", async (t) => {
    const site = await deployed(t);
    // printf %s image:photos/cat.jpg | sha256sum | head -c 16, and so on for folder: and folder:photos
    const expected = ["6c5c43800d68050f", "4adc89458adf3aac", "9a9ffc8a083091d4"];
    for (const [path, method] of [
      [PATH, "GET"],
      [PATH, "HEAD"],
      [`${PATH}?aspect=1:1`, "GET"],
    ]) {
      assert.deepEqual((await site.request(method, path)).headers["cache-tag"].split(","), expected, path);
    }
    for (const path of [PATH, "/metadata/photos/*", "/metadata/*"]) await purge(site, path);
    assert.deepEqual(site.edge.purges, [{ tags: [expected[0]] }, { tags: [expected[2]] }, { tags: [expected[1]] }]);
  });

  test("A folder of 150 images is purged there once, with its last page", async (t) => {
    const site = await deployed(t);
    for (let n = 0; n < 150; n++) site.kv.seed(`metadata:a/${n}.jpg`, { metadata: recordOf() });
    await site.edge.get("/metadata/a/1.jpg");
    const first = await purge(site, "/metadata/a/*");
    assert.deepEqual(Object.keys(first.json), ["purged", "cursor"]);
    assert.deepEqual([site.edge.purges.length, site.edge.paths.length], [0, 1]);
    const last = await purge(site, `/metadata/a/*?cursor=${encodeURIComponent(first.json.cursor)}`);
    assert.deepEqual(last.json, { purged: 50, edge: true });
    assert.deepEqual([site.edge.purges.length, site.edge.paths.length], [1, 0]);
  });

  for (const [purging, cause] of [
    ["refuses", "rate limited"],
    ["rejects", "the purge failed"],
    ["hangs", "timeout"],
  ]) {
    test(`A purge that the cache ${purging} is a 503 within its time limit, and a repeated one finishes the work`, async (t) => {
      const site = await deployed(t);
      await site.edge.get(PATH);
      site.edge.purging = purging;
      const started = performance.now();
      const refused = await purge(site, PATH);
      assertProblem(refused, 503, "purge-failed", { instance: PATH });
      assert.deepEqual([refused.headers["retry-after"], refused.headers["cache-control"]], ["15", "no-store"]);
      assert.ok(performance.now() - started < 15_000);
      assert.equal((await site.logged({ event: "edge-purge-fault" })).cause, cause);
      assert.deepEqual([[...site.kv.records.keys()], site.edge.paths], [[], [PATH]], "KV is purged, the cache is not");
      site.edge.purging = "works";
      assert.deepEqual((await purge(site, PATH)).json, { purged: 1, edge: true });
      assert.deepEqual(site.edge.paths, []);
    });
  }

  test("Without such a cache a purge succeeds, says so, and one warning is logged", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN: TOKEN }, config: { edgeCache: true } });
    for (const path of [PATH, "/metadata/*"]) {
      const { status, json } = await site.request("DELETE", path, { headers: bearer });
      assert.deepEqual([status, json.edge], [200, false]);
    }
    assert.equal((await site.logged({ event: "edge-cache-missing" })).level, "warn");
    await site.stop();
    assert.equal(site.log.filter(({ event }) => event === "edge-cache-missing").length, 1);
  });
});

suite("The platform's cache without the setting edgeCache", () => {
  test("With the cache on, nothing is stored", async (t) => {
    const site = await deployed(t, { config: { edgeCache: false } });
    for (const [what, { method, path, ...options }, status] of requests(site)) {
      const answer = await site.request(method, path, options);
      assert.equal(answer.status, status, what);
      assert.equal(answer.headers[EDGE], "no-store", what);
      assert.equal(answer.headers["cache-tag"], undefined, what);
      await site.edge.request(method, path, options);
    }
    assert.deepEqual(site.edge.paths, []);
    assert.deepEqual((await purge(site, PATH)).json, { purged: 1 });
    assert.deepEqual(site.edge.purges, []);
  });

  suite("Without the cache, headers are as before", async () => {
    const cors = ["access-control-allow-origin", "access-control-expose-headers", "timing-allow-origin"];
    const all = [...cors, "x-content-type-options", "cache-control"];
    const found = [...all, "cache-status", "etag", "metadata-age", "server-timing"];
    const inspector = [...all, "content-type", "etag", "content-security-policy", "cross-origin-opener-policy", "referrer-policy"];
    const site = await deploy({ after }, { env: { ADMIN_TOKEN: TOKEN } });
    const control = (what) => {
      if (/Inspector|API/.test(what)) return "no-cache";
      if (what === "a missing image") return "public, max-age=60";
      return /^(an image( again)?|a crop)$|not modified$/.test(what) ? "public, max-age=3600, stale-while-revalidate=3600" : "no-store";
    };
    const expected = {
      "an image": [...found, "content-type"],
      "an image again": [...found, "content-type"],
      "a crop": [...found, "content-type"],
      "a crop that is not modified": found,
      "an image that is not modified": found,
      "another method": [...all, "content-type", "allow"],
      "a preflight": [...all, "allow", "access-control-allow-headers", "access-control-allow-methods", "access-control-max-age"],
      "the Inspector": inspector,
      "a file of the Inspector": inspector,
      "the API description": [...all, "content-type", "etag"],
      "statistics without a token": [...all, "content-type", "www-authenticate"],
      "an overloaded origin": [...all, "content-type", "cache-status", "server-timing", "retry-after"],
    };
    for (const what of ["a missing image", "a forbidden image", "an image that is too large", "a page instead of an image", "a failing origin", "a slow origin"])
      expected[what] = [...all, "content-type", "cache-status", "server-timing"];
    for (const [what, { method, path, ...options }, status] of requests(site)) {
      test(`The response to ${what} has the headers that it had before`, async () => {
        const answer = await site.request(method, path, options);
        assert.equal(answer.status, status, answer.text);
        const added = ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];
        const names = Object.keys(answer.headers).filter((name) => !added.includes(name));
        assert.deepEqual(names.sort(), [...(expected[what] ?? [...all, "content-type"])].sort());
        assert.equal(answer.headers["cache-control"], control(what));
      });
    }
  });
});

import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import CachePolicy from "http-cache-semantics";
import { startBrowser, withoutBrowser } from "./harness/browser.mjs";
import { assertFound, recordOf } from "./harness/expect.mjs";
import { failure, redirect, reset, noResponse, text } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const HOUR = 3600;
const WEEK = 7 * 24 * HOUR;
const ADMIN_TOKEN = "correct horse battery staple";
const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` };

/** A client's cache per RFC 9111, on a clock that the test controls. */
class Cache extends CachePolicy {
  now() {
    return clockMs;
  }
}
let clockMs = 0;

const request = (url, headers = {}) => ({ url, method: "GET", headers: { host: "metadata.test", ...headers } });
const cached = (answer, url = "/metadata/a") => new Cache(request(url), answer, { shared: false });

/** The number of whole seconds for which a client's cache considers a response fresh. */
function freshFor(policy) {
  const received = clockMs;
  let seconds = 0;
  // Freshness ends only once, so a binary search finds the second.
  for (let step = 2 * WEEK; step >= 1; step = Math.floor(step / 2)) {
    clockMs = received + (seconds + step) * 1000 - 1;
    if (!policy.stale()) seconds += step;
  }
  clockMs = received;
  return seconds;
}

suite("Freshness in a client's cache", () => {
  for (const clientMaxAge of [60, HOUR, WEEK]) {
    test(`A client's cache keeps a response of any layer and age as long as it is fresh, at most clientMaxAge = ${clientMaxAge}`, async (t) => {
      const site = await deploy(t, { clock: true, config: { clientMaxAge, memoryCacheTtl: 24 * HOUR } });
      await site.clock.freeze();
      const expect = async (left, what, path, headers) => {
        const answer = await site.get(path, headers);
        const expected = Math.max(0, Math.min(left, clientMaxAge));
        assert.equal(freshFor(cached(answer)), expected, `${what}: ${JSON.stringify(answer.headers)}`);
        return answer;
      };

      const first = await site.get("/metadata/a");
      const lifetime = (await site.get("/metadata/a")).cacheStatus.ttl;
      assert.ok(lifetime > 22 * HOUR, "the record is fresh for a day minus the jitter of its key");
      assert.equal(freshFor(cached(first)), Math.min(lifetime, clientMaxAge), "from the origin");
      await site.kv.written("metadata:a");

      for (const age of [0, HOUR, Math.floor(lifetime - 30), lifetime + HOUR / 2]) {
        const fetched = site.clock.now() - age * 1000;
        site.kv.seed("metadata:a", { metadata: recordOf({ lastFetched: fetched }) });
        await site.restart();
        assertFound(await expect(lifetime - age, `${age} s old, from KV`, "/metadata/a"), "kv");
        // A stale record is already being refreshed from the origin.
        if (age > lifetime) continue;
        const hit = await expect(lifetime - age, `${age} s old, from memory`, "/metadata/a");
        assertFound(hit, "memory");
        assertFound(await expect(lifetime - age, `${age} s old, a crop`, "/metadata/a?aspect=1:1"), "memory");

        const revalidated = await site.get("/metadata/a", { "If-None-Match": hit.etag });
        assert.equal(revalidated.status, 304);
        const { policy, modified } = cached(hit).revalidatedPolicy(request("/metadata/a"), revalidated);
        assert.equal(modified, false);
        assert.equal(freshFor(policy), Math.max(0, Math.min(lifetime - age, clientMaxAge)), `${age} s old, a 304`);
      }
    });
  }

  test("A client's cache keeps a missing image for the rest of negativeTtl", async (t) => {
    const site = await deploy(t, { clock: true, config: { negativeTtl: 60 } });
    await site.clock.freeze();
    site.origin.on("/assets/a", failure(404));
    assert.equal(freshFor(cached(await site.get("/metadata/a"))), 60);
    await site.clock.advance(40);
    assert.equal(freshFor(cached(await site.get("/metadata/a"))), 20);
  });

  test("A client's cache does not keep a stale response, even if the origin fails", async (t) => {
    const site = await deploy(t);
    site.kv.seed("metadata:a", { metadata: recordOf({ lastFetched: Date.now() - 30 * HOUR * 1000 }) });
    site.origin.on("/assets/a", failure(500));
    const answer = await site.get("/metadata/a");
    assert.ok(answer.cacheStatus.ttl < 0, answer.headers["cache-status"]);
    assert.equal(freshFor(cached(answer)), 0);
  });
});

test("Chromium sends one request for a record three hours old that is fetched four times", { skip: withoutBrowser }, async (t) => {
  const site = await deploy(t, { config: { logLevel: "debug" } });
  site.kv.seed("metadata:a", { metadata: recordOf({ lastFetched: Date.now() - 3 * HOUR * 1000 }) });
  const browser = await startBrowser({ after: (end) => t.after(end) });
  const page = await browser.newPage();
  await page.goto(`${site.url}/`);
  const ages = await page.evaluate(async () => {
    const ages = [];
    for (let n = 0; n < 4; n++) ages.push((await fetch("/metadata/a")).headers.get("Metadata-Age"));
    return ages;
  });
  assert.equal(new Set(ages).size, 1);
  assert.ok(ages[0] >= 3 * HOUR);
  await site.get("/metadata/last");
  await site.logged({ event: "request", path: "/metadata/last" });
  assert.equal(site.log.filter(({ event, path }) => event === "request" && path === "/metadata/a").length, 1);
});

suite("Cache-Control of every response", async () => {
  const site = await deploy({ after }, { env: { ADMIN_TOKEN }, config: { originTimeoutMs: 300, errorTtl: 0, batchLimit: 2 } });
  const plain = await deploy({ after }, { config: { corsOrigins: ["https://shop.test"], inspector: false } });
  const broken = await deploy({ after }, { config: { originUrl: "ftp://images.test" } });
  const kvDown = await deploy({ after }, { env: { ADMIN_TOKEN } });
  kvDown.kv.intercept("delete", () => ({ status: 503 }));

  const responders = {
    missing: failure(404),
    forbidden: failure(403),
    large: failure(413),
    page: text("<!doctype html>"),
    error: failure(500),
    redirected: redirect("https://evil.test/"),
    broken: text('{"width":', { headers: { "Content-Type": "application/json" } }),
    unreachable: reset(),
    overloaded: failure(503),
    timeout: noResponse(),
  };
  for (const [name, responder] of Object.entries(responders)) site.origin.on(`/assets/${name}`, responder);

  const batch = (paths) => ({ body: JSON.stringify({ paths }) });
  const etagOf = async (path) => (await site.get(path)).etag;
  const page = (await site.get("/")).text;
  const inspectorFiles = ["/", ...page.matchAll(/(?:src|href)="(\/[^"]+)"/g).map(([, path]) => path)];
  const imports = async (path) => (await site.get(path)).text.matchAll(/from "\.\/([^"]+)"/g).map(([, name]) => `/inspector/${name}`);
  inspectorFiles.push(...(await imports("/inspector/main.js")));

  const IMAGE = /^public, max-age=\d+, stale-while-revalidate=\d+$/;
  const requests = [
    ["GET", "/metadata/a", {}, 200, IMAGE],
    ["HEAD", "/metadata/a", {}, 200, IMAGE],
    ["GET", "/metadata/a?aspect=1:1", {}, 200, IMAGE],
    ["GET", "/metadata/a", { headers: { "If-None-Match": await etagOf("/metadata/a") } }, 304, IMAGE],
    ["GET", "/metadata/a?aspect=x", {}, 400],
    ["GET", "/metadata/a//b", {}, 400],
    ["GET", "/metadata", {}, 400],
    ["GET", "/metadata/missing", {}, 404, /^public, max-age=\d+$/],
    ["GET", "/metadata/forbidden", {}, 403],
    ["GET", "/metadata/large", {}, 413],
    ["GET", "/metadata/page", {}, 415],
    ...["error", "redirected", "broken", "unreachable"].map((name) => ["GET", `/metadata/${name}`, {}, 502]),
    ["GET", "/metadata/overloaded", {}, 503],
    ["GET", "/metadata/timeout", {}, 504],
    ["PUT", "/metadata/a", {}, 405],
    ["POST", "/metadata/a", {}, 405],
    ["POST", "/metadata", batch(["a", "missing"]), 200],
    ["POST", "/metadata", batch([]), 400],
    ["POST", "/metadata", { body: "[" }, 400],
    ["POST", "/metadata", batch(["a", "b", "c"]), 413],
    ["DELETE", "/metadata/b", { headers: admin }, 200],
    ["DELETE", "/metadata/b/*", { headers: admin }, 200],
    ["DELETE", "/metadata/b", {}, 401],
    ["DELETE", "/metadata/b", { headers: { Authorization: "Bearer wrong" } }, 403],
    ["GET", "/health", {}, 200],
    ["POST", "/health", {}, 405],
    ["GET", "/stats", { headers: admin }, 200],
    ["GET", "/metrics", { headers: admin }, 200],
    ["GET", "/stats", {}, 401],
    ["GET", "/openapi.json", {}, 200, /^no-cache$/],
    ["GET", "/openapi.json", { headers: { "If-None-Match": await etagOf("/openapi.json") } }, 304, /^no-cache$/],
    ["GET", "/nowhere", {}, 404],
    ...inspectorFiles.map((path) => ["GET", path, {}, 200, /^no-cache$/]),
    ["GET", "/", { headers: { "If-None-Match": await etagOf("/") } }, 304, /^no-cache$/],
    ...["/metadata/a", "/metadata", "/health", "/stats", "/metrics", "/openapi.json", "/"].map((path) => ["OPTIONS", path, {}, 204]),
  ].map((request) => [site, ...request]);
  requests.push(
    [plain, "GET", "/", {}, 404],
    [plain, "GET", "/stats", {}, 404],
    [plain, "DELETE", "/metadata/a", {}, 404],
    [plain, "OPTIONS", "/metadata/a", { headers: { Origin: "https://shop.test" } }, 204],
    [broken, "GET", "/metadata/a", {}, 500],
    [broken, "OPTIONS", "/metadata/a", {}, 500],
    [broken, "GET", "/health", {}, 500],
    [kvDown, "DELETE", "/metadata/a", { headers: admin }, 503],
  );

  for (const [on, method, path, options, status, cacheControl = /^no-store$/] of requests) {
    test(`A ${status} for ${method} ${path} has its Cache-Control and no Age${options.headers || options.body ? ` ${JSON.stringify(options)}` : ""}`, async () => {
      const answer = await on.request(method, path, options);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.headers["cache-control"] ?? "", cacheControl);
      assert.equal(answer.headers.age, undefined);
      // A 304 refreshes a response that is already stored.
      if (status === 304) return;
      // Only an explicitly cacheable response is kept, by a browser or by a shared cache.
      const policy = new CachePolicy({ ...request(path, options.headers), method }, answer, { shared: true });
      assert.equal(policy.storable() && policy.timeToLive() > 0, /^public, max-age=[1-9]/.test(answer.headers["cache-control"]));
    });
  }
});

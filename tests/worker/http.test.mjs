import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem, bodyOf } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

const site = await deploy({ after });
const PATH = "/metadata/photos/cat.jpg";

suite("The response to GET", () => {
  test("The response to GET is the metadata as JSON, in the published order", async () => {
    const answer = await site.get(PATH);
    assert.equal(answer.status, 200);
    assert.equal(answer.text, JSON.stringify(bodyOf("photos/cat.jpg")));
  });

  test("The response to GET has every documented header", async () => {
    const { headers, bytes } = await site.get(PATH);
    assert.match(headers["content-type"], /^application\/json\b/);
    assert.match(headers.etag, /^"[0-9a-z]+"$/);
    assert.match(headers["metadata-age"], /^\d+$/);
    assert.equal(headers.age, undefined, "clients subtract Age from max-age");
    assert.match(headers["cache-control"], /^public, max-age=\d+, stale-while-revalidate=3600$/);
    assert.match(headers["cache-status"], /^OptimizedMetadata; /);
    assert.match(headers["server-timing"], /^memory;dur=[\d.]+(, [a-z]+;dur=[\d.]+)*, total;dur=[\d.]+$/);
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.equal(headers["timing-allow-origin"], "*");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(Number(headers["content-length"] ?? bytes.length), bytes.length);
  });

  test("Scripts can read Age, Retry-After, ETag, Metadata-Age, Cache-Status and Server-Timing", async () => {
    const { headers } = await site.get(PATH, { Origin: "https://shop.test" });
    const exposed = (headers["access-control-expose-headers"] ?? "").toLowerCase().split(/,\s*/);
    for (const name of ["age", "retry-after", "etag", "metadata-age", "cache-status", "server-timing"]) assert.ok(exposed.includes(name) || exposed.includes("*"), name);
  });

  test("Unknown query parameters do not change the response", async () => {
    await site.get(PATH);
    const answer = await site.get(`${PATH}?v=2&utm_source=x&%zz=&=`);
    assertFound(answer, "memory");
    assert.equal(answer.etag, (await site.get(PATH)).etag);
  });

  test("Each image has its own ETag", async () => {
    assert.notEqual((await site.get("/metadata/a.jpg")).etag, (await site.get("/metadata/b.jpg")).etag);
  });
});

test("HEAD has the headers of GET and no body, on a miss and on a hit", async () => {
  for (const layer of ["origin", "memory"]) {
    const head = await site.request("HEAD", `/metadata/head.jpg`);
    assertFound(head, layer);
    assert.equal(head.bytes.length, 0);
    const get = await site.get("/metadata/head.jpg");
    const steady = ({ headers }) => {
      const { date, "metadata-age": age, "server-timing": timing, "cache-status": status, "cache-control": control, ...rest } = headers;
      return rest;
    };
    // How a body is delimited may differ.
    const { "transfer-encoding": a, "content-length": headLength, ...ofHead } = steady(head);
    const { "transfer-encoding": b, "content-length": getLength, ...ofGet } = steady(get);
    assert.deepEqual(ofHead, ofGet);
    if (headLength !== undefined) assert.equal(headLength, String(get.bytes.length));
  }
});

suite("If-None-Match", () => {
  const etag = (async () => (await site.get(PATH)).etag)();

  for (const [what, value] of [
    ["the ETag", (e) => e],
    ["the ETag among others", (e) => `"x", ${e}, "y"`],
    ["the ETag among others without spaces", (e) => `"x",${e},"y"`],
    ["*", () => "*"],
    ["the ETag marked weak, as a proxy may have done", (e) => `W/${e}`],
    ["the ETag marked weak among others", (e) => `W/"x", W/${e}`],
  ]) {
    for (const method of ["GET", "HEAD"]) {
      test(`${method} with If-None-Match of ${what} is a 304 without a body, with the headers that a cache needs`, async () => {
        const answer = await site.request(method, PATH, { headers: { "If-None-Match": value(await etag) } });
        assert.equal(answer.status, 304);
        assert.equal(answer.bytes.length, 0);
        assert.equal(answer.etag, await etag);
        assert.match(answer.headers["cache-control"], /^public, max-age=\d+/);
        assert.equal(answer.headers["access-control-allow-origin"], "*");
        assert.equal(answer.headers["content-type"], undefined);
      });
    }
  }

  for (const [what, value] of [
    ["another ETag", () => '"0000000000000000"'],
    ["the ETag without its quotes", (e) => e.slice(1, -1)],
    ["a part of the ETag", (e) => `${e.slice(0, -2)}"`],
    ["a longer one", (e) => `${e.slice(0, -1)}0"`],
    ["nothing", () => ""],
  ]) {
    test(`GET with If-None-Match of ${what} is a 200`, async () => {
      const answer = await site.get(PATH, { "If-None-Match": value(await etag) });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.json, bodyOf("photos/cat.jpg"));
    });
  }

  test("If-None-Match of an image that is not in memory is answered with 304", async (t) => {
    const own = await deploy(t);
    const answer = await own.get(PATH, { "If-None-Match": await etag });
    assert.equal(answer.status, 304);
    await own.kv.written("metadata:photos/cat.jpg");
    assertFound(await own.get(PATH), "memory");
  });
});

suite("Other methods", () => {
  for (const method of ["POST", "PUT", "PATCH", "PROPFIND"]) {
    test(`${method} is not allowed`, async (t) => {
      const own = await deploy(t);
      const answer = await own.request(method, PATH, { body: "{}" });
      assertProblem(answer, 405, "method-not-allowed", { instance: PATH });
      const allowed = answer.headers.allow.split(/,\s*/);
      for (const name of ["GET", "HEAD", "OPTIONS"]) assert.ok(allowed.includes(name), `${name} in ${answer.headers.allow}`);
      assert.ok(!allowed.includes(method));
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.deepEqual([own.kv.operations.length, own.origin.requests.length], [0, 0]);
    });
  }
});

suite("CORS", () => {
  const preflight = (on, origin) =>
    on.request("OPTIONS", PATH, {
      headers: { Origin: origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match" },
    });

  test("A preflight is a 204 that lists what is allowed, without KV or the origin", async (t) => {
    const own = await deploy(t);
    const { status, headers, bytes } = await preflight(own, "https://shop.test");
    assert.equal(status, 204);
    assert.equal(bytes.length, 0);
    assert.equal(headers["access-control-allow-origin"], "*");
    for (const method of ["GET", "HEAD"]) assert.match(headers["access-control-allow-methods"], new RegExp(`\\b${method}\\b`));
    assert.match(headers["access-control-allow-headers"], /if-none-match|\*/i);
    assert.match(headers["access-control-max-age"], /^[1-9]\d*$/);
    assert.deepEqual([own.kv.operations.length, own.origin.requests.length], [0, 0]);
  });

  test("Only the sites of corsOrigins are allowed, and Vary includes Origin", async (t) => {
    const own = await deploy(t, { config: { corsOrigins: ["https://shop.test", "http://localhost:3000"] } });
    for (const answer of [
      await preflight(own, "https://shop.test"),
      await own.get(PATH, { Origin: "https://shop.test" }),
      await own.get("/metadata/", { Origin: "https://shop.test" }),
    ]) {
      assert.equal(answer.headers["access-control-allow-origin"], "https://shop.test");
      assert.match(answer.headers.vary ?? "", /\bOrigin\b/i);
    }
    for (const origin of ["https://evil.test", "https://shop.test.evil.test", "http://shop.test", "null"]) {
      for (const answer of [await preflight(own, origin), await own.get(PATH, { Origin: origin })]) {
        assert.notEqual(answer.headers["access-control-allow-origin"], origin);
        assert.notEqual(answer.headers["access-control-allow-origin"], "*");
      }
    }
    const plain = await own.get(PATH);
    assert.match(plain.headers.vary ?? "", /\bOrigin\b/i, "a cache must not serve a response without the header to a site");
  });
});

suite("Errors", () => {
  test("An error is a JSON problem, and is not cached", async () => {
    const answer = await site.get("/metadata/a%20b//c");
    const problem = assertProblem(answer, 400, "invalid-path", { instance: "/metadata/a%20b//c" });
    assert.deepEqual(Object.keys(problem).sort(), ["code", "detail", "instance", "status", "title", "type"]);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
  });

  test("An unknown route is a 404", async () => {
    assertProblem(await site.get("/nowhere?x=1"), 404, "no-route", { instance: "/nowhere" });
  });

  test("An error response to HEAD has no body", async () => {
    const answer = await site.request("HEAD", "/nowhere");
    assert.equal(answer.status, 404);
    assert.equal(answer.bytes.length, 0);
  });
});

import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem } from "../harness/expect.mjs";
import { failure, image, json, redirect, resizerError } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

suite("Errors of the resizer", () => {
  for (const [code, sent, status, problemCode] of [
    [9401, 403, 403, "forbidden-by-origin"],
    [9402, 502, 413, "source-too-large"],
    [9403, 508, 502, "origin-error"],
    [9404, 404, 404, "not-found"],
    [9407, 523, 502, "origin-unreachable"],
    [9408, 408, 403, "forbidden-by-origin"],
    [9412, 415, 415, "not-an-image"],
    [9413, 403, 413, "source-too-large"],
    [9422, 429, 503, "origin-overloaded"],
    [9423, 429, 503, "origin-overloaded"],
    [9504, 522, 504, "origin-timeout"],
    [9504, 524, 504, "origin-timeout"],
    [9509, 502, 502, "origin-error"],
    [9520, 415, 415, "not-an-image"],
    [9522, 503, 503, "origin-overloaded"],
    [9529, 504, 504, "origin-timeout"],
    [9999, 500, 502, "origin-error"],
  ]) {
    test(`The resizer error ${code} with status ${sent} is a ${status} ${problemCode} that gives the resizer's code`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, resizerError(code, sent));
      const answer = await site.get(PATH);
      const { detail } = assertProblem(answer, status, problemCode, { instance: PATH });
      assert.match(detail, new RegExp(`\\b${code}\\b`));
      assert.doesNotMatch(answer.text, /the resizer's words/);
      if (status === 503) assert.ok(Number(answer.headers["retry-after"]) >= 1, `Retry-After: ${answer.headers["retry-after"]}`);
      assert.equal(answer.headers["cache-control"], status === 404 ? "public, max-age=60" : "no-store");
      assert.equal(site.kv.writes().length, 0);
    });
  }

  test("The resizer's code is found among other fields of Cf-Resized", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(415, { "Cf-Resized": "internal=ok/- q=0 n=12+5 c=0 err=9412" }));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /9412/);
  });

  for (const header of ["err=", "err=abc", "err=99999999999999999999", "", "internal=ok"]) {
    test(`With a Cf-Resized of "${header}" the status decides`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(500, { "Cf-Resized": header }));
      assertProblem(await site.get(PATH), 502, "origin-error");
    });
  }

  test("A Cf-Resized without an error does not affect a valid response", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, json({ width: 3, height: 2 }, { headers: { "Cf-Resized": "internal=ok/m q=0 n=1+2 c=0+0 v=2026" } }));
    assertFound(await site.get(PATH), "origin");
  });
});

suite("An overloaded origin", () => {
  for (const [status, header, expected] of [
    [429, "7", "7"],
    [503, "7", "7"],
    [503, "120", "120"],
    [429, "999999999", "3600"],
    [429, "0", "1"],
  ]) {
    test(`A ${status} of the origin with Retry-After: ${header} is a 503 with Retry-After: ${expected}`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(status, { "Retry-After": header }));
      const answer = await site.get(PATH);
      assertProblem(answer, 503, "origin-overloaded");
      assert.equal(answer.headers["retry-after"], expected);
    });
  }

  for (const [status, headers] of [
    [429, {}],
    [503, {}],
    [503, { "Retry-After": "soon" }],
    [429, { "Retry-After": "-5" }],
  ]) {
    test(`A ${status} of the origin with the headers ${JSON.stringify(headers)} is a 503 with the service's own Retry-After`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(status, headers));
      const answer = await site.get(PATH);
      assertProblem(answer, 503, "origin-overloaded");
      assert.match(answer.headers["retry-after"], /^[1-9]\d{0,3}$/);
    });
  }
});

suite("A status of the origin without a resizer code", () => {
  for (const [sent, status, code] of [
    [400, 502, "origin-error"],
    [401, 403, "forbidden-by-origin"],
    [403, 403, "forbidden-by-origin"],
    [404, 404, "not-found"],
    [410, 404, "not-found"],
    [413, 413, "source-too-large"],
    [415, 415, "not-an-image"],
    [418, 502, "origin-error"],
    [522, 504, "origin-timeout"],
    [530, 502, "origin-error"],
  ]) {
    test(`A ${sent} of the origin is a ${status} ${code}`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(sent));
      assertProblem(await site.get(PATH), status, code);
    });
  }
});

suite("Redirects of the origin", () => {
  for (const [what, location] of [
    ["another host", "https://evil.test/assets/photos/cat.jpg"],
    ["another host without a scheme", "//evil.test/x"],
    ["another host after backslashes", "\\\\evil.test\\x"],
    ["another host after a slash and a backslash", "/\\evil.test/x"],
    ["another host after a scheme with backslashes", "https:\\\\evil.test/x"],
    ["a host with the origin's host as prefix", "https://images.test.evil.test/x"],
    ["another host with the origin's host as credentials", "https://images.test@evil.test/x"],
    ["a subdomain", "https://a.images.test/x"],
    ["another scheme", "http://images.test/assets/new.jpg"],
    ["another port", "https://images.test:8443/assets/new.jpg"],
    ["a scheme other than HTTP", "javascript:alert(1)"],
    ["a file URL", "file:///etc/passwd"],
    ["a data URL", "data:application/json,{}"],
    ["an empty Location", ""],
    ["an invalid URL", "https://[::1"],
  ]) {
    test(`A redirect to ${what} is refused without a request there`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, redirect(location));
      assertProblem(await site.get(PATH), 502, "redirect-refused");
      assert.deepEqual(
        site.origin.requests.map((request) => request.url),
        [`https://images.test${ORIGIN_PATH}`],
      );
      assert.equal(site.kv.writes().length, 0);
    });
  }

  test("The problem of a refused redirect says to change originUrl", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, redirect("https://www.images.test/assets/photos/cat.jpg"));
    assert.match(assertProblem(await site.get(PATH), 502, "redirect-refused").detail, /Set originUrl to the target of the redirect/);
  });

  for (const status of [300, 304, 305]) {
    test(`A ${status} with a Location is an origin error, not a redirect`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, status === 304 ? (_, response) => response.writeHead(304).end() : redirect("https://evil.test/", status));
      assertProblem(await site.get(PATH), 502, "origin-error");
      assert.equal(site.origin.requests.length, 1);
    });
  }

  test("A redirect without a Location is refused", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(302));
    assertProblem(await site.get(PATH), 502, "redirect-refused");
  });

  for (const status of [301, 302, 303, 307, 308]) {
    test(`A ${status} within the origin is followed`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, redirect("https://images.test/assets/new.jpg?v=2", status));
      site.origin.on("/assets/new.jpg", image({ width: 7 }));
      const answer = await site.get(PATH);
      assertFound(answer, "origin");
      assert.equal(answer.json.metadata.width, 7);
      assert.equal(answer.json.path, "photos/cat.jpg", "the response has the requested path");
      assert.deepEqual(site.origin.requests[1].cf, { image: { format: "json" } });
    });
  }

  test("A redirect relative to the image is followed", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, redirect("../new.jpg"));
    assertFound(await site.get(PATH), "origin");
    assert.equal(site.origin.requests[1].url, "https://images.test/assets/new.jpg");
  });

  test("At most three redirects are followed", async (t) => {
    const site = await deploy(t, { config: { errorTtl: 0 } });
    const hop = (n) => `/assets/hop${n}.jpg`;
    site.origin.on(ORIGIN_PATH, redirect(hop(1)));
    for (const n of [1, 2]) site.origin.on(hop(n), redirect(hop(n + 1)));
    assertFound(await site.get(PATH), "origin");
    assert.equal(site.origin.requests.length, 4);

    site.origin.clearRequests();
    site.origin.on(hop(3), redirect(hop(4)));
    await site.restart();
    site.kv.records.clear();
    assertProblem(await site.get(PATH), 502, "redirect-refused");
    assert.equal(site.origin.requests.length, 4);
  });

  test("A redirect loop is a 502", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, redirect(ORIGIN_PATH));
    assertProblem(await site.get(PATH), 502, "redirect-refused");
    assert.ok(site.origin.requests.length <= 4, `${site.origin.requests.length} requests`);
  });
});

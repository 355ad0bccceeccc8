import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem } from "../harness/expect.mjs";
import { failure, image, json, redirect, resizerError } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

suite("an error of the resizer is told in our terms, with its code:", () => {
  for (const [code, sent, status, ours] of [
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
    test(`${code}, sent with ${sent}, is ${status} ${ours}`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, resizerError(code, sent));
      const answer = await site.get(PATH);
      const { detail } = assertProblem(answer, status, ours, { instance: PATH });
      assert.match(detail, new RegExp(`\\b${code}\\b`));
      assert.doesNotMatch(answer.text, /the resizer's words/);
      if (status === 503) assert.ok(Number(answer.headers["retry-after"]) >= 1, `Retry-After: ${answer.headers["retry-after"]}`);
      assert.equal(answer.headers["cache-control"], status === 404 ? "public, max-age=60" : "no-store");
      assert.equal(site.kv.writes().length, 0);
    });
  }

  test("also where more stands in the header", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(415, { "Cf-Resized": "internal=ok/- q=0 n=12+5 c=0 err=9412" }));
    assert.match(assertProblem(await site.get(PATH), 415, "not-an-image").detail, /9412/);
  });

  for (const header of ["err=", "err=abc", "err=99999999999999999999", "", "internal=ok"]) {
    test(`a Cf-Resized of "${header}" leaves the status to tell`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(500, { "Cf-Resized": header }));
      assertProblem(await site.get(PATH), 502, "origin-error");
    });
  }

  test("a Cf-Resized without an error does not spoil a good answer", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, json({ width: 3, height: 2 }, { headers: { "Cf-Resized": "internal=ok/m q=0 n=1+2 c=0+0 v=2026" } }));
    assertFound(await site.get(PATH), "origin");
  });
});

suite("an overloaded origin", () => {
  for (const [status, header, expected] of [
    [429, "7", "7"],
    [503, "7", "7"],
    [503, "120", "120"],
    [429, "999999999", "3600"],
    [429, "0", "1"],
  ]) {
    test(`that says ${status} with a Retry-After of ${header} is told as 503 with ${expected}`, async (t) => {
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
    test(`that says ${status} with ${JSON.stringify(headers)} is told as 503 with a Retry-After of ours`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(status, headers));
      const answer = await site.get(PATH);
      assertProblem(answer, 503, "origin-overloaded");
      assert.match(answer.headers["retry-after"], /^[1-9]\d{0,3}$/);
    });
  }
});

suite("a status of the origin without a resizer's code:", () => {
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
    test(`${sent} is ${status} ${code}`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, failure(sent));
      assertProblem(await site.get(PATH), status, code);
    });
  }
});

suite("a redirect", () => {
  for (const [what, location] of [
    ["another host", "https://evil.test/assets/photos/cat.jpg"],
    ["another host without a scheme", "//evil.test/x"],
    ["another host behind backslashes", "\\\\evil.test\\x"],
    ["another host behind a slash and a backslash", "/\\evil.test/x"],
    ["another host behind a scheme with backslashes", "https:\\\\evil.test/x"],
    ["a host that begins like ours", "https://images.test.evil.test/x"],
    ["a host behind our name as credentials", "https://images.test@evil.test/x"],
    ["a subdomain", "https://a.images.test/x"],
    ["another scheme", "http://images.test/assets/new.jpg"],
    ["another port", "https://images.test:8443/assets/new.jpg"],
    ["a scheme that is no web", "javascript:alert(1)"],
    ["a file", "file:///etc/passwd"],
    ["data", "data:application/json,{}"],
    ["nothing", ""],
    ["a broken URL", "https://[::1"],
  ]) {
    test(`to ${what} is refused, and nothing is asked there`, async (t) => {
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

  test("says to change originUrl", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, redirect("https://www.images.test/assets/photos/cat.jpg"));
    assert.match(assertProblem(await site.get(PATH), 502, "redirect-refused").detail, /set originUrl to where it redirects/);
  });

  for (const status of [300, 304, 305]) {
    test(`is not what ${status} is, also with a Location: an origin error`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, status === 304 ? (_, response) => response.writeHead(304).end() : redirect("https://evil.test/", status));
      assertProblem(await site.get(PATH), 502, "origin-error");
      assert.equal(site.origin.requests.length, 1);
    });
  }

  test("without a Location is refused", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(302));
    assertProblem(await site.get(PATH), 502, "redirect-refused");
  });

  for (const status of [301, 302, 303, 307, 308]) {
    test(`${status} within the origin is followed`, async (t) => {
      const site = await deploy(t);
      site.origin.on(ORIGIN_PATH, redirect("https://images.test/assets/new.jpg?v=2", status));
      site.origin.on("/assets/new.jpg", image({ width: 7 }));
      const answer = await site.get(PATH);
      assertFound(answer, "origin");
      assert.equal(answer.json.metadata.width, 7);
      assert.equal(answer.json.path, "photos/cat.jpg", "the answer is for the path that was asked for");
      assert.deepEqual(site.origin.requests[1].cf, { image: { format: "json" } });
    });
  }

  test("relative to the image is followed", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, redirect("../new.jpg"));
    assertFound(await site.get(PATH), "origin");
    assert.equal(site.origin.requests[1].url, "https://images.test/assets/new.jpg");
  });

  test("is followed three times, and no more", async (t) => {
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

  test("in a circle ends", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, redirect(ORIGIN_PATH));
    assertProblem(await site.get(PATH), 502, "redirect-refused");
    assert.ok(site.origin.requests.length <= 4, `${site.origin.requests.length} requests`);
  });
});

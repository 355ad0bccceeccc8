import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { assertProblem } from "../harness/expect.mjs";
import { deploy } from "../harness/site.mjs";

/** Raise this only by intent: everything that a visitor loads. */
const BUDGET_BYTES = 25_000;

suite("The Inspector's files", () => {
  test("Each file of the Inspector has its type, security headers and an ETag, and is revalidated with 304", async (t) => {
    const site = await deploy(t, { config: { originUrl: "https://images.test/assets" } });
    const page = await site.get("/");
    const loaded = [...page.text.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map((match) => match[1]);
    const files = new Set(["/", ...loaded]);
    assert.deepEqual([...files].sort(), ["/", "/inspector/icon.svg", "/inspector/main.js", "/inspector/style.css"]);
    const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
    let bytes = 0;
    for (const name of files) {
      const answer = await site.get(name);
      assert.equal(answer.status, 200, name);
      bytes += gzipSync(answer.text, { level: 9 }).length;
      const type = types[name === "/" ? "html" : name.split(".").at(-1)];
      assert.equal(answer.headers["content-type"], `${type}; charset=utf-8`, name);
      assert.equal(answer.headers["cache-control"], "no-cache");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      assert.equal(answer.headers["referrer-policy"], "no-referrer");
      assert.equal(answer.headers["cross-origin-opener-policy"], "same-origin");
      assert.equal(
        answer.headers["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https://images.test; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      const again = await site.get(name, { "If-None-Match": answer.etag });
      assert.deepEqual([again.status, again.text, again.etag], [304, "", answer.etag], name);
      const head = await site.request("HEAD", name);
      assert.deepEqual([head.status, head.text, head.etag], [200, "", answer.etag], name);
    }
    t.diagnostic(`${bytes} bytes after gzip`);
    assert.ok(bytes <= BUDGET_BYTES, `${bytes} bytes after gzip`);
    // Only `npm start` adds samples.
    assert.ok(!page.text.includes("data-samples"));
    assert.equal(site.origin.requests.length, 0);
  });

  test("Other methods on the Inspector are a 405, and other paths a 404", async (t) => {
    const site = await deploy(t);
    const refused = await site.request("POST", "/");
    assertProblem(refused, 405, "method-not-allowed");
    assert.equal(refused.headers.allow, "GET, HEAD, OPTIONS");
    assert.equal((await site.request("OPTIONS", "/")).status, 204);
    for (const name of ["/inspector", "/inspector/", "/inspector/page.html", "/inspector/dom.js", "/inspector/../", "/index.html"]) {
      assertProblem(await site.get(name), 404, "no-route");
    }
  });

  test("With inspector = false every path of the Inspector is a 404", async (t) => {
    const site = await deploy(t, { config: { inspector: false } });
    for (const method of ["GET", "POST", "OPTIONS"]) {
      for (const name of ["/", "/inspector/main.js"]) assertProblem(await site.request(method, name), 404, "no-route");
    }
    assert.equal((await site.get("/metadata/a.jpg")).status, 200);
  });
});

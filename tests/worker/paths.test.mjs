import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { deploy } from "./harness/site.mjs";

const site = await deploy({ after });

suite("a path is refused, and neither KV nor the origin is asked, for", () => {
  for (const [what, raw] of [
    ["nothing after the prefix", ""],
    ["an empty segment alone", "/"],
    ["nothing but a query", "?x=1"],
    ["an empty segment", "a//b"],
    ["a trailing slash", "a/"],
    ["another host after two slashes", "/evil.test/x"],
    ["another host after three slashes", "//evil.test/x"],
    ["a URL", "https://evil.test/x"],
    ["an encoded URL", "https:%2f%2fevil.test%2fx"],
    ["another host after encoded slashes", "%2f%2fevil.test"],
    ["an encoded slash", "a%2Fb"],
    [".", "."],
    ["..", ".."],
    [".. at the start", "../secret"],
    [".. in the middle", "a/../b"],
    [". in the middle", "a/./b"],
    [".. at the end", "a/.."],
    ["an encoded ..", "%2e%2e/b"],
    ["a half encoded ..", ".%2E/b"],
    ["an encoded .", "a/%2e/b"],
    [".. between encoded slashes", "..%2f.."],
    ["a backslash", "a\\b"],
    ["another host after a backslash", "\\evil.test"],
    ["another host after two backslashes", "\\\\evil.test\\x"],
    ["another host after a slash and a backslash", "/\\evil.test"],
    ["an encoded backslash", "a%5cb"],
    ["another host after encoded backslashes", "%5C%5Cevil.test"],
    ["NUL", "a%00b"],
    ["NUL at the end", "cat.jpg%00.png"],
    ["an encoded tab", "%09evil.test"],
    ["an encoded line feed", "a%0ab"],
    ["an encoded carriage return", "a%0Db"],
    ["CR and LF with a header", "a%0d%0aX-Injected:%201"],
    ["DEL", "a%7f"],
    ["a control character of two bytes", "a%c2%85b"],
    ["invalid UTF-8", "%ff"],
    ["UTF-8 cut short", "a%c3"],
    ["an overlong encoding of a slash", "%c0%afetc"],
    ["an encoded surrogate", "%ed%a0%80"],
    ["a lone %", "100%"],
    ["a % with one digit", "a%4"],
    ["a % with no digits", "a%zz"],
    ["1,025 bytes", "a".repeat(1025)],
    ["1,025 bytes after decoding", "%41".repeat(1025)],
    ["1,026 bytes in 513 characters", "%C3%B6".repeat(513)],
  ]) {
    test(what, async () => {
      const path = `/metadata/${raw}`;
      const answer = await site.get(path);
      const problem = assertProblem(answer, 400, "invalid-path", { instance: path.split("?")[0].replaceAll("\\", "%5C") });
      assert.match(problem.detail, /path/i, "the detail names what is wrong");
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers["x-injected"], undefined);
      assertNothingAsked();
    });
  }

  // These the runtime itself refuses, before the Worker runs.
  for (const [what, raw] of [
    ["a raw tab", "\tevil.test"],
    ["a raw space", "a b"],
    ["a raw control character", "a\x01b"],
    ["a raw DEL", "a\x7f"],
    ["a raw line feed", "a\nb"],
    ["a raw carriage return and line feed with a header", "a\r\nX-Injected: 1"],
  ]) {
    test(what, async () => {
      const answer = await site.get(`/metadata/${raw}`);
      assert.equal(answer.status, 400, answer.text);
      assertNothingAsked();
    });
  }

  test("a rule that HEAD breaks as well", async () => {
    const answer = await site.request("HEAD", "/metadata/a//b");
    assert.equal(answer.status, 400);
    assert.equal(answer.bytes.length, 0);
    assertNothingAsked();
  });

  // A straggling request of one of the tests above would have arrived before this one's.
  after(async () => {
    assertFound(await site.get("/metadata/last"), "origin");
    assert.deepEqual(
      site.kv.reads().map((read) => read.key),
      ["metadata:last"],
    );
    assert.deepEqual(
      site.origin.requests.map((request) => request.url),
      ["https://images.test/assets/last"],
    );
  });
});

function assertNothingAsked() {
  assert.deepEqual(site.kv.operations, []);
  assert.deepEqual(site.origin.requests, []);
}

suite("a path outside the route", () => {
  for (const path of ["//evil.test/x", "/\\evil.test", "/nothing", "/Metadata/a", "/metadatas/a", "/..%2fmetadata/a", "//metadata/a"]) {
    test(`${path} has no route`, async (t) => {
      const own = await deploy(t);
      assertProblem(await own.get(path), 404, "no-route", { instance: path.replaceAll("\\", "%5C") });
      assert.deepEqual([own.kv.operations.length, own.origin.requests.length], [0, 0]);
    });
  }
});

suite("a path is taken, though it looks odd, with", () => {
  for (const [what, raw, decoded] of [
    ["1,024 bytes", "a".repeat(1024)],
    ["1,024 bytes after decoding", "%41".repeat(1024), "A".repeat(1024)],
    ["three dots", "...", "..."],
    ["an escape that is itself escaped, decoded once", "%252e%252e", "%2e%2e"],
    ["a hidden file", ".well-known/a"],
    ["characters of every language", "%E7%8C%AB/%F0%9F%90%88.jpg", "猫/🐈.jpg"],
    ["an escaped question mark, hash and percent sign", "%3f%23%25.jpg", "?#%.jpg"],
    ["an at sign and a colon", "user:pw@evil.test/x"],
  ]) {
    test(what, async (t) => {
      const own = await deploy(t);
      const answer = await own.get(`/metadata/${raw}`);
      assertFound(answer, "origin");
      assert.equal(answer.json.path, decoded ?? raw);
      assert.equal(new URL(own.origin.requests[0].url).host, "images.test");
    });
  }
});

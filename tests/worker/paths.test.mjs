import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertAllFound, post } from "./harness/batch.mjs";
import { assertFound, assertProblem, bodyOf } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { gated } from "./harness/origin.mjs";
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
    ["a leading encoded slash", "%2Fa"],
    ["a trailing encoded slash", "a%2F"],
    ["an encoded slash beside a slash", "a%2f/b"],
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
    [".. after an encoded slash", "a%2F..%2Fb"],
    ["an encoded .. after an encoded slash", "a%2F%2e%2e%2Fb"],
    ["a backslash after an encoded slash", "a%2F\\evil.test"],
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

suite("a path with encoded slashes is the path with slashes:", () => {
  const PLAIN = "/metadata/gallery/2024/a.jpg";
  const ENCODED = ["/metadata/gallery%2F2024%2Fa.jpg", "/metadata/gallery%2f2024/a.jpg"];
  const KEY = "metadata:gallery/2024/a.jpg";

  test("one body, one ETag, one record and one entry in memory", async (t) => {
    const site = await deploy(t, { caller: true });
    const first = await site.get(ENCODED[0]);
    assertFound(first, "origin");
    assert.deepEqual(first.json, bodyOf("gallery/2024/a.jpg"));
    await site.kv.written(KEY);
    for (const path of [PLAIN, ...ENCODED]) {
      const again = await site.get(path);
      assertFound(again, "memory");
      assert.deepEqual([again.text, again.etag], [first.text, first.etag]);
      assert.equal((await site.get(path, { "If-None-Match": first.etag })).status, 304);
      const raw = path.slice("/metadata/".length);
      assert.deepEqual(await site.call("fetchMetadata", raw), first.json);
      assertAllFound(await post(site, { paths: [raw] }), ["gallery/2024/a.jpg"]);
    }
    await site.restart();
    assertFound(await site.get(ENCODED[1]), "kv");
    assertFound(await site.get(PLAIN), "memory");
    assert.deepEqual([...site.kv.records.keys()], [KEY]);
    assert.deepEqual(
      site.origin.requests.map((request) => request.url),
      ["https://images.test/assets/gallery/2024/a.jpg"],
    );
  });

  test("one flight", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on("/assets/gallery/2024/a.jpg", gated(gate));
    const herds = [];
    for (const path of [PLAIN, ...ENCODED]) herds.push(await site.herd(5, path));
    await gate.arrived();
    gate.open();
    const answers = (await Promise.all(herds.map((herd) => herd.answers))).flat();
    assert.deepEqual(answers.map((answer) => answer.layer).sort(), [...Array(14).fill("inflight"), "origin"]);
    await site.kv.written(KEY);
    assert.deepEqual([site.kv.reads().length, site.origin.requests.length], [1, 1]);
  });

  test("but an encoded escape of one is part of a name", async (t) => {
    const site = await deploy(t);
    const answer = await site.get("/metadata/gallery%252Fa.jpg");
    assertFound(answer, "origin");
    assert.equal(answer.json.path, "gallery%2Fa.jpg");
    await site.kv.written("metadata:gallery%2Fa.jpg");
    assertFound(await site.get("/metadata/gallery%2Fa.jpg"), "origin");
    assert.deepEqual(
      site.origin.requests.map((request) => request.path),
      ["/assets/gallery%252Fa.jpg", "/assets/gallery/a.jpg"],
    );
  });
});

suite("a client that parses URLs as browsers do changes a path before the Worker sees it:", () => {
  for (const [what, raw, path] of [
    ["it resolves ..", "a/../b.jpg", "b.jpg"],
    ["it resolves an encoded ..", "a/.%2E/b.jpg", "b.jpg"],
    ["it resolves .", "a/./b.jpg", "a/b.jpg"],
    ["it makes a backslash a slash", "a\\b.jpg", "a/b.jpg"],
    ["it removes tabs and line feeds", "a\t/\nb.jpg", "a/b.jpg"],
    ["it encodes spaces and other letters", "Größe 1.jpg", "Größe 1.jpg"],
    ["it keeps an encoded slash", "a%2Fb.jpg", "a/b.jpg"],
  ]) {
    test(what, async () => {
      const response = await fetch(`${site.url}/metadata/${raw}`);
      assert.equal((await response.json()).path, path);
    });
  }

  test("it leaves the route by ..", async () => {
    const response = await fetch(`${site.url}/metadata/a/../../health`);
    assert.equal((await response.json()).status, "ok");
  });

  for (const raw of ["a//b.jpg", "a%5Cb.jpg", "a%2F..%2Fb.jpg", "a/..%2Fb.jpg"]) {
    test(`it keeps ${raw}, which is refused`, async () => {
      const response = await fetch(`${site.url}/metadata/${raw}`);
      assert.deepEqual([response.status, (await response.json()).code], [400, "invalid-path"]);
    });
  }
});

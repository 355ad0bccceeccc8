import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { post } from "./harness/batch.mjs";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { ORIGIN_KINDS } from "./harness/origin-kinds.mjs";
import { deploy } from "./harness/site.mjs";

/** Paths that are invalid below any prefix. */
const INVALID = [
  ["no text", ""],
  ["only an empty segment", "/"],
  ["only a query", "?x=1"],
  ["an empty segment", "a//b"],
  ["a trailing slash", "a/"],
  ["another host after two slashes", "/evil.test/x"],
  ["another host after three slashes", "//evil.test/x"],
  ["a URL", "https://evil.test/x"],
  ["an encoded URL", "https:%2f%2fevil.test%2fx"],
  ["another host after encoded slashes", "%2f%2fevil.test"],
  ["a leading encoded slash", "%2Fa"],
  ["a trailing encoded slash", "a%2F"],
  ["an encoded slash next to a slash", "a%2f/b"],
  [".", "."],
  ["..", ".."],
  [".. at the start", "../secret"],
  [".. in the middle", "a/../b"],
  [". in the middle", "a/./b"],
  [".. at the end", "a/.."],
  ["an encoded ..", "%2e%2e/b"],
  ["a half-encoded ..", ".%2E/b"],
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
];

for (const kind of ORIGIN_KINDS) {
  suite(`Invalid paths of ${kind.name}`, async () => {
    const site = await kind.deploy({ after });

    for (const [what, raw] of INVALID) {
      test(`A path with ${what} is refused without KV or ${kind.name}`, async () => {
        const path = kind.path(raw);
        const answer = await site.get(path);
        const problem = assertProblem(answer, 400, "invalid-path", { instance: path.split("?")[0].replaceAll("\\", "%5C") });
        assert.match(problem.detail, /path/i, "the detail says what is wrong");
        assert.equal(answer.headers["cache-control"], "no-store");
        assert.equal(answer.headers["x-injected"], undefined);
        assertNoBackendRequests(site, kind);
      });
    }

    test(`HEAD with an invalid path of ${kind.name} is a 400 without a body`, async () => {
      const answer = await site.request("HEAD", kind.path("a//b"));
      assert.equal(answer.status, 400);
      assert.equal(answer.bytes.length, 0);
      assertNoBackendRequests(site, kind);
    });

    test(`After invalid paths, a valid one is the only one that KV and ${kind.name} are asked for`, async () => {
      // A late request of one of the tests above would have arrived before this one's.
      assertFound(await site.get(kind.path("last")), "origin");
      assert.deepEqual(
        site.kv.reads().map((read) => read.key),
        [`metadata:${kind.prefix}last`],
      );
      assert.deepEqual(kind.asked(site), [kind.expected("last")]);
    });
  });
}

function assertNoBackendRequests(site, kind) {
  assert.deepEqual(site.kv.operations, []);
  assert.deepEqual(kind.asked(site), []);
}

const site = await deploy({ after });

suite("Invalid request lines", () => {
  // The runtime itself rejects these before the Worker runs.
  for (const [what, raw] of [
    ["a raw tab", "\tevil.test"],
    ["a raw space", "a b"],
    ["a raw control character", "a\x01b"],
    ["a raw DEL", "a\x7f"],
    ["a raw line feed", "a\nb"],
    ["a raw carriage return and line feed with a header", "a\r\nX-Injected: 1"],
  ]) {
    test(`A request line with ${what} is refused by the runtime`, async () => {
      const answer = await site.get(`/metadata/${raw}`);
      assert.equal(answer.status, 400, answer.text);
      assertNoBackendRequests(site, ORIGIN_KINDS[0]);
    });
  }
});

suite("Paths outside the route", () => {
  for (const path of ["//evil.test/x", "/\\evil.test", "/nothing", "/Metadata/a", "/metadatas/a", "/..%2fmetadata/a", "//metadata/a"]) {
    test(`${path} has no route`, async (t) => {
      const own = await deploy(t);
      assertProblem(await own.get(path), 404, "no-route", { instance: path.replaceAll("\\", "%5C") });
      assert.deepEqual([own.kv.operations.length, own.origin.requests.length], [0, 0]);
    });
  }
});

for (const kind of ORIGIN_KINDS) {
  suite(`Unusual valid paths of ${kind.name}`, async () => {
    const site = await kind.deploy({ after });
    const room = 1024 - Buffer.byteLength(kind.prefix);

    for (const [what, raw, encoded = raw] of [
      ["1,024 bytes with its prefix", "a".repeat(room)],
      ["1,024 bytes after decoding", "%41".repeat(room), "A".repeat(room)],
      ["three dots", "..."],
      ["a double escape, decoded once", "%252e%252e"],
      ["a hidden file", ".well-known/a"],
      ["non-Latin characters and emoji", "%E7%8C%AB/%F0%9F%90%88.jpg"],
      ["an escaped question mark, hash and percent sign", "%3f%23%25.jpg", "%3F%23%25.jpg"],
      ["an at sign and a colon", "user:pw@evil.test/x"],
    ]) {
      test(`A path with ${what} is accepted, and ${kind.name} is asked for it`, async () => {
        const answer = await site.get(kind.path(raw));
        assertFound(answer, "origin");
        assert.equal(answer.json.path, kind.prefix + decodeURIComponent(raw));
        assert.equal(kind.asked(site).at(-1), kind.expected(encoded));
      });
    }
  });

  suite(`Encoded slashes in paths of ${kind.name}`, () => {
    const PLAIN = kind.path("gallery/2024/a.jpg");
    const ENCODED = [kind.path("gallery%2F2024%2Fa.jpg"), kind.path("gallery%2f2024/a.jpg"), kind.path("gallery/2024/a.jpg").replaceAll("/", "%2F").replace("%2Fmetadata%2F", "/metadata/")];
    const IMAGE = `${kind.prefix}gallery/2024/a.jpg`;
    const KEY = `metadata:${IMAGE}`;

    test(`A path of ${kind.name} with encoded slashes shares the body, ETag, KV record and memory entry of the plain path`, async (t) => {
      const site = await kind.deploy(t, { caller: true });
      const first = await site.get(ENCODED[0]);
      assertFound(first, "origin");
      assert.equal(first.json.path, IMAGE);
      await site.kv.written(KEY);
      for (const path of [PLAIN, ...ENCODED]) {
        const again = await site.get(path);
        assertFound(again, "memory");
        assert.deepEqual([again.text, again.etag], [first.text, first.etag]);
        assert.equal((await site.get(path, { "If-None-Match": first.etag })).status, 304);
        const raw = path.slice("/metadata/".length);
        assert.deepEqual(await site.call("fetchMetadata", raw), first.json);
        const [item] = (await post(site, { paths: [raw] })).json.results;
        assert.deepEqual([item.status, item.path, item.metadata], [200, IMAGE, first.json.metadata]);
      }
      await site.restart();
      assertFound(await site.get(ENCODED[1]), "kv");
      assertFound(await site.get(PLAIN), "memory");
      assert.deepEqual([...site.kv.records.keys()], [KEY]);
      assert.deepEqual(kind.asked(site), [kind.expected("gallery/2024/a.jpg")]);
    });

    test(`A path of ${kind.name} with encoded slashes shares the flight of the plain path`, async (t) => {
      const site = await kind.deploy(t);
      const gate = new Gate();
      kind.delay(site, gate);
      const herds = [];
      for (const path of [PLAIN, ...ENCODED]) herds.push(await site.herd(5, path));
      await gate.arrived();
      gate.open();
      const answers = (await Promise.all(herds.map((herd) => herd.answers))).flat();
      assert.deepEqual(answers.map((answer) => answer.layer).sort(), [...Array(19).fill("inflight"), "origin"]);
      await site.kv.written(KEY);
      assert.deepEqual([site.kv.reads().length, kind.asked(site).length], [1, 1]);
    });

    test(`A doubly encoded slash is part of a name at ${kind.name}`, async (t) => {
      const site = await kind.deploy(t);
      const answer = await site.get(kind.path("gallery%252Fa.jpg"));
      assertFound(answer, "origin");
      assert.equal(answer.json.path, `${kind.prefix}gallery%2Fa.jpg`);
      await site.kv.written(`metadata:${kind.prefix}gallery%2Fa.jpg`);
      assertFound(await site.get(kind.path("gallery%2Fa.jpg")), "origin");
      assert.deepEqual(kind.asked(site), [kind.expected("gallery%252Fa.jpg"), kind.expected("gallery/a.jpg")]);
    });
  });
}

suite("A prefix of an origin", () => {
  const kinds = ORIGIN_KINDS.filter(({ prefix }) => prefix !== "");

  test("A prefix takes whole segments below it, in its own case, and nothing else", async (t) => {
    for (const kind of kinds) {
      const site = await kind.deploy(t);
      const folder = encodeURI(kind.prefix.slice(0, -1));
      for (const raw of [folder, `${folder}2/a.jpg`, `${folder.toUpperCase()}/a.jpg`, `a/${folder}/a.jpg`, `${folder}%252Fa.jpg`]) {
        assertFound(await site.get(`/metadata/${raw}`), "origin");
        assert.equal(site.origin.requests.at(-1).url, `https://images.test/assets/${raw}`);
      }
      const own = kind.asked(site).filter((asked) => !String(asked).startsWith("https://images.test/assets/"));
      assert.deepEqual(own, []);
    }
  });
});

suite("Clients that parse URLs as browsers do", () => {
  for (const [what, raw, path] of [
    ["resolves ..", "a/../b.jpg", "b.jpg"],
    ["resolves an encoded ..", "a/.%2E/b.jpg", "b.jpg"],
    ["resolves .", "a/./b.jpg", "a/b.jpg"],
    ["turns a backslash into a slash", "a\\b.jpg", "a/b.jpg"],
    ["removes tabs and line feeds", "a\t/\nb.jpg", "a/b.jpg"],
    ["encodes spaces and letters outside ASCII", "Größe 1.jpg", "Größe 1.jpg"],
    ["keeps an encoded slash", "a%2Fb.jpg", "a/b.jpg"],
  ]) {
    test(`A URL-parsing client ${what} before the Worker sees the path`, async () => {
      const response = await fetch(`${site.url}/metadata/${raw}`);
      assert.equal((await response.json()).path, path);
    });
  }

  test("A URL-parsing client leaves the metadata route with ..", async () => {
    const response = await fetch(`${site.url}/metadata/a/../../health`);
    assert.equal((await response.json()).status, "ok");
  });

  for (const raw of ["a//b.jpg", "a%5Cb.jpg", "a%2F..%2Fb.jpg", "a/..%2Fb.jpg"]) {
    test(`A URL-parsing client keeps ${raw}, which the Worker refuses`, async () => {
      const response = await fetch(`${site.url}/metadata/${raw}`);
      assert.deepEqual([response.status, (await response.json()).code], [400, "invalid-path"]);
    });
  }
});

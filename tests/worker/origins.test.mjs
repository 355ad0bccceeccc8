import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, recordOf } from "./harness/expect.mjs";
import { file, image } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { ORIGIN, deploy } from "./harness/site.mjs";

const CDN = "https://cdn.test/media";
const several = {
  bucket: true,
  config: {
    origins: [
      { prefix: "cdn", url: CDN },
      { prefix: "cdn/r2", bucket: "IMAGES", bucketName: "avatars" },
    ],
  },
};

suite("Several origins", () => {
  test("The origin with the longest prefix is asked for the path below it", async (t) => {
    const site = await deploy(t, several);
    site.bucket.put("a b/c.jpg", await jpeg({ width: 70, height: 50 }));
    for (const path of ["cat.jpg", "cdn/cat.jpg", "cdn2/cat.jpg", "cdn%2Fa/b.jpg"]) assertFound(await site.get(`/metadata/${path}`), "origin");
    assert.deepEqual(
      site.origin.requests.map(({ url }) => url),
      [`${ORIGIN}/cat.jpg`, `${CDN}/cat.jpg`, `${ORIGIN}/cdn2/cat.jpg`, `${CDN}/a/b.jpg`],
    );
    const answer = await site.get("/metadata/cdn/r2/a%20b/c.jpg");
    assertFound(answer, "origin");
    assert.deepEqual([answer.json.path, answer.json.metadata.width], ["cdn/r2/a b/c.jpg", 70]);
    assert.deepEqual(
      site.bucket.gets.map(({ key }) => key),
      ["a b/c.jpg"],
    );
    assertProblem(await site.get("/metadata/cdn/r2/missing.jpg"), 404, "not-found");
    assert.equal(site.origin.requests.length, 4, "a missing object is not looked for in another origin");
  });

  test("A record names its origin by the URL or the name of the bucket", async (t) => {
    const site = await deploy(t, several);
    site.bucket.put("c.jpg", await jpeg());
    for (const path of ["c.jpg", "cdn/c.jpg", "cdn/r2/c.jpg"]) {
      assertFound(await site.get(`/metadata/${path}`), "origin");
      await site.kv.written(`metadata:${path}`);
    }
    const origins = ["c.jpg", "cdn/c.jpg", "cdn/r2/c.jpg"].map((path) => site.kv.records.get(`metadata:${path}`).metadata.origin);
    // printf %s url:https://images.test/assets | sha256sum | head -c 8, and so on.
    assert.deepEqual(origins, ["ed314fb4", "902fffe2", "5c462cdb"]);
  });

  test("A path whose prefix gets another origin is fetched again", async (t) => {
    const site = await deploy(t, several);
    site.kv.seed("metadata:cdn/c.jpg", { metadata: recordOf({ width: 9, origin: "ed314fb4" }) });
    site.kv.seed("metadata:cdn/d.jpg", { metadata: recordOf({ width: 9, origin: "902fffe2" }) });
    assertFound(await site.get("/metadata/cdn/c.jpg"), "origin");
    assertFound(await site.get("/metadata/cdn/d.jpg"), "kv");
  });

  test("A path that no origin takes is a 404 without I/O, alone and in a batch", async (t) => {
    const site = await deploy(t, { metadata: { origins: [{ prefix: "cdn", url: CDN }] } });
    const problem = assertProblem(await site.get("/metadata/cat.jpg"), 404, "not-found");
    const { headers } = await site.get("/metadata/dog.jpg");
    assert.deepEqual([headers["cache-control"], headers["cache-status"], headers["server-timing"]], ["no-store", undefined, undefined]);
    assert.match(problem.detail, /No origin is configured for this path\. Check the path, or add an origin/);
    const { json } = await site.request("POST", "/metadata", { body: JSON.stringify({ paths: ["cdn", "cdn/cat.jpg"] }) });
    assert.deepEqual(
      json.results.map(({ status }) => status),
      [404, 200],
    );
    assert.deepEqual(
      site.origin.requests.map(({ url }) => url),
      [`${CDN}/cat.jpg`],
    );
    assert.deepEqual(
      site.kv.bulkReads().map(({ keys }) => keys),
      [["metadata:cdn/cat.jpg"]],
    );
    assert.equal(site.kv.reads().length, 0);
  });

  test("An image that comes back from the second origin is read like one of the first", async (t) => {
    const site = await deploy(t, several);
    site.origin.on(file("samples/rotated.jpg", "image/jpeg"));
    const [first, second] = [await site.get("/metadata/p.jpg"), await site.get("/metadata/cdn/p.jpg")];
    assert.deepEqual(first.json.metadata, second.json.metadata);
    assert.equal(first.json.metadata.source, "image-header");
  });
});

suite("How an origin is asked", () => {
  for (const [probe, image, json] of [
    ["auto", 200, 200],
    ["resizer", 502, 200],
    ["header", 200, 415],
  ]) {
    test(`With probe ${probe}, an image is a ${image} and the resizer's JSON a ${json}`, async (t) => {
      const site = await deploy(t, { config: { probe } });
      site.origin.on("/assets/image.jpg", file("samples/rotated.jpg", "image/jpeg"));
      const answers = [await site.get("/metadata/image.jpg"), await site.get("/metadata/json.jpg")];
      assert.deepEqual(
        answers.map(({ status }) => status),
        [image, json],
      );
      const asked = site.origin.requests.map(({ cf, headers }) => [cf?.image?.format, headers.range]);
      const expected = probe === "header" ? [undefined, "bytes=0-65535"] : ["json", undefined];
      assert.deepEqual(asked, [expected, expected]);
      if (probe === "resizer") {
        const { detail } = assertProblem(answers[0], 502, "invalid-origin-answer");
        assert.match(detail, /returned a file instead of the image's metadata .*Enable image resizing .*or set 'probe' to auto\./);
      }
    });
  }
});

const versioned = { env: { ADMIN_TOKEN: "token" }, config: { query: ["v", "size"], origins: [{ prefix: "cdn", url: CDN }] } };
const admin = { headers: { Authorization: "Bearer token" } };

suite("Versions by query", () => {
  test("Each version is forwarded, and cached in memory and KV under its own key", async (t) => {
    const site = await deploy(t, versioned);
    for (const [n, query] of ["", "?v=3", "?v=4", "?size=l&v=3"].entries()) {
      site.origin.on(image({ width: 100 + n, height: 50 }));
      assertFound(await site.get(`/metadata/cat.jpg${query}`), "origin");
    }
    assert.deepEqual(
      site.origin.requests.map(({ url }) => url),
      ["", "?v=3", "?v=4", "?v=3&size=l"].map((query) => `${ORIGIN}/cat.jpg${query}`),
    );
    await site.kv.written("metadata:cat.jpg//?v=3&size=l");
    for (const layer of ["memory", "kv"]) {
      if (layer === "kv") await site.restart();
      for (const [query, width, fields] of [
        ["", 100, ["path", "metadata"]],
        ["?v=3", 101, ["path", "query", "metadata"]],
        ["?utm_source=mail&v=%34&aspect=1:1", 102, ["path", "query", "metadata", "dimensions"]],
        ["?size=l&v=3", 103, ["path", "query", "metadata"]],
      ]) {
        const answer = await site.get(`/metadata/cat.jpg${query}`);
        assertFound(answer, layer);
        assert.deepEqual([answer.json.metadata.width, Object.keys(answer.json).slice(0, fields.length)], [width, fields], query);
      }
    }
    assert.equal(site.origin.requests.length, 4);
  });

  test("Without the setting, and at an origin without it, a query is ignored", async (t) => {
    const site = await deploy(t, versioned);
    assertFound(await site.get("/metadata/cdn/cat.jpg?v=3"), "origin");
    assertFound(await site.get("/metadata/cdn/cat.jpg?v=4&v=/"), "memory");
    assert.deepEqual(
      site.origin.requests.map(({ url }) => url),
      [`${CDN}/cat.jpg`],
    );
  });

  test("A version out of form is a 400 that names the parameter, also if the image is in memory", async (t) => {
    const site = await deploy(t, versioned);
    await site.get("/metadata/cat.jpg");
    for (const query of ["v=", "v", "v=a%2Fb", "v=%", "v=%ff", "v=1&v=1", "v=1&%76=2", `v=${"1".repeat(65)}`, "v=a+b", "v=%0a"]) {
      const problem = assertProblem(await site.get(`/metadata/cat.jpg?${query}`), 400, "invalid-parameter");
      assert.match(problem.detail, /'v'/, query);
    }
    assert.equal(site.origin.requests.length, 1);
  });

  test("A name that looks like the key of a version is another image", async (t) => {
    const site = await deploy(t, versioned);
    await site.get("/metadata/cat.jpg?v=3");
    assertProblem(await site.get("/metadata/cat.jpg//%3Fv=3"), 400, "invalid-path");
    assertProblem(await site.get("/metadata/cat.jpg%2F%2F%3Fv=3"), 400, "invalid-path");
    assertFound(await site.get("/metadata/cat.jpg%3Fv=3"), "origin");
    assert.deepEqual(
      site.origin.requests.map(({ url }) => url),
      [`${ORIGIN}/cat.jpg?v=3`, `${ORIGIN}/cat.jpg%3Fv=3`],
    );
  });

  test("In batches and calls of another Worker, a question mark begins the query", async (t) => {
    const site = await deploy(t, { ...versioned, caller: true });
    const body = JSON.stringify({ paths: ["cat.jpg?v=3", "cat.jpg", "cat.jpg?v=3&utm=1", "cat.jpg?v=/", "cdn/cat.jpg?v=3"] });
    const { json } = await site.request("POST", "/metadata", { body });
    assert.deepEqual(
      json.results.map(({ status, path, query }) => [status, path, query]),
      [
        [200, "cat.jpg", "v=3"],
        [200, "cat.jpg", undefined],
        [200, "cat.jpg", "v=3"],
        [400, "cat.jpg?v=/", undefined],
        [200, "cdn/cat.jpg", undefined],
      ],
    );
    assert.deepEqual(site.origin.requests.map(({ url }) => url).sort(), [`${CDN}/cat.jpg`, `${ORIGIN}/cat.jpg`, `${ORIGIN}/cat.jpg?v=3`]);
    assert.equal((await site.call("fetchMetadata", "cat.jpg?v=3")).query, "v=3");
    assert.equal((await site.call("fetchMetadata", "cat.jpg?v=")).error.code, "invalid-parameter");
    assert.equal(site.origin.requests.length, 3);
  });

  test("A purge of a path includes its versions, and a purge of a version is of that one", async (t) => {
    const site = await deploy(t, versioned);
    const paths = ["cat.jpg", "cat.jpg?v=1", "cat.jpg?v=2", "cat.jpg2?v=1"];
    for (const path of paths) {
      await site.get(`/metadata/${path}`);
      await site.kv.written(`metadata:${path.replace("?", "//?")}`);
    }
    const purged = async (path) => (await site.request("DELETE", `/metadata/${path}`, admin)).json;
    assert.deepEqual(await purged("cat.jpg?v=2"), { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()].sort(), ["metadata:cat.jpg", "metadata:cat.jpg//?v=1", "metadata:cat.jpg2//?v=1"]);
    assert.deepEqual(await purged("cat.jpg"), { purged: 2 });
    assert.deepEqual([...site.kv.records.keys()], ["metadata:cat.jpg2//?v=1"]);
    assertFound(await site.get("/metadata/cat.jpg?v=1"), "origin");
    assertFound(await site.get("/metadata/cat.jpg2?v=1"), "memory");
  });

  test("The fetch of a version is shared by concurrent requests, and by no other version", async (t) => {
    const site = await deploy(t, versioned);
    const paths = Array.from({ length: 60 }, (_, n) => `/metadata/cat.jpg?v=${n % 3}`);
    const answers = await Promise.all(paths.map((path) => site.get(path)));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(site.origin.requests.length, 3);
  });
});

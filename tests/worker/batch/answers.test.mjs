import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { ROUTE, assertAllFound, assertFailed, found, names, post } from "../harness/batch.mjs";
import { assertFound, bodyOf, cropOf, tally } from "../harness/expect.mjs";
import { image, json } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

suite("The response to a batch", () => {
  test("A batch returns a result per path in order, duplicates included", async (t) => {
    const site = await deploy(t);
    for (const n of [1, 2, 3]) site.origin.on(`/assets/${n}.jpg`, image({ width: n }));
    const paths = ["3.jpg", "1.jpg", "3.jpg", "2.jpg", "%31.jpg"];
    const answer = await post(site, { paths });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      answer.json.results,
      [3, 1, 3, 2, 1].map((n) => found(`${n}.jpg`, { width: n })),
    );
    assert.deepEqual(
      tally(site.origin.requests, (r) => r.path),
      { "/assets/1.jpg": 1, "/assets/2.jpg": 1, "/assets/3.jpg": 1 },
    );
    assert.equal(site.kv.bulkReads().length, 1);
    assert.deepEqual([...site.kv.bulkReads()[0].keys].sort(), ["metadata:1.jpg", "metadata:2.jpg", "metadata:3.jpg"]);
  });

  test("The response to a batch is not cacheable, and scripts can read it", async (t) => {
    const site = await deploy(t);
    const answer = await post(site, { paths: ["a.jpg"] }, { Origin: "https://shop.test" });
    assert.match(answer.headers["content-type"], /^application\/json\b/);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    assert.equal(answer.etag, undefined);
  });

  test("A batch is accepted with any Content-Type and query", async (t) => {
    const site = await deploy(t);
    const body = JSON.stringify({ paths: ["a.jpg"] });
    for (const type of ["application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", undefined])
      assertAllFound(await post(site, body, type && { "Content-Type": type }), ["a.jpg"]);
    assertAllFound(await site.request("POST", `${ROUTE}?aspect=broken`, { body }), ["a.jpg"]);
  });

  test("A batch accepts every spelling of a path that GET accepts", async (t) => {
    const site = await deploy(t);
    assertAllFound(await post(site, { paths: ["gallery/Gr%C3%B6%C3%9Fe%201.png", "gallery/Größe 1.png"] }), [
      "gallery/Größe 1.png",
      "gallery/Größe 1.png",
    ]);
    assert.deepEqual(
      site.origin.requests.map((r) => r.path),
      ["/assets/gallery/Gr%C3%B6%C3%9Fe%201.png"],
    );
  });

  test("A batch fills memory and KV, and a later GET returns the same metadata", async (t) => {
    const site = await deploy(t);
    await post(site, { paths: names(10) });
    await site.kv.allWritten(10);
    for (const path of names(10)) {
      const answer = await site.get(`/metadata/${path}`);
      assertFound(answer, "memory");
      assert.deepEqual(answer.json, bodyOf(path));
    }
    await site.restart();
    for (const path of names(10)) assertFound(await site.get(`/metadata/${path}`), "kv");
    assert.equal(site.origin.requests.length, 10);
  });

  test("A batch crops every image with its parameters", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/portrait.jpg", image({ width: 3000, height: 4000 }));
    for (const parameters of [
      { aspect: "16:9", focal: "0.5,0.6" },
      { aspect: { width: 16, height: 9 }, focal: { x: 0.5, y: 0.6 } },
      { r: "16-9", p: "0.5,0.6", allowExpansion: false },
    ]) {
      const { json } = await post(site, { paths: ["a.jpg", "portrait.jpg", "a//b"], ...parameters });
      assert.deepEqual(json.results.slice(0, 2), [
        found("a.jpg", {}, cropOf([4000, 3000], [4000, 2250, 0, 675])),
        found("portrait.jpg", { width: 3000, height: 4000 }, cropOf([3000, 4000], [3000, 1688, 0, 1556])),
      ]);
      assertFailed(json.results[2], "a//b", 400, "invalid-path");
    }
    assert.equal(site.origin.requests.length, 2);
  });

  test("A batch accepts JSON numbers and booleans as parameters", async (t) => {
    const site = await deploy(t);
    const { json } = await post(site, { paths: ["a.jpg"], aspect: "16:9", width: 800, allowExpansion: true });
    assert.deepEqual([json.results[0].dimensions, json.results[0].fit], [{ width: 800, height: 450 }, "pad"]);
  });
});

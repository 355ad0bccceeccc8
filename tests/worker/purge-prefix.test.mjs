import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image, inSequence } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const ADMIN_TOKEN = "correct horse battery staple";
const deployAdmin = (t, options) => deploy(t, { env: { ADMIN_TOKEN }, ...options });
const purge = (site, path, authorization = `Bearer ${ADMIN_TOKEN}`) =>
  site.request("DELETE", path, { headers: { Authorization: authorization } });

/** Fetches each image and waits until its record is written. */
async function cacheImages(site, ...paths) {
  for (const path of paths) {
    assertFound(await site.get(`/metadata/${path}`), "origin");
    await site.kv.written(`metadata:${path}`);
  }
}

suite("A purge of a folder", () => {
  test("A purge of a folder evicts its images from memory and KV, and no others", async (t) => {
    const site = await deployAdmin(t);
    const [inside, outside] = [
      ["a/1.jpg", "a/2.jpg", "a/b/3.jpg"],
      ["ab/x.jpg", "a", "b/a/1.jpg"],
    ];
    await cacheImages(site, ...inside, ...outside);
    const answer = await purge(site, "/metadata/a/*");
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json, { purged: 3 });
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.deepEqual(
      [...site.kv.records.keys()].sort(),
      outside.map((path) => `metadata:${path}`).sort(),
      "the response waits for the deletions in KV",
    );
    for (const path of outside) assertFound(await site.get(`/metadata/${path}`), "memory");
    for (const path of inside) assertFound(await site.get(`/metadata/${path}`), "origin");
  });

  test("A purge accepts any spelling of a folder's path", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "photos/cat.jpg");
    for (const folder of ["%70hotos/*", "photos%2F*", "photos%2f*"]) {
      await site.kv.written("metadata:photos/cat.jpg");
      assert.deepEqual((await purge(site, `/metadata/${folder}`)).json, { purged: 1 }, folder);
      site.kv.clearOperations();
      assertFound(await site.get("/metadata/photos/cat.jpg"), "origin");
    }
  });

  test("A purge of a folder does not treat its name as a pattern", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "a_/1.jpg", "ab/1.jpg");
    assert.deepEqual((await purge(site, "/metadata/a_/*")).json, { purged: 1 });
    assertFound(await site.get("/metadata/ab/1.jpg"), "memory");
  });

  test("A repeated purge of a folder purges nothing more", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "a/1.jpg");
    assert.deepEqual((await purge(site, "/metadata/a/*")).json, { purged: 1 });
    assert.deepEqual((await purge(site, "/metadata/a/*")).json, { purged: 0 });
  });

  test("A purge of a folder deletes KV records that this isolate has never read", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "a/1.jpg", "b/1.jpg");
    await site.restart();
    assert.deepEqual((await purge(site, "/metadata/a/*")).json, { purged: 1 });
    assertFound(await site.get("/metadata/a/1.jpg"), "origin");
    assertFound(await site.get("/metadata/b/1.jpg"), "kv");
  });

  test("A purge of a folder also evicts cached failures", async (t) => {
    const site = await deployAdmin(t);
    site.origin.on("/assets/a/gone.jpg", inSequence(failure(404), image()));
    assertProblem(await site.get("/metadata/a/gone.jpg"), 404, "not-found");
    await purge(site, "/metadata/a/*");
    assertFound(await site.get("/metadata/a/gone.jpg"), "origin");
  });

  test("A purge of an invalid folder path is refused and deletes nothing", async (t) => {
    const site = await deployAdmin(t);
    for (const path of ["/metadata/a//*", "/metadata//*", "/metadata/../*", "/metadata/%2F*", "/metadata/a%2F%2F*", "/metadata/a%2F..%2F*"])
      assertProblem(await purge(site, path), 400, "invalid-path");
    assert.deepEqual(site.kv.operations, []);
  });
});

test("DELETE of * purges all images, and nothing else in the namespace", async (t) => {
  const site = await deployAdmin(t);
  const long = `${"x".repeat(600)}.jpg`;
  await cacheImages(site, "a/1.jpg", "b.jpg");
  await site.get(`/metadata/${long}`);
  await site.kv.allWritten(3);
  site.kv.seed("other:1", { value: "kept" });
  assert.deepEqual((await purge(site, "/metadata/*")).json, { purged: 3 });
  assert.deepEqual([...site.kv.records.keys()], ["other:1"]);
  for (const path of ["a/1.jpg", "b.jpg", long]) assertFound(await site.get(`/metadata/${path}`), "origin");
});

suite("An image whose name has a *", () => {
  test("A last segment of %2A purges the image named *, not the folder", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "a/*", "b/*", "a/1.jpg", "*");
    assert.deepEqual((await purge(site, "/metadata/a/%2A")).json, { purged: 1 });
    assert.deepEqual((await purge(site, "/metadata/b%2F%2A")).json, { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()].sort(), ["metadata:*", "metadata:a/1.jpg"]);
    assert.deepEqual((await purge(site, "/metadata/%2a")).json, { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()], ["metadata:a/1.jpg"]);
  });

  test("A * that is not the whole last segment is part of an image's name", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "a/*/1.jpg", "a/x*", "a/xy", "a/z/1.jpg");
    for (const path of ["a/*/1.jpg", "a/x*"]) assert.deepEqual((await purge(site, `/metadata/${path}`)).json, { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()].sort(), ["metadata:a/xy", "metadata:a/z/1.jpg"]);
    assert.equal(site.kv.lists().length, 0);
  });
});

suite("A purge of many records", () => {
  const seed = (site, count) => {
    for (let n = 0; n < count; n++) site.kv.seed(`metadata:many/${String(n).padStart(3, "0")}.jpg`, { metadata: { width: 1, height: 1 } });
  };

  test("A purge deletes at most 100 records per call, and the cursor continues it", async (t) => {
    const site = await deployAdmin(t);
    seed(site, 250);
    site.kv.seed("metadata:other.jpg", { metadata: { width: 1, height: 1 } });
    const purged = [];
    let query = "";
    let cursor;
    for (;;) {
      site.kv.clearOperations();
      const { json } = await purge(site, `/metadata/many/*${query}`);
      purged.push(json.purged);
      assert.equal(site.kv.deletes().length, json.purged);
      assert.equal(site.kv.lists().length, 1);
      assert.ok(site.kv.lists()[0].limit <= 100);
      // KV may still list deleted records: only the cursor skips them.
      assert.equal(site.kv.lists()[0].cursor, cursor);
      if (json.cursor === undefined) break;
      ({ cursor } = json);
      query = `?cursor=${encodeURIComponent(cursor)}`;
    }
    assert.deepEqual(purged, [100, 100, 50]);
    assert.deepEqual([...site.kv.records.keys()], ["metadata:other.jpg"]);
  });

  test("A purge with an empty cursor begins, also in memory", async (t) => {
    const site = await deployAdmin(t, { kv: false });
    for (const path of ["/metadata/a/1.jpg", "/metadata/a/*"]) {
      await site.get("/metadata/a/1.jpg");
      assertFound(await site.get("/metadata/a/1.jpg"), "memory");
      assert.deepEqual((await purge(site, `${path}?cursor=`)).json, { purged: 1 });
      assertFound(await site.get("/metadata/a/1.jpg"), "origin");
    }
  });

  test("A purge that is started again instead of continued deletes the rest", async (t) => {
    const site = await deployAdmin(t);
    seed(site, 150);
    const first = await purge(site, "/metadata/many/*");
    assert.deepEqual([first.json.purged, typeof first.json.cursor], [100, "string"]);
    assert.deepEqual((await purge(site, "/metadata/many/*")).json, { purged: 50 });
    assert.equal(site.kv.records.size, 0);
  });

  test("The first call of a purge evicts the whole folder from this isolate's memory", async (t) => {
    const site = await deployAdmin(t);
    seed(site, 150);
    // Seeded, not fetched: a purge also deletes the record of a flight that may still be writing it.
    site.kv.seed("metadata:many/zzz.jpg", {
      metadata: { width: 1, height: 1, lastFetched: Date.now(), confidence: "high", source: "format-json" },
    });
    for (const layer of ["kv", "memory"]) assertFound(await site.get("/metadata/many/zzz.jpg"), layer);
    const { json } = await purge(site, "/metadata/many/*");
    assertFound(await site.get("/metadata/many/zzz.jpg"), "kv");
    // It is in memory again, from a record that the next page deletes.
    await purge(site, `/metadata/many/*?cursor=${encodeURIComponent(json.cursor)}`);
    assertFound(await site.get("/metadata/many/zzz.jpg"), "origin");
  });

  test("A purge evicts an image that a request read from KV during the deletions", async (t) => {
    const site = await deployAdmin(t);
    site.kv.seed("metadata:many/1.jpg", {
      metadata: { width: 1, height: 1, lastFetched: Date.now(), confidence: "high", source: "format-json" },
    });
    const gate = new Gate();
    site.kv.intercept("delete", () => gate.pass());
    const purged = purge(site, "/metadata/many/*");
    await gate.arrived();
    assertFound(await site.get("/metadata/many/1.jpg"), "kv");
    gate.open();
    assert.deepEqual((await purged).json, { purged: 1 });
    assertFound(await site.get("/metadata/many/1.jpg"), "origin");
  });
});

suite("A purge of a folder during a flight", () => {
  test("A flight does not undo a purge of its folder, and later requests do not follow it", async (t) => {
    const site = await deployAdmin(t);
    const gate = new Gate();
    site.origin.on("/assets/a/1.jpg", inSequence(gated(gate, image({ width: 1 })), image({ width: 2 })));
    const before = site.get("/metadata/a/1.jpg");
    await gate.arrived();
    assert.equal((await purge(site, "/metadata/a/*")).status, 200);
    assert.equal((await site.get("/metadata/a/1.jpg")).json.metadata.width, 2);
    gate.open();
    assert.equal((await before).json.metadata.width, 1);
    assert.equal((await site.get("/metadata/a/1.jpg")).json.metadata.width, 2);
    await site.kv.written("metadata:a/1.jpg");
    assert.deepEqual(
      site.kv.writes("metadata:a/1.jpg").map(({ metadata }) => metadata.width),
      [2],
    );
  });

  test("A purge of a folder does not affect flights outside it", async (t) => {
    const site = await deployAdmin(t);
    const gate = new Gate();
    site.origin.on("/assets/ab/1.jpg", gated(gate));
    const before = site.get("/metadata/ab/1.jpg");
    await gate.arrived();
    await purge(site, "/metadata/a/*");
    const follower = site.get("/metadata/ab/1.jpg");
    await site.settled();
    gate.open();
    assertFound(await before, "origin");
    assertFound(await follower, "inflight");
  });
});

suite("A purge of a folder when KV fails", () => {
  for (const kind of ["list", "delete"]) {
    test(`A purge of a folder is a 503 if the KV ${kind} fails, and can be repeated`, async (t) => {
      const site = await deployAdmin(t);
      await cacheImages(site, "a/1.jpg", "a/2.jpg");
      site.kv.intercept(kind, () => ({ status: 503 }));
      const answer = await purge(site, "/metadata/a/*");
      assertProblem(answer, 503, "purge-failed");
      assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
      site.kv.intercept(kind, undefined);
      assert.equal((await purge(site, "/metadata/a/*")).status, 200);
      assert.equal(site.kv.records.size, 0);
      assertFound(await site.get("/metadata/a/1.jpg"), "origin");
    });
  }

  test("If KV fails to delete one record, a purge of its folder deletes the others", async (t) => {
    const site = await deployAdmin(t);
    await cacheImages(site, "a/1.jpg", "a/2.jpg", "a/3.jpg");
    site.kv.intercept("delete", ({ key }) => (key === "metadata:a/2.jpg" ? { status: 500 } : undefined));
    assertProblem(await purge(site, "/metadata/a/*"), 503, "purge-failed");
    assert.deepEqual([...site.kv.records.keys()], ["metadata:a/2.jpg"]);
  });

  test("Without KV a purge of a folder evicts its images from memory", async (t) => {
    const site = await deployAdmin(t, { kv: false });
    await site.get("/metadata/a/1.jpg");
    assert.equal((await purge(site, "/metadata/a/*")).status, 200);
    assertFound(await site.get("/metadata/a/1.jpg"), "origin");
  });
});

suite("The admin token for a purge of a folder", () => {
  for (const path of ["/metadata/a/*", "/metadata/*"]) {
    test(`DELETE ${path} without the right admin token is refused and deletes nothing`, async (t) => {
      const site = await deployAdmin(t);
      await cacheImages(site, "a/1.jpg");
      assertProblem(await site.request("DELETE", path), 401, "unauthorized");
      assertProblem(await purge(site, path, "Bearer wrong"), 403, "forbidden");
      assertFound(await site.get("/metadata/a/1.jpg"), "memory");
      assert.deepEqual([site.kv.lists().length, site.kv.deletes().length], [0, 0]);
    });

    test(`DELETE ${path} is a 404 if ADMIN_TOKEN is not set`, async (t) => {
      const site = await deploy(t);
      assertProblem(await purge(site, path), 404, "no-route");
      assert.deepEqual(site.kv.operations, []);
    });
  }
});

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

/** Has each image fetched and its record written. */
async function know(site, ...paths) {
  for (const path of paths) {
    assertFound(await site.get(`/metadata/${path}`), "origin");
    await site.kv.written(`metadata:${path}`);
  }
}

suite("DELETE of a folder", () => {
  test("forgets the images below it, in memory and KV, and no other", async (t) => {
    const site = await deployAdmin(t);
    const [below, beside] = [
      ["a/1.jpg", "a/2.jpg", "a/b/3.jpg"],
      ["ab/x.jpg", "a", "b/a/1.jpg"],
    ];
    await know(site, ...below, ...beside);
    const answer = await purge(site, "/metadata/a/*");
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json, { purged: 3 });
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.deepEqual(
      [...site.kv.records.keys()].sort(),
      beside.map((path) => `metadata:${path}`).sort(),
      "the answer comes after KV has done it",
    );
    for (const path of beside) assertFound(await site.get(`/metadata/${path}`), "memory");
    for (const path of below) assertFound(await site.get(`/metadata/${path}`), "origin");
  });

  test("finds it by any spelling of its path", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "photos/cat.jpg");
    for (const folder of ["%70hotos/*", "photos%2F*", "photos%2f*"]) {
      await site.kv.written("metadata:photos/cat.jpg");
      assert.deepEqual((await purge(site, `/metadata/${folder}`)).json, { purged: 1 }, folder);
      site.kv.clearOperations();
      assertFound(await site.get("/metadata/photos/cat.jpg"), "origin");
    }
  });

  test("takes what looks like a pattern as it is", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "a_/1.jpg", "ab/1.jpg");
    assert.deepEqual((await purge(site, "/metadata/a_/*")).json, { purged: 1 });
    assertFound(await site.get("/metadata/ab/1.jpg"), "memory");
  });

  test("is idempotent", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "a/1.jpg");
    assert.deepEqual((await purge(site, "/metadata/a/*")).json, { purged: 1 });
    assert.deepEqual((await purge(site, "/metadata/a/*")).json, { purged: 0 });
  });

  test("finds what KV has and this isolate has never seen", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "a/1.jpg", "b/1.jpg");
    await site.restart();
    assert.deepEqual((await purge(site, "/metadata/a/*")).json, { purged: 1 });
    assertFound(await site.get("/metadata/a/1.jpg"), "origin");
    assertFound(await site.get("/metadata/b/1.jpg"), "kv");
  });

  test("forgets a remembered failure, too", async (t) => {
    const site = await deployAdmin(t);
    site.origin.on("/assets/a/gone.jpg", inSequence(failure(404), image()));
    assertProblem(await site.get("/metadata/a/gone.jpg"), 404, "not-found");
    await purge(site, "/metadata/a/*");
    assertFound(await site.get("/metadata/a/gone.jpg"), "origin");
  });

  test("of a bad path is refused and deletes nothing", async (t) => {
    const site = await deployAdmin(t);
    for (const path of ["/metadata/a//*", "/metadata//*", "/metadata/../*", "/metadata/%2F*", "/metadata/a%2F%2F*", "/metadata/a%2F..%2F*"])
      assertProblem(await purge(site, path), 400, "invalid-path");
    assert.deepEqual(site.kv.operations, []);
  });
});

test("DELETE of * forgets all images, and nothing else that is in the namespace", async (t) => {
  const site = await deployAdmin(t);
  const long = `${"x".repeat(600)}.jpg`;
  await know(site, "a/1.jpg", "b.jpg");
  await site.get(`/metadata/${long}`);
  await site.kv.allWritten(3);
  site.kv.seed("other:1", { value: "kept" });
  assert.deepEqual((await purge(site, "/metadata/*")).json, { purged: 3 });
  assert.deepEqual([...site.kv.records.keys()], ["other:1"]);
  for (const path of ["a/1.jpg", "b.jpg", long]) assertFound(await site.get(`/metadata/${path}`), "origin");
});

suite("an image whose name has a *", () => {
  test("is purged alone, as %2A", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "a/*", "b/*", "a/1.jpg", "*");
    assert.deepEqual((await purge(site, "/metadata/a/%2A")).json, { purged: 1 });
    assert.deepEqual((await purge(site, "/metadata/b%2F%2A")).json, { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()].sort(), ["metadata:*", "metadata:a/1.jpg"]);
    assert.deepEqual((await purge(site, "/metadata/%2a")).json, { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()], ["metadata:a/1.jpg"]);
  });

  test("is purged as it is where the * is not a last segment of its own", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "a/*/1.jpg", "a/x*", "a/xy", "a/z/1.jpg");
    for (const path of ["a/*/1.jpg", "a/x*"]) assert.deepEqual((await purge(site, `/metadata/${path}`)).json, { purged: 1 });
    assert.deepEqual([...site.kv.records.keys()].sort(), ["metadata:a/xy", "metadata:a/z/1.jpg"]);
    assert.equal(site.kv.lists().length, 0);
  });
});

suite("a purge of many", () => {
  const seed = (site, count) => {
    for (let n = 0; n < count; n++) site.kv.seed(`metadata:many/${String(n).padStart(3, "0")}.jpg`, { metadata: { width: 1, height: 1 } });
  };

  test("deletes at most a hundred a call, and the cursor leads through the rest", async (t) => {
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
      // KV may go on listing what was just deleted: only the cursor leads past it.
      assert.equal(site.kv.lists()[0].cursor, cursor);
      if (json.cursor === undefined) break;
      ({ cursor } = json);
      query = `?cursor=${encodeURIComponent(cursor)}`;
    }
    assert.deepEqual(purged, [100, 100, 50]);
    assert.deepEqual([...site.kv.records.keys()], ["metadata:other.jpg"]);
  });

  test("is done also where it is begun again instead", async (t) => {
    const site = await deployAdmin(t);
    seed(site, 150);
    const first = await purge(site, "/metadata/many/*");
    assert.deepEqual([first.json.purged, typeof first.json.cursor], [100, "string"]);
    assert.deepEqual((await purge(site, "/metadata/many/*")).json, { purged: 50 });
    assert.equal(site.kv.records.size, 0);
  });

  test("forgets at once all that this isolate has in memory", async (t) => {
    const site = await deployAdmin(t);
    seed(site, 150);
    // Not fetched: a purge has the record deleted of a flight that may still be writing it.
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

  test("evicts what a request has read from KV while the deletions were on their way", async (t) => {
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

suite("a purge of a folder during a flight", () => {
  test("is not undone by it, and who comes later does not follow it", async (t) => {
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

  test("leaves flights beside the folder alone", async (t) => {
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

suite("a purge of a folder where KV fails", () => {
  for (const kind of ["list", "delete"]) {
    test(`to ${kind} says so, and can be repeated`, async (t) => {
      const site = await deployAdmin(t);
      await know(site, "a/1.jpg", "a/2.jpg");
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

  test("to delete one of them has the others deleted", async (t) => {
    const site = await deployAdmin(t);
    await know(site, "a/1.jpg", "a/2.jpg", "a/3.jpg");
    site.kv.intercept("delete", ({ key }) => (key === "metadata:a/2.jpg" ? { status: 500 } : undefined));
    assertProblem(await purge(site, "/metadata/a/*"), 503, "purge-failed");
    assert.deepEqual([...site.kv.records.keys()], ["metadata:a/2.jpg"]);
  });

  test("without KV forgets what is in memory", async (t) => {
    const site = await deployAdmin(t, { kv: false });
    await site.get("/metadata/a/1.jpg");
    assert.equal((await purge(site, "/metadata/a/*")).status, 200);
    assertFound(await site.get("/metadata/a/1.jpg"), "origin");
  });
});

suite("a purge of a folder needs the admin token:", () => {
  for (const path of ["/metadata/a/*", "/metadata/*"]) {
    test(path, async (t) => {
      const site = await deployAdmin(t);
      await know(site, "a/1.jpg");
      assertProblem(await site.request("DELETE", path), 401, "unauthorized");
      assertProblem(await purge(site, path, "Bearer wrong"), 403, "forbidden");
      assertFound(await site.get("/metadata/a/1.jpg"), "memory");
      assert.deepEqual([site.kv.lists().length, site.kv.deletes().length], [0, 0]);
    });

    test(`${path} is no route without ADMIN_TOKEN`, async (t) => {
      const site = await deploy(t);
      assertProblem(await purge(site, path), 404, "no-route");
      assert.deepEqual(site.kv.operations, []);
    });
  }
});

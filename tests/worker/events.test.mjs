import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { names } from "./harness/batch.mjs";
import { assertFound, assertProblem, recordOf } from "./harness/expect.mjs";
import { Gate, Turnstile } from "./harness/gate.mjs";
import { failure, gated, image } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { deploy } from "./harness/site.mjs";

const ADMIN_TOKEN = "secret";
const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` };
const purge = (paths) => ({ action: "purge", paths });
const warm = (paths) => ({ action: "warm", paths });

/** A message of R2 (https://developers.cloudflare.com/r2/buckets/event-notifications/#message-format). */
const event = (action, bucket, key) => ({
  account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
  action,
  bucket,
  object: { key, size: 65_536, eTag: "c846ff7a18f28c2e262116d6e8719ef0" },
  eventTime: "2026-05-24T19:36:44.379Z",
});

const ORIGINS = [
  { prefix: "r2", bucket: "IMAGES", bucketName: "images" },
  { prefix: "old", bucket: "ARCHIVE", bucketName: "archive" },
];

const deployBuckets = (t, { config, ...options } = {}) =>
  deploy(t, { queue: "consumer", bucket: true, env: { ADMIN_TOKEN }, config: { origins: ORIGINS, query: ["v"], ...config }, ...options });

const small = await jpeg({ width: 40, height: 30 });
const large = await jpeg({ width: 80, height: 60 });

/** The width and the layer that the Worker returns. */
async function widthOf(site, path) {
  const { json, layer } = await site.get(`/metadata/${path}`);
  return [json.metadata?.width, layer];
}

const keysOf = (site) => [...site.kv.records.keys()].map((key) => key.replace("metadata:", "")).sort();
const eventsOf = async (site) => (await site.get("/stats", admin)).json.events;

suite("Events of R2 buckets", () => {
  for (const action of ["PutObject", "CopyObject", "CompleteMultipartUpload"]) {
    test(`After a ${action} an overwritten image has its new size, in every isolate that does not know it`, async (t) => {
      const site = await deployBuckets(t);
      site.bucket.put("a.jpg", small);
      assert.deepEqual(await widthOf(site, "r2/a.jpg"), [40, "origin"]);
      await site.kv.written("metadata:r2/a.jpg");
      site.bucket.put("a.jpg", large);
      assert.deepEqual(await widthOf(site, "r2/a.jpg"), [40, "memory"]);
      assert.deepEqual((await site.deliver([event(action, "images", "a.jpg")])).messages, ["ack"]);
      assert.deepEqual(await widthOf(site, "r2/a.jpg"), [80, "memory"]);
      await site.kv.allWritten(2);
      await site.restart();
      assert.deepEqual(await widthOf(site, "r2/a.jpg"), [80, "kv"]);
    });
  }

  for (const action of ["DeleteObject", "LifecycleDeletion"]) {
    test(`After a ${action} the image is purged and its object is not read`, async (t) => {
      const site = await deployBuckets(t);
      site.bucket.put("a.jpg", small);
      await site.get("/metadata/r2/a.jpg");
      await site.kv.written("metadata:r2/a.jpg");
      site.bucket.remove("a.jpg");
      const reads = site.bucket.gets.length;
      assert.deepEqual((await site.deliver([event(action, "images", "a.jpg")])).messages, ["ack"]);
      assert.deepEqual([site.bucket.gets.length, keysOf(site)], [reads, []]);
      assertProblem(await site.get("/metadata/r2/a.jpg"), 404, "not-found");
    });
  }

  test("Events of two buckets are told apart by bucketName, and those of a bucket that no origin names cost nothing", async (t) => {
    const site = await deployBuckets(t);
    site.bucket.put("a.jpg", small);
    await site.deliver([event("PutObject", "archive", "a.jpg")]);
    await site.kv.written("metadata:old/a.jpg");
    assert.deepEqual(keysOf(site), ["old/a.jpg"]);
    site.kv.clearOperations();
    const reads = site.bucket.gets.length;
    assert.deepEqual((await site.deliver([event("PutObject", "unknown", "a.jpg")])).messages, ["ack"]);
    assert.deepEqual([site.kv.operations, site.bucket.gets.length], [[], reads]);
  });

  test("The key of an object is decoded text: an escape in it is not decoded again", async (t) => {
    const site = await deployBuckets(t);
    const key = "100%25 ü+?&#.jpg";
    site.bucket.put(key, small);
    await site.deliver([event("PutObject", "images", key)]);
    assert.deepEqual(site.bucket.gets.map((get) => get.key), [key]);
    assert.deepEqual(await widthOf(site, `r2/${encodeURIComponent(key)}`), [40, "memory"]);
  });

  test("A key that no image can have is acknowledged and logged, and the rest of its batch is handled", async (t) => {
    const site = await deployBuckets(t);
    site.bucket.put("a.jpg", small);
    const keys = ["a//b.jpg", "../a.jpg", "a\\b.jpg", "/a.jpg", "a/", "\n", ""];
    const { messages } = await site.deliver([...keys.map((key) => event("PutObject", "images", key)), event("PutObject", "images", "a.jpg")]);
    assert.deepEqual(messages, Array(keys.length + 1).fill("ack"));
    const { level, reason } = await site.logged({ event: "malformed-message" });
    assert.deepEqual([level, reason], ["warn", "path or key that no image can have"]);
    assert.deepEqual(site.bucket.gets.map(({ key }) => key), ["a.jpg"]);
    const { malformed, write } = await eventsOf(site);
    assert.deepEqual([malformed, write.done], [keys.length, 1]);
  });

  test("Duplicates and events out of order lead to one read of the object as it is now", async (t) => {
    const site = await deployBuckets(t);
    site.bucket.put("a.jpg", large);
    const events = ["DeleteObject", "PutObject", "PutObject", "CopyObject"].map((action) => event(action, "images", "a.jpg"));
    await site.deliver(events);
    assert.equal(site.bucket.gets.length, 1);
    assert.deepEqual(await widthOf(site, "r2/a.jpg"), [80, "memory"]);
    // An old deletion, delivered late, costs a read but does not hide the object.
    await site.deliver(events.slice(0, 1));
    assert.deepEqual(await widthOf(site, "r2/a.jpg"), [80, "origin"]);
  });
});

suite("Objects that clients look up while they are read again", () => {
  for (const [what, hasGate] of [
    ["has looked it up", false],
    ["is looking it up", true],
  ]) {
    test(`An object is read from its bucket if a client ${what} since it was purged, and KV still returns the purged record`, async (t) => {
      const site = await deployBuckets(t);
      site.bucket.putEverywhere(large);
      const [turnstile, gate] = [new Turnstile(), new Gate()];
      site.bucket.intercept(() => turnstile.pass());
      const last = names(7).at(-1);
      site.kv.intercept("get", async () => {
        if (hasGate) await gate.pass();
        return { metadata: recordOf({ width: 40 }) };
      });
      const delivered = site.deliver(names(7).map((name) => event("PutObject", "images", name)));
      // The last one waits for its turn.
      await turnstile.arrived(6);
      const client = widthOf(site, `r2/${last}`);
      if (hasGate) await site.kv.received("get");
      else assert.deepEqual(await client, [40, "kv"]);
      turnstile.admit(6);
      await turnstile.arrived(7);
      gate.open();
      assert.deepEqual(await client, [40, "kv"]);
      turnstile.admit();
      assert.deepEqual((await delivered).messages, Array(7).fill("ack"));
      assert.deepEqual(await widthOf(site, `r2/${last}`), [80, "memory"]);
      await site.kv.allWritten(7);
    });
  }
});

suite("Messages that are malformed", () => {
  const kinds = ["bytes", "bigint", "circular", "date", "map", "surrogate", "deep"];
  const bodies = [null, 1, "text", [], {}, { action: 1 }, { action: "PurgeObject" }, purge([]), purge("a"), purge([1]), purge(["a//b"]), purge(names(101)), { action: "PutObject", bucket: "images" }];

  test("A malformed message is acknowledged and logged, and the rest of its batch is handled", async (t) => {
    const site = await deployBuckets(t);
    const malformed = [...kinds.map((kind) => ({ kind })), ...bodies.map((body) => ({ body }))];
    const { outcome, messages } = await site.deliver([...malformed, warm(["a.jpg"])]);
    assert.equal(outcome, "ok");
    assert.deepEqual(messages, Array(malformed.length + 1).fill("ack"));
    const events = await eventsOf(site);
    assert.deepEqual([events.malformed, events.warm.done], [malformed.length, 1]);
    assertFound(await site.get("/metadata/a.jpg"), "memory");
    await site.logged({ event: "malformed-message", level: "warn", reason: "unknown action" });
  });
});

suite("Messages that purge and warm", () => {
  test("Paths, versions and folders are purged and not read", async (t) => {
    const site = await deployBuckets(t);
    const paths = ["a.jpg", "b.jpg", "b.jpg?v=3", "c/d.jpg", "c/e/f.jpg", "g.jpg"];
    for (const path of paths) await site.get(`/metadata/${path}`);
    await site.kv.allWritten(paths.length);
    const { length } = site.origin.requests;
    assert.deepEqual((await site.deliver([purge(["%61.jpg", "b.jpg?v=3"]), purge(["c%2F*"])])).messages, ["ack", "ack"]);
    assert.deepEqual(keysOf(site), ["b.jpg", "g.jpg"]);
    assert.equal(site.origin.requests.length, length);
    for (const [path, layer] of [["b.jpg", "memory"], ["a.jpg", "origin"], ["c/e/f.jpg", "origin"]]) assertFound(await site.get(`/metadata/${path}`), layer);
  });

  test("Many images are purged a hundred at a time", async (t) => {
    const site = await deployBuckets(t);
    const turnstile = new Turnstile();
    site.kv.intercept("delete", () => turnstile.pass());
    const delivered = site.deliver([0, 1, 2].map((n) => purge(names(100).map((name) => `${n}/${name}`))));
    for (const n of [100, 200, 300]) {
      await turnstile.arrived(n);
      await site.settled();
      assert.equal(turnstile.arrivals, n);
      turnstile.admit(100);
    }
    assert.deepEqual((await delivered).messages, Array(3).fill("ack"));
  });

  test("A folder of many images is purged over several deliveries", async (t) => {
    const site = await deployBuckets(t);
    for (const name of names(620)) site.kv.seed(`metadata:folder/${name}`, { metadata: recordOf() });
    assert.deepEqual((await site.deliver([purge(["folder/*"])])).messages, [10]);
    assert.equal(site.kv.records.size, 120);
    assert.deepEqual((await site.deliver([{ body: purge(["folder/*"]), attempts: 2 }])).messages, ["ack"]);
    assert.equal(site.kv.records.size, 0);
  });

  test("Warming reads KV once, fetches six images at a time, and stores them", async (t) => {
    const site = await deployBuckets(t);
    site.kv.seed("metadata:0.jpg", { metadata: recordOf() });
    const turnstile = new Turnstile();
    site.origin.on(gated(turnstile));
    const delivered = site.deliver(names(100).map((name) => warm([name])));
    await turnstile.arrived(6);
    await site.settled();
    for (let n = 7; n <= 99; n++) {
      assert.equal(turnstile.arrivals, n - 1);
      turnstile.admit();
      await turnstile.arrived(n);
    }
    turnstile.admit(6);
    assert.deepEqual((await delivered).messages, Array(100).fill("ack"));
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length, site.origin.requests.length], [1, 0, 99]);
    await site.kv.allWritten(99);
  });

  test("While a batch is warmed, clients can look other images up", async (t) => {
    const site = await deployBuckets(t, { config: { maxInFlight: 101 } });
    const turnstile = new Turnstile();
    site.origin.on(gated(turnstile));
    site.origin.on("/assets/other.jpg", image());
    const delivered = site.deliver([0, 1, 2].map((n) => warm(names(100).map((name) => `${n}/${name}`))));
    await turnstile.arrived(6);
    assertFound(await site.get("/metadata/other.jpg"), "origin");
    site.origin.on(image());
    turnstile.admit(6);
    assert.deepEqual((await delivered).messages, Array(3).fill("ack"));
  });

  test("A hundred objects are purged, with one purge of the platform's cache, and then read six at a time", async (t) => {
    const site = await deployBuckets(t, { edgeCache: true, config: { edgeCache: true } });
    const turnstile = new Turnstile();
    let deleted;
    site.bucket.intercept(() => {
      deleted ??= site.kv.deletes().filter(({ status }) => status).length;
      return turnstile.pass();
    });
    for (const name of names(100)) site.bucket.put(name, small);
    const delivered = site.deliver(names(100).map((name) => event("PutObject", "images", name)));
    await turnstile.arrived(6);
    await site.settled();
    for (let n = 7; n <= 100; n++) {
      assert.equal(turnstile.arrivals, n - 1);
      turnstile.admit();
      await turnstile.arrived(n);
    }
    turnstile.admit(6);
    assert.deepEqual((await delivered).messages, Array(100).fill("ack"));
    assert.deepEqual([deleted, site.bucket.gets.length], [100, 100]);
    assert.deepEqual(
      site.edge.purges.map(({ tags }) => tags.length),
      [100],
    );
    await site.kv.allWritten(100);
  });

  test("No client is charged for what a message fetches", async (t) => {
    const site = await deployBuckets(t, { rateLimit: { limit: 0 } });
    site.bucket.put("a.jpg", small);
    assert.deepEqual((await site.deliver([warm(["a.jpg"]), event("PutObject", "images", "a.jpg")])).messages, ["ack", "ack"]);
    assertFound(await site.get("/metadata/a.jpg"), "memory");
    assertFound(await site.get("/metadata/r2/a.jpg"), "memory");
    assert.deepEqual((await site.at.rateLimit.get("/")).json, []);
  });

  test("Each message is a data point that queries do not count as a response with metadata", async (t) => {
    const site = await deployBuckets(t, { analytics: true });
    site.origin.on("/assets/b.jpg", failure(500));
    const sent = Date.now() - 7_000;
    const bodies = [purge(["a.jpg"]), warm(["b.jpg"]), null];
    await site.deliver(bodies.map((body) => ({ body, sent })));
    const points = await site.analytics.points(3);
    const fields = points.map(({ index, source, state, code, format, path, ageS, count }) => [index, source, state, code, format, path, ageS >= 7, count]);
    assert.deepEqual(fields.sort(), [
      ["queue", "queue", "done", "purge", "", "", true, 1],
      ["queue", "queue", "malformed", "unknown", "", "", true, 1],
      ["queue", "queue", "retried", "warm", "", "", true, 1],
    ]);
  });
});

suite("Messages that fail", () => {
  test("Only the messages whose origin fails are retried, each time later", async (t) => {
    const site = await deployBuckets(t, { config: { errorTtl: 0 } });
    site.origin.on("/assets/broken.jpg", failure(500));
    site.origin.on("/assets/missing.jpg", failure(404));
    site.bucket.intercept(({ key }) => (key === "broken.jpg" ? { status: 500, code: 10001 } : undefined));
    const broken = [warm(["a.jpg", "broken.jpg"]), event("PutObject", "images", "broken.jpg")];
    const good = [warm(["a.jpg", "missing.jpg"]), event("PutObject", "images", "missing.jpg"), event("DeleteObject", "images", "broken.jpg")];
    for (const [attempts, delay] of [[1, 10], [2, 20], [5, 160], [100, 600]]) {
      const { messages } = await site.deliver([...broken, ...good].map((body) => ({ body, attempts })));
      // The deletion of the broken object is done: the write of the same object needs it.
      assert.deepEqual(messages.slice(0, 4), [delay, delay, "ack", "ack"]);
    }
    const { warm: warmed, write } = await eventsOf(site);
    assert.deepEqual([warmed.retried, warmed.done, write.retried, write.done], [4, 4, 4, 4]);
  });

  test("The messages whose records KV does not delete are retried", async (t) => {
    const site = await deployBuckets(t);
    site.kv.intercept("delete", ({ key }) => (key === "metadata:a.jpg" ? { status: 503 } : undefined));
    site.kv.intercept("list", ({ prefix }) => (prefix === "metadata:folder/" ? { status: 503 } : undefined));
    const { messages } = await site.deliver([purge(["a.jpg"]), purge(["b.jpg"]), purge(["folder/*"]), purge(["other/*"])]);
    assert.deepEqual(messages, [10, "ack", 10, "ack"]);
  });

  test("A message whose origin does not respond is retried, and the rest of its batch is acknowledged", async (t) => {
    const site = await deployBuckets(t, { config: { originTimeoutMs: 100 } });
    site.origin.on("/assets/a.jpg", () => {});
    assert.deepEqual((await site.deliver([warm(["a.jpg"]), warm(["b.jpg"])])).messages, [10, "ack"]);
  });

  test("With invalid settings the whole batch is retried, and the error is logged", async (t) => {
    const site = await deployBuckets(t, { metadata: { originUrl: "https://images.test", unknown: 1 } });
    const delivered = await site.deliver([purge(["a.jpg"])]).catch((error) => error);
    assert.ok(delivered instanceof Error || delivered.outcome === "exception", JSON.stringify(delivered));
    assert.equal((await site.logged({ event: "configuration-error" })).level, "error");
  });
});

suite("A purge that repeats itself", () => {
  const deployQueue = (t, options) => deployBuckets(t, { queue: true, ...options });
  const remove = (site, path) => site.request("DELETE", `/metadata/${path}`, { headers: admin });

  test("A purge of an image, a version or a folder is sent to the queue, to be repeated after 90 seconds", async (t) => {
    const site = await deployQueue(t);
    const paths = ["%61%20b.jpg", "b.jpg?v=3", "folder/*", "*"];
    for (const path of paths) assert.equal((await remove(site, path)).status, 200);
    const sent = await site.queue.received(paths.length);
    assert.deepEqual(sent, paths.map((path) => ({ body: { paths: [path], action: "purge" }, delay: 90, format: "json" })));
    // It is a message that the Worker accepts.
    assert.deepEqual((await site.deliver(sent.map(({ body }) => body))).messages, Array(paths.length).fill("ack"));
    assert.equal(sent.length, paths.length, "a repeated purge does not repeat itself");
    assert.equal((await site.get("/health")).json.bindings.queue, true);
    assert.equal((await (await deployBuckets(t)).get("/health")).json.bindings.queue, false);
  });

  test("A purge of several pages is repeated once, with the last", async (t) => {
    const site = await deployQueue(t);
    for (const name of names(150)) site.kv.seed(`metadata:folder/${name}`, { metadata: recordOf() });
    const { cursor } = (await remove(site, "folder/*")).json;
    await remove(site, `folder/*?cursor=${encodeURIComponent(cursor)}`);
    await remove(site, "last.jpg");
    const sent = await site.queue.received(2);
    assert.equal(sent.length, 2);
    assert.deepEqual(sent.map(({ body }) => body.paths[0].replace(/\?.*/, "")).sort(), ["folder/*", "last.jpg"]);
  });

  test("A purge that is refused or fails is not repeated", async (t) => {
    const site = await deployQueue(t);
    site.kv.intercept("delete", ({ key }) => (key === "metadata:a.jpg" ? { status: 503 } : undefined));
    assertProblem(await remove(site, "a.jpg"), 503, "purge-failed");
    assertProblem(await remove(site, "a//b.jpg"), 400, "invalid-path");
    assertProblem(await site.request("DELETE", "/metadata/b.jpg"), 401, "unauthorized");
    await remove(site, "c.jpg");
    assert.deepEqual((await site.queue.received(1)).map(({ body }) => body.paths), [["c.jpg"]]);
  });

  for (const [what, change, cause] of [
    ["fails", { status: 500 }, /Queue send failed|500/],
    ["hangs", { hang: true }, /^timeout$/],
  ]) {
    test(`A purge succeeds if the queue ${what}, and the fault is logged`, async (t) => {
      // The time limit of sending, shortened.
      const prelude = `const real = setTimeout; globalThis.setTimeout = (call, ms, ...args) => real(call, ms === 10_000 ? 50 : ms, ...args);`;
      const site = await deployQueue(t, { prelude });
      site.queue.intercept(() => change);
      const answer = await remove(site, "a.jpg");
      assert.deepEqual([answer.status, answer.json], [200, { purged: 1 }]);
      const entry = await site.logged({ event: "queue-fault" });
      assert.equal(entry.level, "warn");
      assert.match(entry.cause, cause);
    });
  }

  test("Without a queue a purge is not repeated", async (t) => {
    const site = await deployBuckets(t, { config: { logLevel: "debug" } });
    assert.deepEqual((await remove(site, "a.jpg")).json, { purged: 1 });
    await site.settled();
    assert.equal(site.log.filter((entry) => entry.event === "queue-fault").length, 0);
  });

  for (const [isolate, layer] of [
    ["the isolate of the purge", "memory"],
    ["the isolate of the fetch", "origin"],
  ]) {
    test(`Delivered to ${isolate}, it removes a record that another isolate wrote after the purge`, async (t) => {
      const site = await deployQueue(t);
      const other = await deployBuckets(t, { sharedWith: site });
      const gate = new Gate();
      site.origin.on("/assets/a.jpg", gated(gate, image({ width: 40 })));
      const held = other.get("/metadata/a.jpg");
      await gate.arrived();
      await remove(site, "a.jpg");
      site.origin.on("/assets/a.jpg", image({ width: 80 }));
      gate.open();
      assert.equal((await held).json.metadata.width, 40);
      await site.kv.written("metadata:a.jpg");
      assert.equal(site.kv.records.get("metadata:a.jpg").metadata.width, 40);

      const [{ body }] = await site.queue.received(1);
      await (layer === "memory" ? site : other).deliver([body]);
      assert.equal(site.kv.records.get("metadata:a.jpg"), undefined);
      assert.deepEqual(await widthOf(site, "a.jpg"), [80, "origin"]);
      await site.kv.allWritten(2);
      // Other isolates may serve what they have in memory up to memoryCacheTtl.
      assert.equal((await other.get("/metadata/a.jpg")).layer, layer === "memory" ? "memory" : "kv");
    });
  }
});

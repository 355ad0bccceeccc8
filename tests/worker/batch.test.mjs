import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertNoLeak, assertProblem, bodyOf, cropOf, recordOf, tally } from "./harness/expect.mjs";
import { Gate, Turnstile } from "./harness/gate.mjs";
import { failure, gated, image, json, slow } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const ROUTE = "/metadata";
const MAX_BODY_BYTES = 256 * 1024;
const post = (site, body, headers) =>
  site.request("POST", ROUTE, { body: typeof body === "string" ? body : JSON.stringify(body), headers });
const names = (count) => Array.from({ length: count }, (_, n) => `${n}.jpg`);
const found = (path, metadata, crop) => ({ status: 200, ...bodyOf(path, metadata), ...crop });
const faultsOf = (site) => site.log.filter((entry) => entry.event === "kv-fault");

/** A batch that the Worker has begun to work on; its answer is still to come, as `.answer`. */
async function posting(site, body) {
  const { sent, answer } = site.at.worker.begin("POST", ROUTE, { body: JSON.stringify(body) });
  await sent;
  await site.settled();
  return { answer };
}

/** Every result a 200, in the order of `paths`. */
function assertAllFound(answer, paths) {
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(
    answer.json.results,
    paths.map((path) => found(path)),
  );
}

/** A result that is a problem, complete. */
function assertFailed(result, path, status, code) {
  assert.deepEqual([result.path, result.status], [path, status], JSON.stringify(result));
  const { problem } = result;
  assert.deepEqual(
    [problem.status, problem.code, problem.type],
    [status, code, `urn:optimized-metadata:problem:${code}`],
    JSON.stringify(problem),
  );
  assert.match(problem.title, /\S/);
  assert.match(problem.detail, /^[A-Z0-9'"].*\.$/s, "the detail is a sentence");
  assert.equal(result.metadata, undefined);
  assertNoLeak(JSON.stringify(result));
}

suite("a batch", () => {
  test("answers for each path in its order, duplicates included", async (t) => {
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

  test("is kept by no cache, and read by scripts", async (t) => {
    const site = await deploy(t);
    const answer = await post(site, { paths: ["a.jpg"] }, { Origin: "https://shop.test" });
    assert.match(answer.headers["content-type"], /^application\/json\b/);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    assert.equal(answer.etag, undefined);
  });

  test("is taken whatever its Content-Type and query", async (t) => {
    const site = await deploy(t);
    const body = JSON.stringify({ paths: ["a.jpg"] });
    for (const type of ["application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", undefined])
      assertAllFound(await post(site, body, type && { "Content-Type": type }), ["a.jpg"]);
    assertAllFound(await site.request("POST", `${ROUTE}?aspect=broken`, { body }), ["a.jpg"]);
  });

  test("finds images by all the spellings that a GET takes", async (t) => {
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

  test("of an image as a GET answers it: it fills memory and KV", async (t) => {
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

  test("crops every image by its parameters", async (t) => {
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

  test("takes the numbers and booleans of JSON", async (t) => {
    const site = await deploy(t);
    const { json } = await post(site, { paths: ["a.jpg"], aspect: "16:9", width: 800, allowExpansion: true });
    assert.deepEqual([json.results[0].dimensions, json.results[0].fit], [{ width: 800, height: 450 }, "pad"]);
  });
});

suite("a batch costs", () => {
  test("one KV operation for a hundred images that KV has", async (t) => {
    const site = await deploy(t);
    for (const path of names(100)) site.kv.seed(`metadata:${path}`, { metadata: recordOf() });
    assertAllFound(await post(site, { paths: names(100) }), names(100));
    assert.deepEqual(
      site.kv.operations.map((o) => o.kind),
      ["bulk"],
    );
    assert.equal(site.kv.bulkReads()[0].keys.length, 100);
    assert.equal(site.origin.requests.length, 0);
    for (const path of names(100)) assertFound(await site.get(`/metadata/${path}`), "memory");
  });

  test("nothing for what is in memory", async (t) => {
    const site = await deploy(t);
    await post(site, { paths: names(5) });
    await site.kv.allWritten(5);
    site.kv.forget();
    assertAllFound(await post(site, { paths: names(5) }), names(5));
    assert.deepEqual(site.kv.operations, []);

    assertAllFound(await post(site, { paths: [...names(5), "new.jpg"] }), [...names(5), "new.jpg"]);
    const reads = site.kv.operations.filter(({ kind }) => kind === "bulk" || kind === "get");
    assert.deepEqual(
      reads.map(({ keys, key }) => keys ?? [key]),
      [["metadata:new.jpg"]],
    );
    assert.equal(site.origin.requests.length, 6);
  });

  test("a fetch only for what KV has not", async (t) => {
    const site = await deploy(t);
    for (const path of ["0.jpg", "2.jpg"]) site.kv.seed(`metadata:${path}`, { metadata: recordOf() });
    site.kv.seed("metadata:3.jpg", { value: JSON.stringify(recordOf()) });
    assertAllFound(await post(site, { paths: names(5) }), names(5));
    assert.deepEqual(site.origin.requests.map((r) => r.path).sort(), ["/assets/1.jpg", "/assets/4.jpg"]);
    assert.equal(site.kv.bulkReads().length, 1);
    assert.deepEqual(site.kv.reads(), []);
    // The one in the earlier form is rewritten as a GET would.
    assert.equal((await site.kv.written("metadata:3.jpg")).value, "");
  });

  test("at most six fetches at a time", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const turnstile = new Turnstile();
    site.origin.on(gated(turnstile));
    const { answer } = await posting(site, { paths: names(20) });
    for (let arrived = 6; arrived < 20; arrived++) {
      await turnstile.arrived(arrived);
      await site.settled();
      assert.deepEqual([turnstile.arrivals, turnstile.waiting], [arrived, 6]);
      turnstile.admit();
    }
    await turnstile.arrived(20);
    turnstile.admit(6);
    assertAllFound(await answer, names(20));
    assert.equal(site.origin.requests.length, 20);
  });

  test("at most six fetches at a time where they fail, too", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const turnstile = new Turnstile();
    site.origin.on(gated(turnstile, failure(404)));
    const { answer } = await posting(site, { paths: names(13) });
    for (const arrived of [6, 12]) {
      await turnstile.arrived(arrived);
      await site.settled();
      assert.equal(turnstile.waiting, 6);
      turnstile.admit(6);
    }
    await turnstile.arrived(13);
    turnstile.admit();
    assert.deepEqual(
      tally((await answer).json.results, (r) => r.status),
      { 404: 13 },
    );
  });
});

suite("a batch and other requests", () => {
  test("herd: twenty cold batches cost one KV operation and one fetch an image", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const batches = Array.from({ length: 20 }, () => post(site, { paths: names(10) }));
    await site.settled();
    await gate.arrived(6);
    gate.open();
    for (const answer of await Promise.all(batches)) assertAllFound(answer, names(10));
    await site.kv.allWritten(10);
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length, site.kv.writes().length], [1, 0, 10]);
    assert.deepEqual(Object.values(tally(site.origin.requests, (r) => r.path)), Array(10).fill(1));
  });

  test("a batch follows the flight of a GET", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on("/assets/0.jpg", gated(gate));
    const get = site.get("/metadata/0.jpg");
    await gate.arrived();
    const { answer } = await posting(site, { paths: ["1.jpg", "0.jpg"] });
    await site.origin.asked("/assets/1.jpg");
    gate.open();
    assertFound(await get, "origin");
    assertAllFound(await answer, ["1.jpg", "0.jpg"]);
    assert.equal(site.origin.requestsTo("/assets/0.jpg").length, 1);
    assert.deepEqual(
      site.kv.bulkReads().flatMap(({ keys }) => keys),
      ["metadata:1.jpg"],
    );
  });

  test("a GET follows a flight of a batch that is at the origin", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const { answer } = await posting(site, { paths: names(3) });
    await gate.arrived(3);
    const herd = await site.herd(20, "/metadata/1.jpg");
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    assertAllFound(await answer, names(3));
    assert.deepEqual([site.origin.requests.length, site.kv.bulkReads().length, site.kv.reads().length], [3, 1, 0]);
  });

  test("a GET follows a flight of a batch that reads KV", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 20_000 } });
    site.kv.seed("metadata:1.jpg", { metadata: recordOf() });
    const gate = new Gate();
    site.kv.behave("bulk", () => gate.pass());
    const { answer } = await posting(site, { paths: names(3) });
    await gate.arrived();
    const herd = await site.herd(5, "/metadata/1.jpg");
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 5 },
    );
    assertAllFound(await answer, names(3));
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length], [1, 0]);
  });

  test("a GET follows a flight of a batch that waits for its turn at the origin", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.origin.on(gated(gate));
    const { answer } = await posting(site, { paths: names(10) });
    await gate.arrived(6);
    const waiting = names(10).filter((path) => site.origin.requestsTo(`/assets/${path}`).length === 0);
    assert.equal(waiting.length, 4);
    const get = site.get(`/metadata/${waiting[3]}`);
    await site.settled();
    assert.equal(gate.arrivals, 6);
    gate.open();
    assertFound(await get, "inflight");
    assertAllFound(await answer, names(10));
    assert.equal(site.origin.requests.length, 10);
  });

  test("the time that an image waits for its turn is not taken from its originTimeoutMs, nor from who follows it", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 400, kvTimeoutMs: 100 } });
    site.origin.on(slow(250));
    const { answer } = await posting(site, { paths: names(18) });
    const followers = names(18).map((path) => site.get(`/metadata/${path}`));
    assertAllFound(await answer, names(18));
    assert.deepEqual(
      tally(await Promise.all(followers), (a) => a.status),
      { 200: 18 },
    );
    assert.equal(site.origin.requests.length, 18);
  });

  test("two batches that overlap share what they have in common", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const first = await posting(site, { paths: ["a.jpg", "b.jpg"] });
    await gate.arrived(2);
    const second = await posting(site, { paths: ["b.jpg", "c.jpg"] });
    await gate.arrived(3);
    gate.open();
    assertAllFound(await first.answer, ["a.jpg", "b.jpg"]);
    assertAllFound(await second.answer, ["b.jpg", "c.jpg"]);
    assert.deepEqual(
      tally(site.origin.requests, (r) => r.path),
      { "/assets/a.jpg": 1, "/assets/b.jpg": 1, "/assets/c.jpg": 1 },
    );
  });

  test("a batch holds up no other request", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    for (const path of names(20)) site.origin.on(`/assets/${path}`, gated(gate));
    const { answer } = await posting(site, { paths: names(20) });
    await gate.arrived(6);
    assertFound(await site.get("/metadata/other.jpg"), "origin");
    assertAllFound(await post(site, { paths: ["another.jpg"] }), ["another.jpg"]);
    gate.open();
    assertAllFound(await answer, names(20));
  });

  test("the flights of a batch whose client goes away are finished for those who follow", async (t) => {
    const site = await deploy(t, { front: true, config: { originTimeoutMs: 20_000 } });
    const gate = new Gate();
    site.origin.on(gated(gate));
    const batch = site.front.request("POST", ROUTE, { body: JSON.stringify({ paths: names(10) }) });
    await gate.arrived(6);
    const herds = await Promise.all(names(10).map((path) => site.herd(2, `/metadata/${path}`)));
    await batch.abort();
    gate.open();
    for (const { answers } of herds) {
      assert.deepEqual(
        tally(await answers, (a) => `${a.status} ${a.layer}`),
        { "200 inflight": 2 },
      );
    }
    await site.kv.allWritten(10);
    assert.equal(site.origin.requests.length, 10);
  });
});

suite("in a batch one failure spoils nothing else:", () => {
  test("a bad path, a missing image and a failing origin stand beside those that are found", async (t) => {
    const site = await deploy(t, { config: { originTimeoutMs: 300 } });
    site.origin.on("/assets/missing.jpg", failure(404));
    site.origin.on("/assets/refused.jpg", failure(403));
    site.origin.on("/assets/broken.jpg", failure(500));
    site.origin.on("/assets/absurd.jpg", json({ width: -1 }));
    site.origin.on("/assets/slow.jpg", () => {});
    const expected = [
      ["a.jpg", 200],
      ["a//b.jpg", 400, "invalid-path"],
      ["missing.jpg", 404, "not-found"],
      ["refused.jpg", 403, "forbidden-by-origin"],
      ["", 400, "invalid-path"],
      ["broken.jpg", 502, "origin-error"],
      ["absurd.jpg", 502, "invalid-origin-answer"],
      ["../../secret", 400, "invalid-path"],
      ["slow.jpg", 504, "origin-timeout"],
      ["b.jpg", 200],
    ];
    const { status, json: body } = await post(site, { paths: expected.map(([path]) => path) });
    assert.equal(status, 200);
    assert.equal(body.results.length, expected.length);
    expected.forEach(([path, status, code], n) => {
      if (status === 200) assert.deepEqual(body.results[n], found(path));
      else assertFailed(body.results[n], path, status, code);
    });
  });

  test("a path that is no path costs nothing", async (t) => {
    const site = await deploy(t);
    const { json } = await post(site, { paths: ["a//b", "/", "a/../b"] });
    json.results.forEach((result, n) => assertFailed(result, ["a//b", "/", "a/../b"][n], 400, "invalid-path"));
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });

  test("what failed is remembered as a GET would remember it", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/missing.jpg", failure(404));
    for (let n = 0; n < 2; n++)
      assertFailed((await post(site, { paths: ["missing.jpg"] })).json.results[0], "missing.jpg", 404, "not-found");
    assertProblem(await site.get("/metadata/missing.jpg"), 404, "not-found");
    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [1, 0]);
  });

  test("with the origin down each image says so, and the batch is a 200", async (t) => {
    const site = await deploy(t);
    await site.origin.refuse();
    const { status, json } = await post(site, { paths: names(8) });
    assert.equal(status, 200);
    json.results.forEach((result, n) => assertFailed(result, `${n}.jpg`, 502, "origin-unreachable"));
  });

  test("more images than may be in flight are refused one by one, never dropped", async (t) => {
    const site = await deploy(t, { config: { maxInFlight: 3 } });
    const { status, json } = await post(site, { paths: names(10) });
    assert.equal(status, 200);
    assert.equal(json.results.length, 10);
    json.results.forEach((result, n) => {
      if (result.status === 200) assert.deepEqual(result, found(`${n}.jpg`));
      else assertFailed(result, `${n}.jpg`, 503, "overloaded");
    });
    assert.ok(json.results.filter((result) => result.status === 200).length >= 3);
  });
});

suite("a batch whose KV read", () => {
  for (const [what, behaviour, config] of [
    ["fails with 503", () => ({ status: 503 })],
    ["fails with a stack in its text", () => ({ status: 500, body: "Error: at secret (file.js:1:2)" })],
    ["hangs", () => ({ hang: true }), { kvTimeoutMs: 100 }],
    ["is no JSON", () => ({ status: 200, body: "{broken" })],
  ]) {
    test(`${what} is answered by the origin, and warned of once`, async (t) => {
      const site = await deploy(t, { config });
      site.kv.behave("bulk", behaviour);
      assertAllFound(await post(site, { paths: names(10) }), names(10));
      await site.kv.allWritten(10);
      await site.stop();
      assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length, site.origin.requests.length], [1, 0, 10]);
      assert.equal(faultsOf(site).length, 1, site.transcript());
      assert.equal(faultsOf(site)[0].level, "warn");
    });
  }

  for (const [what, body] of [
    ["is a list", "[1,2]"],
    ["is null", "null"],
    ["is of other keys", '{"x":{"value":"","metadata":{"width":1,"height":1}}}'],
    ["has items of another shape", '{"metadata:0.jpg":7,"metadata:1.jpg":"x","metadata:2.jpg":{"metadata":[1]}}'],
  ]) {
    test(`${what} is answered by the origin`, async (t) => {
      const site = await deploy(t);
      site.kv.behave("bulk", () => ({ status: 200, body }));
      assertAllFound(await post(site, { paths: names(4) }), names(4));
      assert.equal(site.origin.requests.length, 4);
    });
  }

  for (const [what, broken] of [
    ["no width", { metadata: recordOf({ width: undefined }) }],
    ["a width of zero", { metadata: recordOf({ width: 0 }) }],
    ["metadata that is a string", { metadata: "4000x3000" }],
    ["metadata that is a list", { metadata: [4000, 3000] }],
    ["a value that is no JSON", { value: "<!doctype html>" }],
    ["neither metadata nor value", {}],
  ]) {
    test(`has a record with ${what} fetches that image, and overwrites the record`, async (t) => {
      const site = await deploy(t);
      for (const path of names(5)) site.kv.seed(`metadata:${path}`, { metadata: recordOf() });
      site.kv.seed("metadata:2.jpg", broken);
      assertAllFound(await post(site, { paths: names(5) }), names(5));
      assert.deepEqual(
        site.origin.requests.map((r) => r.path),
        ["/assets/2.jpg"],
      );
      assert.equal((await site.kv.written("metadata:2.jpg")).metadata.width, 4000);
      assert.equal(site.kv.writes().length, 1);
    });
  }

  test("hangs is given up on once, also by those who follow", async (t) => {
    const site = await deploy(t, { config: { kvTimeoutMs: 200 } });
    site.kv.behave("bulk", () => ({ hang: true }));
    const started = performance.now();
    const { answer } = await posting(site, { paths: names(12) });
    await site.kv.asked("bulk");
    const get = site.get("/metadata/11.jpg");
    assertAllFound(await answer, names(12));
    assertFound(await get, "inflight");
    const took = performance.now() - started;
    assert.ok(took >= 190 && took < 2500, `took ${took} ms`);
    assert.deepEqual([site.kv.bulkReads().length, site.kv.reads().length], [1, 0]);
  });
});

suite("a batch without KV", () => {
  test("that is not bound is answered by the origin", async (t) => {
    const site = await deploy(t, { kv: false });
    assertAllFound(await post(site, { paths: names(8) }), names(8));
    assertAllFound(await post(site, { paths: names(8) }), names(8));
    assert.equal(site.origin.requests.length, 8);
  });

  test("as cacheEnabled = false has it fetches each image once a batch", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    for (let n = 1; n <= 2; n++) {
      assertAllFound(await post(site, { paths: ["a.jpg", "b.jpg", "a.jpg"] }), ["a.jpg", "b.jpg", "a.jpg"]);
      assert.equal(site.origin.requests.length, 2 * n);
    }
    assert.deepEqual(site.kv.operations, []);
  });
});

suite("a batch of what is stale", () => {
  const config = { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400 };

  test("in memory is answered at once, and each image is refreshed once behind it", async (t) => {
    const site = await deploy(t, { clock: true, config });
    await site.clock.freeze();
    await post(site, { paths: names(3) });
    await site.kv.allWritten(3);
    await site.clock.advance(1500);
    const gate = new Gate();
    site.origin.on(gated(gate, image({ width: 1 })));
    assertAllFound(await post(site, { paths: names(3) }), names(3));
    await gate.arrived(3);
    assertAllFound(await post(site, { paths: names(3) }), names(3));
    gate.open();
    await site.kv.allWritten(6);
    assert.deepEqual([site.origin.requests.length, site.kv.bulkReads().length, site.kv.reads().length], [6, 2, 0]);
    assert.equal((await site.get("/metadata/0.jpg")).json.metadata.width, 1);
  });

  test("in KV is answered at once, and each image is refreshed once behind it", async (t) => {
    const site = await deploy(t, { config });
    for (const path of names(3)) site.kv.seed(`metadata:${path}`, { metadata: recordOf({ lastFetched: Date.now() - 1_500_000 }) });
    const gate = new Gate();
    site.origin.on(gated(gate, image({ width: 1 })));
    assertAllFound(await post(site, { paths: names(3) }), names(3));
    await gate.arrived(3);
    gate.open();
    await site.kv.allWritten(3);
    assert.deepEqual([site.origin.requests.length, site.kv.bulkReads().length], [3, 1]);
  });
});

suite("a batch is refused", async () => {
  const site = await deploy({ after }, { config: { batchLimit: 50 } });

  for (const [what, body] of [
    ["no body", undefined],
    ["an empty body", ""],
    ["no JSON", "paths=a.jpg"],
    ["JSON cut short", '{"paths":["a.jpg"'],
    ["JSON and more", '{"paths":["a.jpg"]} x'],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ["a list", '["a.jpg"]'],
    ["a string", '"a.jpg"'],
    ["null", "null"],
    ["no paths", "{}"],
    ["paths of another name", '{"path":["a.jpg"]}'],
    ["paths that are a string", '{"paths":"a.jpg"}'],
    ["paths that are null", '{"paths":null}'],
    ["paths that are an object", '{"paths":{"0":"a.jpg"}}'],
    ["an empty list of paths", '{"paths":[]}'],
    ["a path that is a number", '{"paths":["a.jpg",1]}'],
    ["a path that is null", '{"paths":[null]}'],
    ["a path that is a list", '{"paths":[["a.jpg"]]}'],
    ["JSON nested deep", "[".repeat(100_000)],
  ]) {
    test(`with ${what}: 400`, async () => {
      const answer = await site.request("POST", ROUTE, { body });
      const { detail } = assertProblem(answer, 400, "invalid-batch", { instance: ROUTE });
      assert.match(detail, /paths/);
      assert.equal(answer.headers["cache-control"], "no-store");
    });
  }

  test("with more paths than batchLimit, duplicates included: 413 that tells the limit", async () => {
    const { detail } = assertProblem(await post(site, { paths: Array(51).fill("a.jpg") }), 413, "batch-too-large", { instance: ROUTE });
    assert.match(detail, /\b50\b/);
  });

  test("with a body over 256 KiB, its length told or not: 413", async () => {
    const body = JSON.stringify({ paths: ["a.jpg"] }).padEnd(MAX_BODY_BYTES + 1);
    assertProblem(await post(site, body), 413, "batch-too-large");
    assertProblem(await post(site, body, { "Transfer-Encoding": "chunked" }), 413, "batch-too-large");
  });

  for (const [name, value] of [
    ["aspect", "x"],
    ["aspect", { width: 16 }],
    ["aspect", [16, 9]],
    ["aspect", 1.5],
    ["focal", { x: 2, y: 0 }],
    ["focal", "0.5"],
    ["width", 0],
    ["width", 1.5],
    ["width", 12_001],
    ["device", "watch"],
    ["platform", 1],
    ["allowExpansion", "yes"],
    ["allowExpansion", 1],
  ]) {
    test(`with ${name} ${JSON.stringify(value)}: 400 that names it`, async () => {
      const { detail } = assertProblem(await post(site, { paths: ["a.jpg"], [name]: value }), 400, "invalid-parameter", {
        instance: ROUTE,
      });
      assert.match(detail, new RegExp(`'${name}'`));
    });
  }

  test("and that costs neither a KV operation nor a fetch", () => {
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });

  test("but not at the limits themselves", async () => {
    const paths = Array.from({ length: 50 }, (_, n) => `${n}.jpg`);
    assertAllFound(await post(site, JSON.stringify({ paths }).padEnd(MAX_BODY_BYTES)), paths);
  });
});

test("bodies far too long are not read to their end", async (t) => {
  const site = await deploy(t, { gauge: true });
  await post(site, { paths: ["a.jpg"] });
  const { bytes } = await site.wasm();
  const body = "x".repeat(8 * 1024 * 1024);
  for (let n = 0; n < 5; n++) {
    // The runtime may hang up on what is left of the body before the client has read the answer.
    const answer = await post(site, body, { "Transfer-Encoding": "chunked" }).catch((error) => error);
    if (answer.status) assertProblem(answer, 413, "batch-too-large");
    else assert.match(answer.code, /^(EPIPE|ECONNRESET)$/);
  }
  assert.ok((await site.wasm()).bytes - bytes < 2 * MAX_BODY_BYTES, `${(await site.wasm()).bytes} bytes of wasm memory, ${bytes} before`);
});

suite("the route of a batch", async () => {
  const site = await deploy({ after }, { env: { ADMIN_TOKEN: "x" } });

  test("is offered by a preflight", async () => {
    const answer = await site.request("OPTIONS", ROUTE, {
      headers: { Origin: "https://shop.test", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" },
    });
    assert.ok([200, 204].includes(answer.status), answer.text);
    assert.match(answer.headers["access-control-allow-methods"], /\bPOST\b/);
    assert.match(answer.headers["access-control-allow-headers"], /\bcontent-type\b|\*/i);
  });

  test("takes no other method", async () => {
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      const answer = await site.request(method, ROUTE, { body: "" });
      assertProblem(answer, 405, "method-not-allowed");
      assert.match(answer.headers.allow, /\bPOST\b/);
    }
  });

  test("is no image: GET is told that the path is missing", async () => {
    assertProblem(await site.get(ROUTE), 400, "invalid-path");
  });

  test("is not that of an image", async () => {
    for (const path of ["/metadata/", "/metadata/a.jpg"]) {
      const answer = await site.request("POST", path, { body: '{"paths":["a.jpg"]}' });
      assertProblem(answer, 405, "method-not-allowed");
      assert.doesNotMatch(answer.headers.allow, /\bPOST\b/);
    }
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });
});

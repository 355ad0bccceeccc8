import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import test, { suite } from "node:test";
import { promisify } from "node:util";
import { MetadataError } from "../dist/index.js";
import { answerTo, FakeService, mockClock, problem, settled } from "./support.mjs";

const outcomeOf = (promise) => promise.catch((error) => error);

suite("Batches of the client", () => {
  test("Look-ups of one tick travel in one POST for each crop, those of the next tick in another", async (t) => {
    const clock = mockClock(t);
    const service = new FakeService((path) => answerTo(path));
    const { get } = service.client();
    const calls = [get("a.jpg"), get("b.jpg", { aspect: "1:1" }), Promise.resolve().then(() => get("c.jpg")), get("d.jpg", { aspect: "1:1" })];
    await clock.advance(1);
    calls.push(get("e.jpg"), get("f.jpg"));
    await clock.advance(1);
    const answers = await Promise.all(calls);
    assert.deepEqual(answers.map(({ path }) => path), ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"]);
    assert.deepEqual(
      service.requests.map(({ method, url, paths, parameters }) => [method, url, paths, parameters]),
      [
        ["POST", "https://metadata.test/metadata", ["a.jpg", "c.jpg"], {}],
        ["POST", "https://metadata.test/metadata", ["b.jpg", "d.jpg"], { aspect: "1:1" }],
        ["POST", "https://metadata.test/metadata", ["e.jpg", "f.jpg"], {}],
      ],
    );
  });

  test("A lone look-up is a GET, whose URL is the same however the crop is written", async () => {
    const service = new FakeService((path) => answerTo(path));
    const url = async (path, crop) => {
      await service.client().get(path, crop);
      const { method, url } = service.requests.at(-1);
      return `${method} ${url.replace("https://metadata.test/metadata/", "")}`;
    };
    assert.equal(await url("photos/cat.jpg"), "GET photos/cat.jpg");
    assert.equal(await url("photos/cat.jpg", {}), "GET photos/cat.jpg");
    const expected = "GET photos/cat.jpg?aspect=16:9&focal=0.5,0.3&width=800";
    assert.equal(await url("photos/cat.jpg", { width: 800, focal: "0.5,0.3", aspect: "16:9" }), expected);
    assert.equal(await url("photos/cat.jpg", { aspect: { height: 9, width: 16 }, focalPoint: { y: 0.3, x: 0.5 }, width: 800 }), expected);
    assert.equal(await url("photos/cat.jpg?v=3", { focal: { x: 1e-9, y: 0.1 + 0.2 } }), "GET photos/cat.jpg?v=3&focal=0,0.3");
    assert.equal(await url("a.jpg", { aspect: "16:9&x", placeholder: "data-url" }), "GET a.jpg?aspect=16:9%26x&placeholder=data-url");
  });

  test("A path that a URL parser would change is sent in a body", async () => {
    const service = new FakeService((path) => answerTo(path));
    for (const path of ["a/../b.jpg", "..", "../health", "%2e%2E/health", "a/.?v=1", "a#b.jpg", "a\\b.jpg", "a\tb.jpg", "a.jpg "]) {
      await service.client().get(path);
      const { method, paths } = service.requests.at(-1);
      assert.deepEqual([method, paths], ["POST", [path]]);
    }
    for (const path of ["a..b/c.jpg", "...", ".hidden/a.jpg", "Größe 1.png", "a%2Fb.jpg"]) {
      await service.client().get(path);
      assert.equal(service.requests.at(-1).method, "GET", path);
    }
  });

  test("Calls for the same image share one look-up, also while it is on its way", async () => {
    const service = new FakeService();
    const { get, getMany } = service.client();
    const calls = [get("a.jpg"), get("a.jpg")];
    await new Promise((resolve) => setTimeout(resolve, 5));
    calls.push(get("a.jpg"));
    const many = getMany(["a.jpg", "a.jpg"]);
    service.requests[0].respond((path) => answerTo(path));
    const [first, ...others] = await Promise.all(calls);
    for (const other of others) assert.equal(other, first);
    assert.deepEqual((await many).map(({ answer }) => answer), [first, first]);
    assert.deepEqual(service.paths, [["a.jpg"]]);
  });

  test("A batch has at most batchLimit paths, and at most maxRequests are sent at a time", async () => {
    const service = new FakeService();
    const paths = Array.from({ length: 9 }, (_, index) => `${index}.jpg`);
    const results = service.client({ batchLimit: 2, maxRequests: 3 }).getMany(paths);
    const sizes = [];
    for (let served = 0; served < 5; served++) {
      while (service.requests.length <= served) await new Promise((resolve) => setTimeout(resolve, 1));
      await settled();
      sizes.push(service.requests.length - served);
      service.requests[served].respond((path) => answerTo(path));
    }
    assert.deepEqual((await results).map(({ ok, path, answer }) => [ok, path, answer.path]), paths.map((path) => [true, path, path]));
    assert.deepEqual(sizes, [3, 3, 3, 2, 1]);
    assert.deepEqual(service.paths.map(({ length }) => length), [2, 2, 2, 2, 1]);
    assert.deepEqual(await service.client().getMany([]), []);
  });
});

suite("Errors of the client", () => {
  test("Each image of a batch has its own error", async () => {
    const service = new FakeService((path) => (path === "none.jpg" ? problem(404, "not-found") : answerTo(path)));
    const { get, getMany } = service.client();
    const [found, missing] = await Promise.all([get("a.jpg"), outcomeOf(get("none.jpg"))]);
    assert.deepEqual(found, answerTo("a.jpg"));
    assert.ok(missing instanceof MetadataError && missing instanceof Error);
    const { name, message, path, status, code, title, detail, retryAfter } = missing;
    assert.deepEqual([name, message, path], ["MetadataError", "none.jpg: It is not-found.", "none.jpg"]);
    assert.deepEqual([status, code, title, detail, retryAfter], [404, "not-found", "not-found", "It is not-found.", undefined]);
    const results = await getMany(["a.jpg", "none.jpg"]);
    assert.deepEqual(results[0], { ok: true, path: "a.jpg", answer: found });
    assert.deepEqual([results[1].ok, results[1].path, results[1].error.code], [false, "none.jpg", "not-found"]);
  });

  test("An error of a whole batch is that of each of its images", async () => {
    const service = new FakeService();
    const { getMany } = service.client();
    const results = getMany(["a.jpg", "b.jpg"]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    service.requests[0].resolve(Response.json(problem(413, "batch-too-large"), { status: 413 }));
    assert.deepEqual((await results).map(({ error }) => [error.path, error.status, error.code]), [
      ["a.jpg", 413, "batch-too-large"],
      ["b.jpg", 413, "batch-too-large"],
    ]);
  });

  test("A batchLimit or maxRequests below 1, or that is not a number, counts as 1", async () => {
    for (const limit of [0, -1, NaN]) {
      const service = new FakeService(answerTo);
      const results = await service.client({ batchLimit: limit, maxRequests: limit }).getMany(["a.jpg", "b.jpg"]);
      assert.deepEqual([results.map(({ ok }) => ok), service.paths], [[true, true], [["a.jpg"], ["b.jpg"]]]);
    }
  });

  test("A request that fails is a network-error with its cause", async () => {
    const cause = new TypeError("fetch failed");
    const { get, getMany } = new FakeService().client({ fetch: () => Promise.reject(cause) });
    const error = await outcomeOf(get("a.jpg"));
    assert.deepEqual([error.status, error.code, error.cause], [0, "network-error", cause]);
    assert.deepEqual((await getMany(["a.jpg", "b.jpg"])).map((result) => result.error.code), ["network-error", "network-error"]);
  });

  test("A response that is not one of the service is an invalid-response with its status", async () => {
    for (const body of ["<!doctype html>", "", "null", "[]", "7", '"a"', "{}", '{"results":7}', '{"results":[]}', '{"results":[{}, {"status":200}]}', '{"status":"ok"}']) {
      for (const status of [200, 502]) {
        const { get, getMany } = new FakeService().client({ fetch: async () => new Response(body, { status }) });
        const errors = [await outcomeOf(get("a.jpg")), ...(await getMany(["a.jpg", "b.jpg"])).map(({ error }) => error)];
        assert.deepEqual(errors.map((error) => [error.status, error.code]), Array(3).fill([status, "invalid-response"]), body);
      }
    }
  });
});

suite("Retries of the client", () => {
  for (const [status, code] of [
    [503, "overloaded"],
    [429, "rate-limited"],
  ]) {
    test(`A ${status} is repeated after its Retry-After`, async (t) => {
      const clock = mockClock(t);
      let failing = true;
      const service = new FakeService((path) => (failing ? problem(status, code, { retryAfter: 7 }) : answerTo(path)));
      const call = service.client().get("a.jpg");
      await clock.advance(1);
      failing = false;
      await clock.advance(6_999);
      assert.equal(service.requests.length, 1);
      await clock.advance(1);
      await clock.advance(1);
      assert.deepEqual(await call, answerTo("a.jpg"));
      assert.deepEqual(service.paths, [["a.jpg"], ["a.jpg"]]);
    });
  }

  test("Only the images of a batch that failed are repeated, those with the same retryAfter together", async (t) => {
    const clock = mockClock(t);
    const failing = { "b.jpg": 2, "c.jpg": 2, "d.jpg": 5 };
    const service = new FakeService((path) => (failing[path] ? problem(503, "overloaded", { retryAfter: failing[path] }) : answerTo(path)));
    const { get } = service.client();
    const calls = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map((path) => get(path));
    await clock.advance(1);
    assert.equal((await calls[0]).path, "a.jpg");
    for (const path of Object.keys(failing)) delete failing[path];
    await clock.advance(2_000);
    await clock.advance(3_001);
    await clock.advance(1);
    await Promise.all(calls);
    assert.deepEqual(service.paths, [["a.jpg", "b.jpg", "c.jpg", "d.jpg"], ["b.jpg", "c.jpg"], ["d.jpg"]]);
  });

  test("A whole batch that is refused is repeated after its Retry-After, also without a body of the service", async (t) => {
    const clock = mockClock(t);
    const service = new FakeService();
    const results = service.client().getMany(["a.jpg", "b.jpg"]);
    await clock.advance(1);
    service.requests[0].resolve(new Response("error code: 1015", { status: 429, headers: { "Retry-After": "3" } }));
    await clock.advance(2_999);
    assert.equal(service.requests.length, 1);
    await clock.advance(2);
    service.requests[1].respond((path) => answerTo(path));
    assert.deepEqual((await results).map(({ ok }) => ok), [true, true]);
  });

  test("Without a number in Retry-After, a look-up is repeated after a second", async (t) => {
    const clock = mockClock(t);
    for (const headers of [{}, { "Retry-After": "Fri, 27 Nov 2026 17:00:00 GMT" }]) {
      const service = new FakeService();
      const call = service.client().get("a.jpg");
      await clock.advance(1);
      service.requests[0].resolve(new Response("", { status: 503, headers }));
      await clock.advance(999);
      assert.equal(service.requests.length, 1);
      await clock.advance(2);
      service.requests[1].respond((path) => answerTo(path));
      assert.deepEqual(await call, answerTo("a.jpg"));
    }
  });

  test("After the last retry, the error is that of the service", async (t) => {
    const clock = mockClock(t);
    for (const [options, count] of [[{}, 3], [{ retries: 0 }, 1], [{ retries: 4 }, 5]]) {
      const service = new FakeService(() => problem(503, "overloaded", { retryAfter: 1 }));
      const call = outcomeOf(service.client(options).get("a.jpg"));
      for (let n = 0; n < 6; n++) await clock.advance(1_001);
      const { code, status, retryAfter } = await call;
      assert.deepEqual([code, status, retryAfter, service.requests.length], ["overloaded", 503, 1, count]);
    }
  });

  test("A look-up is not repeated for a call that would time out by then", async (t) => {
    const clock = mockClock(t);
    let failing = true;
    const service = new FakeService((path) => (failing ? problem(503, "overloaded", { retryAfter: 20 }) : answerTo(path)));
    const { get } = service.client();
    const impatient = outcomeOf(get("a.jpg", undefined, { timeoutMs: 10_000 }));
    const patient = get("a.jpg", undefined, { timeoutMs: 30_000 });
    await clock.advance(1);
    assert.equal((await impatient).code, "overloaded");
    failing = false;
    await clock.advance(20_000);
    await clock.advance(1);
    assert.deepEqual(await patient, answerTo("a.jpg"));
    failing = true;
    const alone = outcomeOf(get("b.jpg", undefined, { timeoutMs: 10_000 }));
    await clock.advance(1);
    assert.equal((await alone).code, "overloaded");
    await clock.advance(60_000);
    assert.deepEqual(service.paths, [["a.jpg"], ["a.jpg"], ["b.jpg"]]);
    failing = false;
    const again = get("b.jpg");
    await clock.advance(1);
    assert.deepEqual(await again, answerTo("b.jpg"), "a new call begins a new look-up");
  });

  test("Other errors are not repeated", async (t) => {
    const clock = mockClock(t);
    const service = new FakeService(() => problem(502, "origin-error", { retryAfter: 1 }));
    const call = outcomeOf(service.client().get("a.jpg"));
    await clock.advance(1);
    assert.equal((await call).code, "origin-error");
    await clock.advance(60_000);
    assert.equal(service.requests.length, 1);
  });
});

suite("Timeouts and aborts of the client", () => {
  test("A call ends after its timeout, and the request is aborted if no other call waits", async (t) => {
    const clock = mockClock(t);
    const service = new FakeService();
    const { get, getMany } = service.client({ timeoutMs: 5_000 });
    const first = outcomeOf(get("a.jpg"));
    const second = outcomeOf(get("a.jpg", undefined, { timeoutMs: 8_000 }));
    await clock.advance(1);
    await clock.advance(4_999);
    const { name, code, status, message } = await first;
    assert.deepEqual([name, code, status, message], ["MetadataError", "timeout", 0, "a.jpg: No answer within 5000 ms. Raise timeoutMs."]);
    assert.equal(service.requests[0].signal.aborted, false);
    await clock.advance(3_000);
    assert.equal((await second).code, "timeout");
    assert.equal(service.requests[0].signal.aborted, true);
    const many = getMany(["a.jpg", "b.jpg"]);
    await clock.advance(1);
    await clock.advance(5_000);
    assert.deepEqual((await many).map(({ path, error }) => [path, error.code]), [["a.jpg", "timeout"], ["b.jpg", "timeout"]]);
  });

  test("A timeout leaves the answers of getMany that have come", async (t) => {
    const clock = mockClock(t);
    const service = new FakeService();
    const many = service.client({ batchLimit: 1 }).getMany(["a.jpg", "b.jpg"], undefined, { timeoutMs: 1_000 });
    await clock.advance(1);
    service.requests[0].respond((path) => answerTo(path));
    await clock.advance(1_000);
    assert.deepEqual((await many).map((result) => result.answer?.path ?? result.error.code), ["a.jpg", "timeout"]);
    assert.deepEqual(service.requests.map(({ signal }) => signal.aborted), [false, true]);
  });

  test("A timeout can be longer than timers are", async () => {
    const service = new FakeService();
    const call = service.client({ timeoutMs: Infinity }).get("a.jpg");
    // A timer that is too long fires after 1 ms.
    await new Promise((resolve) => setTimeout(resolve, 20));
    service.requests[0].respond((path) => answerTo(path));
    assert.deepEqual(await call, answerTo("a.jpg"));
  });

  test("An abort ends one call. The request is aborted with its last call", async () => {
    const service = new FakeService();
    const { get, getMany } = service.client();
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    const calls = ["a.jpg", "a.jpg", "b.jpg"].map((path, index) => outcomeOf(get(path, undefined, { signal: controllers[index].signal })));
    const many = outcomeOf(getMany(["a.jpg", "b.jpg"], undefined, { signal: controllers[2].signal }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [{ signal }] = service.requests;
    controllers[0].abort();
    assert.equal((await calls[0]).name, "AbortError");
    controllers[2].abort("enough");
    assert.deepEqual(await Promise.all([calls[2], many]), ["enough", "enough"]);
    assert.equal(signal.aborted, false);
    controllers[1].abort();
    assert.equal((await calls[1]).name, "AbortError");
    assert.equal(signal.aborted, true);
    assert.equal(service.requests.length, 1);
  });

  test("Other calls of an aborted call's batch get their answers", async () => {
    const service = new FakeService();
    const { get } = service.client();
    const controller = new AbortController();
    const aborted = outcomeOf(get("a.jpg", undefined, { signal: controller.signal }));
    const shared = get("a.jpg");
    const other = get("b.jpg");
    await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    service.requests[0].respond((path) => answerTo(path));
    assert.deepEqual([(await aborted).name, await shared, await other], ["AbortError", answerTo("a.jpg"), answerTo("b.jpg")]);
  });

  test("A call that is aborted before its request is sent costs nothing", async () => {
    const service = new FakeService((path) => answerTo(path));
    const { get } = service.client();
    await assert.rejects(get("a.jpg", undefined, { signal: AbortSignal.abort("no") }), (reason) => reason === "no");
    const controller = new AbortController();
    const call = outcomeOf(get("a.jpg", undefined, { signal: controller.signal }));
    const other = get("b.jpg");
    controller.abort("never mind");
    assert.equal(await call, "never mind");
    await other;
    assert.deepEqual(service.paths, [["b.jpg"]]);
  });

  test("A call that is aborted while it waits for its retry is not repeated", async (t) => {
    const clock = mockClock(t);
    const service = new FakeService(() => problem(503, "overloaded", { retryAfter: 5 }));
    const { get } = service.client();
    const controller = new AbortController();
    const call = outcomeOf(get("a.jpg", undefined, { signal: controller.signal }));
    await clock.advance(1);
    controller.abort("enough");
    assert.equal(await call, "enough");
    await clock.advance(60_000);
    assert.equal(service.requests.length, 1);
  });

  test("A process of Node ends with its calls, also if a look-up waits for its retry", async () => {
    const script = `
      import { createClient } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url))};
      const fetch = async () => Response.json({ code: "overloaded", status: 503 }, { status: 503, headers: { "Retry-After": "60" } });
      const controller = new AbortController();
      setTimeout(() => controller.abort("enough"), 100);
      await createClient({ baseUrl: "" }, { fetch, timeoutMs: 600_000 }).get("a.jpg", undefined, { signal: controller.signal }).catch(console.log);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { timeout: 20_000 });
    assert.equal(stdout, "enough\n");
  });

  test("After an abort, a call for the same image begins a new look-up", async () => {
    const service = new FakeService();
    const { get } = service.client();
    const controller = new AbortController();
    const call = outcomeOf(get("a.jpg", undefined, { signal: controller.signal }));
    const mate = get("b.jpg");
    await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await call;
    const again = get("a.jpg");
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(service.paths, [["a.jpg", "b.jpg"], ["a.jpg"]]);
    service.requests[0].respond((path) => answerTo(path, { width: 1 }));
    await mate;
    const third = get("a.jpg");
    service.requests[1].respond((path) => answerTo(path, { width: 2 }));
    assert.equal((await again).metadata.width, 2);
    assert.equal((await third).metadata.width, 2, "the abandoned look-up does not end the new one");
    assert.equal(service.requests.length, 2);
  });

  test("The calls of a signal share one listener, because Node 20 warns of more than ten", async () => {
    const { signal } = new AbortController();
    const { get } = new FakeService((path) => answerTo(path)).client();
    const calls = Array.from({ length: 30 }, (_, index) => get(`${index}.jpg`, undefined, { signal }));
    assert.equal(getEventListeners(signal, "abort").length, 1);
    await Promise.all(calls);
  });
});

import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { callPath, exampleCaller } from "./harness/caller.mjs";
import { assertFound, assertNoLeak, assertProblem, bodyOf, cropOf, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image, redirect } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const LANDSCAPE = [4000, 3000];
const deployCaller = (t, options) => deploy(t, { caller: true, ...options });

/** Asserts an Error with the code, status and detail of the problem that HTTP would return. */
function assertRefused({ error }, status, code) {
  assert.ok(error, `${status} ${code} expected`);
  assert.deepEqual([error.code, error.status, error.isError, error.name], [code, status, true, "Error"], JSON.stringify(error));
  assert.match(error.message, /^[A-Z0-9'"].*\.$/s, "the message is a sentence");
  assertNoLeak(error.message);
  assert.doesNotMatch(error.stack ?? "", /wasm|index\.js|\.rs\b/, "the stack is the caller's own");
  return error;
}

suite("fetchMetadata over RPC", () => {
  test("fetchMetadata returns the body of the HTTP response, from the same layers", async (t) => {
    const site = await deployCaller(t);
    const answer = await site.call("fetchMetadata", PATH);
    assert.deepEqual(answer, bodyOf(PATH));
    await site.kv.written(KEY);
    const http = await site.get(`/metadata/${PATH}`);
    assertFound(http, "memory");
    assert.deepEqual(http.json, answer);
    await site.restart();
    assert.deepEqual(await site.call("fetchMetadata", PATH), answer);
    assertFound(await site.get(`/metadata/${PATH}`), "memory");
    assert.deepEqual(costs(site), { reads: 2, fetches: 1, writes: 1 });
  });

  test("fetchMetadata hits memory after an HTTP request for the image", async (t) => {
    const site = await deployCaller(t);
    await site.get(`/metadata/${PATH}`);
    await site.kv.written(KEY);
    assert.deepEqual(await site.call("fetchMetadata", PATH), bodyOf(PATH));
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("fetchMetadata accepts any spelling of a path", async (t) => {
    const site = await deployCaller(t);
    for (const path of [PATH, "photos/%63at.jpg", "%70hotos/cat%2ejpg"])
      assert.deepEqual(await site.call("fetchMetadata", path), bodyOf(PATH));
    assert.equal((await site.call("fetchMetadata", "Größe 1.png")).path, "Größe 1.png");
    assert.equal(site.origin.requests.length, 2);
  });

  test("fetchMetadata serves stale metadata and refreshes them in the background", async (t) => {
    const site = await deployCaller(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400 } });
    await site.clock.freeze();
    await site.call("fetchMetadata", PATH);
    await site.kv.written(KEY);
    site.kv.clearOperations();
    await site.clock.advance(1500);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, image({ width: 1 })));
    assert.equal((await site.call("fetchMetadata", PATH)).metadata.width, 4000);
    await gate.arrived();
    gate.open();
    await site.kv.written(KEY);
    assert.equal((await site.call("fetchMetadata", PATH)).metadata.width, 1);
  });

  test("fetchMetadata works as the first call in an isolate, and together with fetch", async (t) => {
    const source = `export default { async fetch(request, env) {
      const { metadata } = await env.METADATA.fetchMetadata("${PATH}");
      const response = await env.METADATA.fetch("https://metadata.test/metadata/${PATH}");
      return Response.json({ value: [metadata, response.headers.get("Cache-Status"), (await response.json()).metadata], plain: true });
    } };`;
    const site = await deploy(t, { caller: { source } });
    const [byCall, status, byFetch] = await site.call("any");
    assert.match(status, /detail=memory/);
    assert.deepEqual(byCall, byFetch);
  });
});

suite("fetchAndProcessMetadata over RPC", async () => {
  const site = await deployCaller({ after });
  site.origin.on("/assets/portrait.jpg", image({ width: 3000, height: 4000 }));

  for (const [what, options, crop, size] of [
    ["with the specification's example", { aspect: { width: 16, height: 9 }, focalPoint: { x: 0.5, y: 0.3 } }, [4000, 2250, 0, 0]],
    ["with a lower focal point", { aspect: { width: 16, height: 9 }, focalPoint: { x: 0.5, y: 0.6 } }, [4000, 2250, 0, 675]],
    ["with strings", { aspect: "16:9", focal: "0.5,0.6" }, [4000, 2250, 0, 675]],
    ["with focal as an object", { aspect: "16:9", focal: { x: 0.5, y: 0.6 } }, [4000, 2250, 0, 675]],
    ["with focalPoint as a string", { aspect: "16:9", focalPoint: "0.5,0.6" }, [4000, 2250, 0, 675]],
    ["with the short names", { r: "16:9", p: "0.5,0.6" }, [4000, 2250, 0, 675]],
    ["with a width", { aspect: "16:9", width: 800 }, [4000, 2250, 0, 375], [800, 450]],
    ["with a device", { aspect: "16:9", device: "mobile" }, [4000, 2250, 0, 375], [600, 338]],
    ["with a platform", { platform: "instagram", content: "portrait" }, [2400, 3000, 800, 0]],
    ["without expansion", { aspect: "1:1", allowExpansion: false }, [3000, 3000, 500, 0]],
    ["with empty options", {}, [4000, 3000, 0, 0]],
  ]) {
    test(`fetchAndProcessMetadata ${what} returns the metadata and the crop`, async () => {
      assert.deepEqual(await site.call("fetchAndProcessMetadata", PATH, options), { ...bodyOf(PATH), ...cropOf(LANDSCAPE, crop, size) });
    });
  }

  test("fetchAndProcessMetadata without options returns the whole image", async () => {
    const whole = { ...bodyOf(PATH), ...cropOf(LANDSCAPE, [4000, 3000, 0, 0]) };
    assert.deepEqual(await site.call("fetchAndProcessMetadata", PATH), whole);
    assert.deepEqual(await site.call("fetchAndProcessMetadata", PATH, null), whole);
  });

  test("fetchAndProcessMetadata centres the crop of a portrait vertically", async () => {
    const { aspectCrop } = await site.call("fetchAndProcessMetadata", "portrait.jpg", { aspect: { width: 1, height: 1 } });
    assert.deepEqual(aspectCrop, { width: 3000, height: 3000, hoffset: 0, voffset: 500 });
  });

  test("fetchAndProcessMetadata with allowExpansion pads the image", async () => {
    const { dimensions, fit } = await site.call("fetchAndProcessMetadata", PATH, { aspect: "16:9", allowExpansion: true });
    assert.deepEqual([dimensions, fit], [{ width: 5333, height: 3000 }, "pad"]);
  });

  test("fetchAndProcessMetadata returns the body of the HTTP response", async () => {
    const http = await site.get(`/metadata/${PATH}?aspect=16:9&focal=0.5,0.6`);
    assert.deepEqual(await site.call("fetchAndProcessMetadata", PATH, { aspect: "16:9", focal: "0.5,0.6" }), http.json);
  });

  for (const [name, options] of [
    ["aspect", { aspect: "x" }],
    ["aspect", { aspect: { width: 16 } }],
    ["aspect", { aspect: { width: 0, height: 9 } }],
    ["aspect", { aspect: 1.5 }],
    ["focal", { focal: { x: 2, y: 0 } }],
    ["focal", { focalPoint: "0.5" }],
    ["focal", { focal: "0.5,0.5", focalPoint: "0.5,0.5" }],
    ["width", { width: 0 }],
    ["device", { device: "watch" }],
    ["platform", { platform: "myspace" }],
    ["content", { content: "portrait" }],
    ["allowExpansion", { allowExpansion: "yes" }],
  ]) {
    test(`fetchAndProcessMetadata with ${JSON.stringify(options)} is refused, and the message names ${name}`, async () => {
      const { message } = assertRefused(await site.call("fetchAndProcessMetadata", PATH, options), 400, "invalid-parameter");
      assert.match(message, new RegExp(`'${name}`));
    });
  }

  test("fetchAndProcessMetadata with unknown options is refused, and the message names them all", async () => {
    const options = { aspect: "1:1", quality: 80, aspectRatio: "1:1", paths: [PATH] };
    const { message } = assertRefused(await site.call("fetchAndProcessMetadata", PATH, options), 400, "invalid-parameter");
    assert.match(message, /'aspectRatio','paths','quality'.*\bfocalPoint\b.*\ballowExpansion\b/);
  });

  for (const options of ["16:9", 1, true, [16, 9]]) {
    test(`fetchAndProcessMetadata with ${JSON.stringify(options)} as options is refused`, async () => {
      assertRefused(await site.call("fetchAndProcessMetadata", PATH, options), 400, "invalid-parameter");
    });
  }

  test("All calls of fetchAndProcessMetadata cost one fetch per image", () => {
    assert.deepEqual(
      tally(site.origin.requests, (r) => r.path),
      { [ORIGIN_PATH]: 1, "/assets/portrait.jpg": 1 },
    );
  });
});

suite("Flights of RPC calls and HTTP requests", () => {
  test("An RPC call follows an HTTP leader", async (t) => {
    const site = await deployCaller(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const leader = site.get(`/metadata/${PATH}`);
    await gate.arrived();
    const call = await site.startCall("fetchMetadata", PATH);
    const processing = await site.startCall("fetchAndProcessMetadata", PATH, { aspect: "16:9" });
    gate.open();
    assertFound(await leader, "origin");
    assert.deepEqual(await call.outcome, bodyOf(PATH));
    assert.deepEqual(await processing.outcome, { ...bodyOf(PATH), ...cropOf(LANDSCAPE, [4000, 2250, 0, 375]) });
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("HTTP requests follow an RPC call that leads", async (t) => {
    const site = await deployCaller(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const leader = await site.startCall("fetchMetadata", PATH);
    await gate.arrived();
    const herd = await site.herd(20, `/metadata/${PATH}`);
    gate.open();
    assert.deepEqual(await leader.outcome, bodyOf(PATH));
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 20 },
    );
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("Two hundred RPC calls cost one KV read, one fetch and one KV write", async (t) => {
    const site = await deployCaller(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const calls = Array.from({ length: 200 }, () => site.call("fetchMetadata", PATH));
    await gate.arrived();
    await site.startCall("fetchMetadata", "");
    gate.open();
    for (const answer of await Promise.all(calls)) assert.deepEqual(answer, bodyOf(PATH));
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("An RPC call follows a batch", async (t) => {
    const site = await deployCaller(t);
    const gate = new Gate();
    site.origin.on(gated(gate));
    const batch = site.request("POST", "/metadata", { body: JSON.stringify({ paths: [PATH, "other.jpg"] }) });
    await gate.arrived(2);
    const call = await site.startCall("fetchMetadata", PATH);
    gate.open();
    assert.deepEqual(await call.outcome, bodyOf(PATH));
    assert.equal((await batch).status, 200);
    assert.equal(site.origin.requests.length, 2);
  });

  test("A flight whose caller disconnects is completed for its followers", async (t) => {
    const site = await deployCaller(t, { abortProxy: "caller" });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const leader = site.abortProxy.get(callPath("fetchMetadata", PATH));
    await gate.arrived();
    const herd = await site.herd(10, `/metadata/${PATH}`);
    const follower = await site.startCall("fetchMetadata", PATH);
    await leader.abort();
    gate.open();
    assert.deepEqual(
      tally(await herd.answers, (a) => `${a.status} ${a.layer}`),
      { "200 inflight": 10 },
    );
    assert.deepEqual(await follower.outcome, bodyOf(PATH));
    await site.kv.written(KEY);
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });

  test("A flight whose caller disconnects is completed even without followers", async (t) => {
    const site = await deployCaller(t, { abortProxy: "caller" });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const leader = site.abortProxy.get(callPath("fetchMetadata", PATH));
    await gate.arrived();
    await leader.abort();
    gate.open();
    await site.kv.written(KEY);
    assertFound(await site.get(`/metadata/${PATH}`), "memory");
    assert.deepEqual(costs(site), { reads: 1, fetches: 1, writes: 1 });
  });
});

suite("Errors of RPC calls", () => {
  for (const [what, responder, status, code] of [
    ["a missing image", failure(404), 404, "not-found"],
    ["an image that the origin refuses", failure(403), 403, "forbidden-by-origin"],
    ["an origin that fails", failure(500), 502, "origin-error"],
    ["an origin that is too busy", failure(429), 503, "origin-overloaded"],
    ["a redirect to another host", redirect("https://evil.test/x"), 502, "redirect-refused"],
    ["an origin that does not respond", () => {}, 504, "origin-timeout"],
  ]) {
    test(`A call for ${what} is rejected with an Error that has a code and a status`, async (t) => {
      const site = await deployCaller(t, { config: { originTimeoutMs: 300 } });
      site.origin.on(ORIGIN_PATH, responder);
      const { message } = assertRefused(await site.call("fetchMetadata", PATH), status, code);
      const problem = assertProblem(await site.get(`/metadata/${PATH}`), status, code);
      assert.equal(message, problem.detail);
      assertRefused(await site.call("fetchAndProcessMetadata", PATH, { aspect: "1:1" }), status, code);
    });
  }

  test("Each of a herd of failing calls is rejected", async (t) => {
    const site = await deployCaller(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate, failure(404)));
    const calls = Array.from({ length: 20 }, () => site.call("fetchMetadata", PATH));
    await gate.arrived();
    gate.open();
    for (const outcome of await Promise.all(calls)) assertRefused(outcome, 404, "not-found");
    assert.equal(site.origin.requests.length, 1);
  });

  test("A call with an invalid path is rejected without a KV operation or a fetch", async (t) => {
    const site = await deployCaller(t);
    for (const path of ["", "/", "/photos/cat.jpg", "a//b", "../secret", "a%2F%2Fb", "a%2F..%2Fb", "a%", 7, null, true, {}, ["a"], { path: "a" }])
      assertRefused(await site.call("fetchMetadata", path), 400, "invalid-path");
    assertRefused(await site.call("fetchMetadata"), 400, "invalid-path");
    assertRefused(await site.call("fetchAndProcessMetadata"), 400, "invalid-path");
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
    assert.deepEqual(await site.call("fetchMetadata", PATH), bodyOf(PATH));
  });

  test("A call with an invalid configuration is rejected, and the message names the setting", async (t) => {
    const site = await deployCaller(t, { config: { memoryCacheSize: 0 } });
    const { message } = assertRefused(await site.call("fetchMetadata", PATH), 500, "configuration-error");
    assert.match(message, /memoryCacheSize/);
  });

  test("The RPC interface has no other methods, and calling one does not affect the isolate", async (t) => {
    const site = await deployCaller(t);
    for (const method of ["purge", "constructor", "start", "__destroy_into_raw", "env", "ctx", "fetchmetadata"]) {
      const { error } = await site.call(method, PATH);
      assert.ok(error, `${method} is not a method`);
      assertNoLeak(error.message);
    }
    assert.deepEqual(await site.call("fetchMetadata", PATH), bodyOf(PATH));
  });
});

suite("A caller with an older compatibility date", () => {
  // The runtime transfers an error's own properties only if both sides have enhanced_error_serialization, the default from
  // 2026-04-21. Other callers get only the message, so it must be clear without a code.
  const OLDER = "2026-04-20";

  test("A caller with an older compatibility date gets the metadata, and only the message of an error", async (t) => {
    const site = await deploy(t, { caller: { compatibilityDate: OLDER, compatibilityFlags: [] } });
    assert.deepEqual(await site.call("fetchMetadata", PATH), bodyOf(PATH));
    site.origin.on("/assets/gone.jpg", failure(404));
    const { error } = await site.call("fetchMetadata", "gone.jpg");
    const { detail } = assertProblem(await site.get("/metadata/gone.jpg"), 404, "not-found");
    assert.deepEqual([error.isError, error.message, error.code], [true, detail, undefined]);
  });

  test("A caller with an older compatibility date and enhanced_error_serialization gets code and status", async (t) => {
    const site = await deploy(t, { caller: { compatibilityDate: OLDER, compatibilityFlags: ["enhanced_error_serialization"] } });
    site.origin.on(ORIGIN_PATH, failure(404));
    assertRefused(await site.call("fetchMetadata", PATH), 404, "not-found");
  });
});

suite("The example caller", () => {
  test("The example caller returns a page with an image at 16:9, and its size", async (t) => {
    const site = await deploy(t, { caller: exampleCaller() });
    const answer = await site.at.caller.get(`/${PATH}`);
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /<img src="\/cdn-cgi\/image\/trim=0;0;750;0,width=1800,height=1013,fit=cover\/photos\/cat\.jpg" srcset="/);
    assert.match(answer.text, /,width=600,height=338,.* 1200w,.* width="1800" height="1013" /s);
  });

  test("The example caller accepts an encoded path", async (t) => {
    const site = await deploy(t, { caller: exampleCaller() });
    const { text } = await site.at.caller.get("/gallery/Gr%C3%B6%C3%9Fe%201.png");
    assert.match(text, /<img src="[^"]*\/gallery\/Gr%C3%B6%C3%9Fe%201\.png"/);
    assert.equal(site.origin.requests[0].path, "/assets/gallery/Gr%C3%B6%C3%9Fe%201.png");
  });

  test("The example caller returns the code and message of an error", async (t) => {
    const site = await deploy(t, { caller: exampleCaller() });
    site.origin.on(ORIGIN_PATH, failure(404));
    const answer = await site.at.caller.get(`/${PATH}`);
    assert.deepEqual([answer.status, answer.json.code], [404, "not-found"]);
    assert.match(answer.json.message, /\S/);
    assert.equal((await site.at.caller.get("/")).status, 400);
  });
});

function costs(site) {
  return { reads: site.kv.reads(KEY).length, fetches: site.origin.requests.length, writes: site.kv.writes(KEY).length };
}

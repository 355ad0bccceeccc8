import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { failure } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";

suite("A missing KV binding", () => {
  test("Without a KV binding images come from the origin and memory, and one warning is logged", async (t) => {
    const site = await deploy(t, { kv: false });
    assertFound(await site.get(PATH), "origin");
    assertFound(await site.get(PATH), "memory");
    assertFound(await site.get("/metadata/other.jpg"), "origin");
    await site.logged({ event: "kv-unbound" });
    await assertLoggedOnce(site, { level: "warn", event: "kv-unbound" });
    assert.equal(site.kv.operations.length, 0);
  });

  test("Without the binding that kvNamespace names, another KV binding is not used", async (t) => {
    const site = await deploy(t, { config: { kvNamespace: "ELSEWHERE" } });
    assertFound(await site.get(PATH), "origin");
    const entry = await site.logged({ event: "kv-unbound" });
    assert.match(JSON.stringify(entry), /ELSEWHERE/);
    assert.equal(site.kv.operations.length, 0);
  });

  test("A binding that is not a KV namespace counts as missing", async (t) => {
    const site = await deploy(t, { config: { kvNamespace: "GREETING" }, env: { GREETING: "hello" } });
    assertFound(await site.get(PATH), "origin");
    await site.logged({ event: "kv-unbound" });
    assertFound(await site.get(PATH), "memory");
  });

  test("A service, which has methods of any name, counts as missing too", async (t) => {
    const site = await deploy(t, { config: { kvNamespace: "FILES" }, service: true });
    assertFound(await site.get(PATH), "origin");
    await site.logged({ event: "kv-unbound" });
    assert.equal((await site.get("/health")).json.bindings.kv, false);
  });
});

test("With a KV binding no warning is logged", async (t) => {
  const site = await deploy(t);
  await site.get(PATH);
  await site.kv.written("metadata:photos/cat.jpg");
  await site.stop();
  assert.deepEqual(
    site.log.filter(({ level }) => level === "warn" || level === "error"),
    [],
  );
});

test("With cacheEnabled = false neither memory nor KV is used", async (t) => {
  const site = await deploy(t, { config: { cacheEnabled: false } });
  for (let n = 1; n <= 2; n++) {
    const answer = await site.get(PATH);
    assertFound(answer, "origin");
    assert.equal(answer.cacheStatus.stored, undefined, "not stored");
  }
  assert.equal(site.origin.requests.length, 2);
  assert.equal(site.kv.operations.length, 0);
  site.origin.on("/assets/none.jpg", failure(404));
  assert.equal((await site.get("/metadata/none.jpg")).cacheStatus.fwd, "bypass");
});

test("A placeholder originUrl is reported with both remedies in every response and in the log", async (t) => {
  const site = await deploy(t, { config: { originUrl: "https://images.example.com" } });
  for (const path of [PATH, "/", "/health"]) {
    const { detail } = assertProblem(await site.get(path), 500, "configuration-error");
    assert.match(detail, /'originUrl' is still the placeholder https:\/\/images\.example\.com: set it in wrangler\.toml.*, or run npm start/);
  }
  const { detail } = await site.logged({ event: "configuration-error", field: "originUrl" });
  assert.match(detail, /still the placeholder/);
  assert.deepEqual([site.origin.requests.length, site.kv.operations.length], [0, 0]);
});

suite("Invalid settings", () => {
  const originUrl = "https://images.test";
  const refusals = [
    ["metadata", "no settings at all", null],
    ["originUrl", "missing", {}],
    ["metadata", "text that is not JSON", "text"],
    ["metadata", "a list", []],
    ["metadata", "a number", 7],
    ["colour", "unknown", { originUrl, colour: "blue" }],
    ["kvCacheTTL", "misspelt", { originUrl, kvCacheTTL: 60 }],
  ].map(([field, what, metadata]) => ({ field, what, metadata }));
  const values = {
    cacheEnabled: ["true", 1, null],
    memoryCacheSize: [0, 50_001, -1, 1.5, "1000", null],
    kvCacheTtl: [59, 31_536_001, 60.5, "86400"],
    kvNamespace: ["", 7, null],
    originUrl: [
      7,
      null,
      "",
      "images.test",
      "ftp://images.test",
      "https://",
      "https:///x",
      "https://images.test?x=1",
      "https://images.test#x",
      "//images.test",
      "https://images.test/../x",
      "https://user:pw@images.test",
    ],
    memoryCacheTtl: [-1, 86_401, "300"],
    kvReadCacheTtl: [29, 86_401, "300"],
    staleWhileRevalidate: [-1, 1.5, "3600"],
    staleIfError: [-1, "86400"],
    negativeTtl: [-1, "60"],
    errorTtl: [-1, "5"],
    clientMaxAge: [-1, "3600"],
    originTimeoutMs: [0, 25_001, "5000"],
    kvTimeoutMs: [0, 25_001, "500"],
    maxInFlight: [0, -1, "1000"],
    batchLimit: [0, 101, "100"],
    corsOrigins: ["*", [7], ["https://shop.test/path"], {}],
    logLevel: ["verbose", 3, ""],
  };
  for (const [field, bad] of Object.entries(values)) {
    for (const value of bad) refusals.push({ field, what: JSON.stringify(value), metadata: { originUrl, [field]: value } });
  }

  for (const { field, what, metadata } of refusals) {
    test(`An invalid ${field} (${what}) is a 500 that names it`, async (t) => {
      const site = await deploy(t, { metadata });
      const problem = assertProblem(await site.get(PATH), 500, "configuration-error", { instance: PATH });
      assert.match(problem.detail, new RegExp(`\\b${field}\\b`));
      assert.equal((await site.get("/metadata/other")).status, 500, "every request fails");
      const { level } = await site.logged({ event: "configuration-error", field });
      assert.equal(level, "error");
      assert.deepEqual([site.kv.operations.length, site.origin.requests.length], [0, 0]);
    });
  }

  test("An invalid setting is logged once", async (t) => {
    const site = await deploy(t, { metadata: {} });
    for (let n = 0; n < 3; n++) await site.get(PATH);
    await site.logged({ event: "configuration-error" });
    await assertLoggedOnce(site, { level: "error", event: "configuration-error", field: "originUrl" });
  });

  test("The response to an invalid setting is not cacheable", async (t) => {
    const site = await deploy(t, { metadata: {} });
    assert.equal((await site.get(PATH)).headers["cache-control"], "no-store");
  });
});

suite("Settings at the limits of their range", () => {
  const limits = {
    memoryCacheSize: [1, 50_000],
    kvCacheTtl: [60, 31_536_000],
    memoryCacheTtl: [0, 86_400],
    kvReadCacheTtl: [30, 86_400],
    staleWhileRevalidate: [0],
    staleIfError: [0],
    negativeTtl: [0],
    errorTtl: [0],
    clientMaxAge: [0],
    originTimeoutMs: [25_000],
    kvTimeoutMs: [24_999],
    maxInFlight: [1],
    batchLimit: [1, 100],
    corsOrigins: [["*"], ["https://shop.test"]],
    logLevel: ["debug", "info", "warn", "error"],
  };
  for (const [field, values] of Object.entries(limits)) {
    for (const value of values) {
      test(`${field} = ${JSON.stringify(value)} is accepted`, async (t) => {
        const site = await deploy(t, { config: { [field]: value } });
        assertFound(await site.get(PATH), "origin");
      });
    }
  }
});

test("Settings are accepted as JSON text, the form that the command line and the dashboard use", async (t) => {
  const site = await deploy(t, { metadata: null, env: { metadata: '{"originUrl":"https://images.test/text"}' } });
  assertFound(await site.get(PATH), "origin");
  assert.equal(site.origin.requests[0].url, "https://images.test/text/photos/cat.jpg");
});

/** The log arrives through a pipe, and is complete only once the process has exited. */
async function assertLoggedOnce(site, fields) {
  await site.stop();
  const entries = site.log.filter(({ event }) => event === fields.event);
  assert.equal(entries.length, 1, site.transcript());
  assert.deepEqual(Object.fromEntries(Object.keys(fields).map((key) => [key, entries[0][key]])), fields);
}

import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem, recordOf } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { image } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const ADMIN_TOKEN = "correct horse battery staple";

const purge = (site, path, authorization = `Bearer ${ADMIN_TOKEN}`) =>
  site.request("DELETE", path, { headers: { Authorization: authorization } });

/** Deploys a site without memory whose first KV write waits at `gate`. */
async function deployWithPendingWrite(t) {
  const site = await deploy(t, { env: { ADMIN_TOKEN }, config: { memoryCacheTtl: 0 } });
  const gate = new Gate();
  let writes = 0;
  site.kv.intercept("put", () => (++writes === 1 ? gate.pass() : undefined));
  assertFound(await site.get(PATH), "origin");
  await gate.arrived();
  return { site, gate };
}

suite("A purge of an image", () => {
  test("A purge evicts one image from memory and KV, and no other", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN } });
    for (const name of ["cat", "dog"]) {
      await site.get(`/metadata/photos/${name}.jpg`);
      await site.kv.written(`metadata:photos/${name}.jpg`);
    }
    const answer = await purge(site, PATH);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, { purged: 1 });
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.deepEqual([...site.kv.records.keys()], ["metadata:photos/dog.jpg"], "the response waits for the deletion in KV");

    assertFound(await site.get(PATH), "origin");
    assertFound(await site.get("/metadata/photos/dog.jpg"), "memory");
  });

  test("A purge undoes every pending write, even if the image was fetched twice", async (t) => {
    const { site, gate } = await deployWithPendingWrite(t);
    assertFound(await site.get(PATH), "origin");
    await site.settled();
    assert.equal((await purge(site, PATH)).status, 200);
    gate.open();
    await site.kv.written(KEY);
    // One by the purge, and one after the late write.
    await site.kv.allDeleted(2);
    assert.deepEqual([...site.kv.records.keys()], []);
  });

  test("A write that ends after a purge does not replace the record of the next fetch", async (t) => {
    const { site, gate } = await deployWithPendingWrite(t);
    assert.equal((await purge(site, PATH)).status, 200);
    site.origin.on("/assets/photos/cat.jpg", image({ width: 77 }));
    assertFound(await site.get(PATH), "origin");
    await site.settled();
    gate.open();
    await site.kv.allWritten(2);
    assert.equal(site.kv.records.get(KEY).metadata.width, 77);
    assertFound(await site.get(PATH), "kv");
    assert.equal(site.kv.deletes(KEY).length, 1, "the purge's own");
  });

  test("A legacy record that KV still reads from its cache is not written again after a purge", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN }, config: { memoryCacheTtl: 0 } });
    const legacy = { value: JSON.stringify(recordOf()) };
    site.kv.seed(KEY, legacy);
    assert.equal((await purge(site, PATH)).status, 200);
    site.kv.intercept("get", () => legacy);
    assertFound(await site.get(PATH), "kv");
    await site.settled();
    site.kv.intercept("get");
    await site.restart();
    assertFound(await site.get(PATH), "origin");
    await site.kv.written(KEY);
    assert.deepEqual(
      site.kv.writes(KEY).map(({ metadataText }) => JSON.parse(metadataText).width),
      [4000],
      "only the origin's record is written",
    );
  });

  test("A purge accepts any spelling of an image's path", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN } });
    await site.get(PATH);
    await site.kv.written(KEY);
    assert.equal((await purge(site, "/metadata/photos/%63at.jpg")).status, 200);
    assertFound(await site.get(PATH), "origin");
  });

  test("A purge of an unknown image is a 200", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN } });
    assert.equal((await purge(site, PATH)).status, 200);
  });

  test("A purge of an invalid path is refused and deletes nothing", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN } });
    assertProblem(await purge(site, "/metadata/a//b"), 400, "invalid-path");
    assert.deepEqual(site.kv.operations, []);
  });

  test("A purge is a 503 if the KV delete fails", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN } });
    site.kv.intercept("delete", () => ({ status: 503 }));
    const answer = await purge(site, PATH);
    assertProblem(answer, 503, "purge-failed");
    assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
  });

  test("With ADMIN_TOKEN a 405 and a preflight list DELETE", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN } });
    assert.match((await site.request("PUT", PATH, { body: "" })).headers.allow, /\bDELETE\b/);
    const preflight = await site.request("OPTIONS", PATH, {
      headers: { Origin: "https://shop.test", "Access-Control-Request-Method": "DELETE" },
    });
    assert.match(preflight.headers["access-control-allow-methods"], /\bDELETE\b/);
  });
});

suite("A purge without the right token", async () => {
  const site = await deploy({ after }, { env: { ADMIN_TOKEN } });
  await site.get(PATH);
  await site.kv.written(KEY);

  for (const [what, authorization, status, code] of [
    ["no Authorization", undefined, 401, "unauthorized"],
    ["another scheme", `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`, 401, "unauthorized"],
    ["the token without a scheme", "secret", 401, "unauthorized"],
    ["another token", "Bearer wrong", 403, "forbidden"],
    ["an empty token", "Bearer ", 401, undefined],
    ["the start of the token", `Bearer ${ADMIN_TOKEN.slice(0, -1)}`, 403, "forbidden"],
    ["the token with a suffix", `Bearer ${ADMIN_TOKEN}x`, 403, "forbidden"],
    ["the token in upper case", `Bearer ${ADMIN_TOKEN.toUpperCase()}`, 403, "forbidden"],
  ]) {
    test(`DELETE with ${what} is refused and deletes nothing`, async () => {
      const answer = await site.request("DELETE", PATH, { headers: authorization === undefined ? {} : { Authorization: authorization } });
      if (code) assertProblem(answer, status, code, { instance: PATH });
      else assert.ok([401, 403].includes(answer.status), answer.text);
      if (answer.status === 401) assert.match(answer.headers["www-authenticate"], /^Bearer\b/);
      assert.doesNotMatch(answer.text, /horse/);
      assertFound(await site.get(PATH), "memory");
      assert.equal(site.kv.deletes().length, 0);
    });
  }
});

suite("A purge if ADMIN_TOKEN is not set", () => {
  test("DELETE is a 404 if ADMIN_TOKEN is not set", async (t) => {
    const site = await deploy(t);
    for (const authorization of ["Bearer x", "Bearer ", "Bearer undefined"])
      assertProblem(await purge(site, PATH, authorization), 404, "no-route");
    assert.doesNotMatch((await site.request("PUT", PATH, { body: "" })).headers.allow, /DELETE/);
    assert.deepEqual(site.kv.operations, []);
  });

  test("An empty ADMIN_TOKEN counts as not set", async (t) => {
    const site = await deploy(t, { env: { ADMIN_TOKEN: "" } });
    for (const authorization of ["Bearer x", "Bearer "]) assert.ok((await purge(site, PATH, authorization)).status >= 400);
    assert.equal(site.kv.deletes().length, 0);
  });
});

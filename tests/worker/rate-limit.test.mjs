import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { Origin } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const TOKEN = "right";
const env = { ADMIN_TOKEN: TOKEN };
const from = (address) => ({ "CF-Connecting-IP": address });
const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const keysOf = async (site) => (await site.at.rateLimit.get("/")).json;

suite("The rate limit", () => {
  test("A client is charged by its address for what it fetches, and not for hits", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 1 } });
    const get = (name, address) => site.get(`/metadata/${name}`, from(address));
    assertFound(await get("a", "203.0.113.7"), "origin");
    assertFound(await get("a", "203.0.113.7"), "memory");
    const refused = await get("b", "203.0.113.7");
    assertProblem(refused, 429, "rate-limited", { instance: "/metadata/b" });
    assert.equal(refused.headers["retry-after"], "60");
    assert.equal(refused.headers["cache-control"], "no-store");
    assertFound(await get("b", "2001:db8:1:2:3::4"), "origin");
    assertProblem(await get("c", "2001:db8:1:2:ffff::"), 429, "rate-limited");
    assert.deepEqual(await keysOf(site), ["203.0.113.7", "203.0.113.7", "20010db800010002", "20010db800010002"].map((client) => `origin:${client}`));
    assert.equal(site.origin.requests.length, 2);
  });

  test("Each value of a versioning parameter is charged, so random values end at the limit", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 2 }, config: { query: ["v"] } });
    const answers = [];
    for (let v = 1; v <= 5; v++) answers.push(await site.get(`/metadata/a?v=${v}&other=${v}`, from("203.0.113.7")));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 429, 429, 429]);
    await site.kv.allWritten(2);
    assert.deepEqual([site.origin.requests.length, site.kv.writes().length], [2, 2]);
    assertFound(await site.get("/metadata/a?v=2&other=9", from("203.0.113.7")), "memory");
  });

  test("A client without an address, the holder of the admin token and a service binding are not charged", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 0 }, env, caller: true });
    assertFound(await site.get("/metadata/a"), "origin");
    assertFound(await site.get("/metadata/b", { ...from("203.0.113.7"), ...bearer(TOKEN) }), "origin");
    assert.equal((await site.call("fetchMetadata", "c")).path, "c");
    assertProblem(await site.get("/metadata/d", { ...from("203.0.113.7"), ...bearer("wrong") }), 429, "rate-limited");
    assert.deepEqual(await keysOf(site), ["origin:203.0.113.7"]);
  });

  test("Refused requests for an image do not hold up those of another client", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 1 } });
    await site.get("/metadata/first", from("203.0.113.7"));
    const gate = new Gate();
    site.kv.intercept("get", () => gate.pass());
    const flood = Array.from({ length: 50 }, () => site.get("/metadata/b", from("203.0.113.7")));
    await gate.arrived();
    const other = site.get("/metadata/b", from("198.51.100.1"));
    gate.open();
    assert.deepEqual(tally(await Promise.all(flood), (answer) => answer.json.code), { "rate-limited": 50 });
    assert.equal((await other).status, 200, (await other).text);
    assert.equal(site.origin.requests.length, 2);
  });

  test("A batch is charged for each image, and a refused one says when to retry", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 2 } });
    const { status, json } = await site.request("POST", "/metadata", { headers: from("203.0.113.7"), body: JSON.stringify({ paths: ["a", "b", "c"] }) });
    assert.equal(status, 200);
    assert.deepEqual(json.results.map((result) => result.status).sort(), [200, 200, 429]);
    const { problem } = json.results.find((result) => result.status === 429);
    assert.deepEqual([problem.code, problem.retryAfter], ["rate-limited", 60]);
  });

  test("Wrong admin tokens beyond the limit are a 429, and the right one is accepted", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 2 }, env });
    const stats = (token) => site.get("/stats", { ...from("203.0.113.7"), ...bearer(token) });
    assertProblem(await stats("wrong"), 403, "forbidden");
    assertProblem(await stats("wrong"), 403, "forbidden");
    const refused = await stats("wrong");
    assertProblem(refused, 429, "rate-limited");
    assert.equal(refused.headers["retry-after"], "60");
    assert.equal((await stats(TOKEN)).status, 200);
    const purged = await site.request("DELETE", "/metadata/a", { headers: { ...from("203.0.113.7"), ...bearer("wrong") } });
    assertProblem(purged, 429, "rate-limited");
    assert.deepEqual(await keysOf(site), Array(4).fill("admin:203.0.113.7"));
  });

  for (const [fault, expected] of [
    ["fails", "the limiter is broken"],
    ["hangs", "timeout"],
  ]) {
    test(`Requests are admitted if the limiter ${fault}`, async (t) => {
      const site = await deploy(t, { rateLimit: { [fault]: true } });
      assertFound(await site.get("/metadata/a", from("203.0.113.7")), "origin");
      assertFound(await site.get("/metadata/b", from("203.0.113.7")), "origin");
      const { level, cause } = await site.logged({ event: "rate-limit-fault" });
      assert.deepEqual([level, cause], ["warn", expected]);
    });
  }

  test("The health report shows that it is bound", async (t) => {
    const site = await deploy(t, { rateLimit: { limit: 1 } });
    assert.equal((await site.get("/health")).json.bindings.rateLimit, true);
    assert.equal((await (await deploy(t)).get("/health")).json.bindings.rateLimit, false);
  });

  test("It works in wrangler dev", async (t) => {
    const origin = new Origin();
    t.after(() => origin.close());
    const metadata = { originUrl: `http://${await origin.listen()}` };
    const site = await wranglerDev(t, { metadata, rateLimit: { limit: 2, period: 60 } });
    assertFound(await site.get("/metadata/a"), "origin");
    assertFound(await site.get("/metadata/b"), "origin");
    assertProblem(await site.get("/metadata/c"), 429, "rate-limited");
    assertFound(await site.get("/metadata/a"), "memory");
  });
});

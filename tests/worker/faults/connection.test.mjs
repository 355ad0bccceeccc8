import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertProblem } from "../harness/expect.mjs";
import { failure, reset, noResponse, truncated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";
import { wranglerDev } from "../harness/wrangler.mjs";

const PATH = "/metadata/photos/cat.jpg";
const LOST = "Network connection lost.";
const UNREACHABLE = "The origin could not be reached. Try again later.";

suite("The reason of an origin failure", () => {
  const refuse = (site) => site.origin.refuse();
  const respond = (responder) => (site) => site.origin.on(responder);
  for (const [what, prepare, reason, cause, status] of [
    ["a port that refuses the connection", refuse, "refused", LOST, 502],
    ["a connection that is reset before a response", respond(reset()), "refused", LOST, 502],
    ["a connection that breaks inside the response", respond(truncated()), "broken", LOST, 502],
    ["a host that never responds", respond(noResponse()), "timeout", undefined, 504],
    // The statuses of Cloudflare's proxy in front of an origin in production.
    ["status 530 of a proxy", respond(failure(530)), "dns", undefined, 502],
    ["status 521 of a proxy", respond(failure(521)), "refused", undefined, 502],
    ["status 525 of a proxy", respond(failure(525)), "tls", undefined, 502],
    ["status 522 of a proxy", respond(failure(522)), "timeout", undefined, 504],
  ]) {
    test(`The reason for ${what} is in the log, but not in the response`, async (t) => {
      const site = await deploy(t, { config: { originTimeoutMs: 300 } });
      await prepare(site);
      const answer = await site.get(PATH);
      assertProblem(answer, status, { 502: cause ? "origin-unreachable" : "origin-error", 504: "origin-timeout" }[status]);
      const entry = await site.logged({ event: "origin-failure" });
      assert.deepEqual([entry.reason, entry.cause, entry.path], [reason, cause, "photos/cat.jpg"]);
      if (cause) assert.equal(answer.json.detail, UNREACHABLE);
      assert.doesNotMatch(answer.text, /lost|refused|broken/);
    });
  }

  test("A host name that does not resolve has the reason dns in the log, through wrangler dev", async (t) => {
    const site = await wranglerDev(t, { metadata: { originUrl: "http://no-such-host.invalid", originTimeoutMs: 20_000 } });
    const answer = await site.get(PATH);
    assert.equal(assertProblem(answer, 502, "origin-unreachable").detail, UNREACHABLE);
    const { reason, cause } = await site.logged({ event: "origin-failure" });
    assert.equal(reason, "dns");
    assert.match(cause, /^internal error; reference = \w+$/);
  });
});

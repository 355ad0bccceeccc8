import assert from "node:assert/strict";
import test from "node:test";
import { assertFound, tally } from "../harness/expect.mjs";
import { Gate, within } from "../harness/gate.mjs";
import { gated, image } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

// The build with the route that panics: `npm test` makes it.
const main = "build-test/index.js";
const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

test("a panic is one request's 500; the next request is answered", async (t) => {
  const site = await deploy(t, { main });
  assertFound(await site.get(PATH), "origin");
  assert.equal((await site.get("/__test/panic")).status, 500);
  const next = await site.get(PATH);
  assert.equal(next.status, 200);
  assert.equal((await site.get(PATH)).layer, "memory");
});

test("a panic while others wait leaves none of them hanging, and the next request is answered", async (t) => {
  const site = await deploy(t, { main, config: { originTimeoutMs: 1000, kvTimeoutMs: 200 } });
  const gate = new Gate();
  site.origin.on(ORIGIN_PATH, gated(gate));
  const herd = await site.herd(20, PATH);
  await gate.arrived();
  assert.equal((await site.get("/__test/panic")).status, 500);
  gate.open();
  const answers = await within(herd.answers, "those in flight during a panic");
  t.diagnostic(`in flight: ${JSON.stringify(tally(answers, (a) => a.status))}`);
  assert.ok(answers.every(({ status }) => status === 200 || status === 500));
  site.origin.on(ORIGIN_PATH, image());
  assert.equal((await site.get(PATH)).status, 200);
});

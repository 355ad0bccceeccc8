import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, tally } from "../harness/expect.mjs";
import { Gate, within } from "../harness/gate.mjs";
import { gated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

// A request in which the runtime breaks a promise that the worker crate unwraps: a panic in the build that ships.
const Panicking = {
  name: "Panicking",
  fetch: `
    this.ctx.waitUntil = () => { throw new Error("asked to"); };
    return this.work(request);`,
};

const panic = (site, path) => site.at.Panicking.get(path);

suite("a panic", () => {
  test("is one request's 500, and loses nothing that is in memory", async (t) => {
    const site = await deploy(t, { entrypoint: Panicking });
    assertFound(await site.get(PATH), "origin");
    assert.equal((await panic(site, "/metadata/other")).status, 500);
    assert.match(site.transcript(), /panicked at/);
    assertFound(await site.get(PATH), "memory");
  });

  test("spares the requests that are in flight", async (t) => {
    const site = await deploy(t, { entrypoint: Panicking });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const herd = await site.herd(20, PATH);
    await gate.arrived();
    assert.equal((await panic(site, "/metadata/other")).status, 500);
    gate.open();
    const answers = await within(herd.answers, "those in flight during a panic");
    assert.deepEqual(tally(answers, (a) => a.status), { 200: 20 });
    assert.equal(site.origin.requestsTo(ORIGIN_PATH).length, 1);
  });

  test("of a leader leaves its image to the next one who asks", async (t) => {
    const site = await deploy(t, { entrypoint: Panicking });
    assert.equal((await panic(site, PATH)).status, 500);
    assert.equal((await within(site.get(PATH), "the next request")).status, 200);
  });
});

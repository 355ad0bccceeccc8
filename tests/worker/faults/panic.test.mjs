import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, tally } from "../harness/expect.mjs";
import { Gate, within } from "../harness/gate.mjs";
import { gated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

// Bytes of which the runtime says that they are 2 GiB: a Vec cannot have as many, which is a panic in the build that ships.
const TOO_LONG = `Object.defineProperty(new Uint8Array(1), "length", { value: 2 ** 31 })`;

// A request whose body is such bytes.
const Panicking = {
  name: "Panicking",
  fetch: `
    const { set } = Uint8Array.prototype;
    Uint8Array.prototype.set = function () {
      Uint8Array.prototype.set = set;
      Object.defineProperty(this, "length", { value: 2 ** 31 });
    };
    return this.work(new Request(new URL("/metadata", request.url), { method: "POST", body: "{}" }));`,
};

// A request for which the origin has such bytes.
const Flight = {
  name: "Panicking",
  fetch: `
    const { fetch } = globalThis;
    const reader = { read: async () => ({ value: ${TOO_LONG} }), cancel: async () => {} };
    globalThis.fetch = async () => {
      const body = Object.assign(new ReadableStream(), { getReader: () => reader });
      return { status: 200, headers: new Headers(), body };
    };
    try {
      return await this.work(request);
    } finally {
      globalThis.fetch = fetch;
    }`,
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

  test("of a flight is a failure of all who wait for it, and leaves its image to the next one who asks", async (t) => {
    const site = await deploy(t, { entrypoint: Flight });
    assertProblem(await panic(site, PATH), 504, "origin-timeout");
    assert.match(site.transcript(), /panicked at/);
    assertFound(await within(site.get(PATH), "the next request"), "origin");
  });
});

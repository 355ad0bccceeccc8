import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, tally } from "../harness/expect.mjs";
import { Gate, within } from "../harness/gate.mjs";
import { gated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";

// Bytes with a reported length of 2 GiB: no Vec can hold as many, so the release build panics.
const TOO_LONG = `Object.defineProperty(new Uint8Array(1), "length", { value: 2 ** 31 })`;

// A request with such a body.
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

// A request for which the origin returns such a body.
const PanickingFetch = {
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

suite("A panic", () => {
  test("A panic fails only its own request with a 500, and memory is kept", async (t) => {
    const site = await deploy(t, { entrypoint: Panicking });
    assertFound(await site.get(PATH), "origin");
    assert.equal((await panic(site, "/metadata/other")).status, 500);
    await site.printed(/panicked at/);
    assertFound(await site.get(PATH), "memory");
  });

  test("A panic does not affect requests that are in flight", async (t) => {
    const site = await deploy(t, { entrypoint: Panicking });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const herd = await site.herd(20, PATH);
    await gate.arrived();
    assert.equal((await panic(site, "/metadata/other")).status, 500);
    gate.open();
    const answers = await within(herd.answers, "the requests in flight during a panic");
    assert.deepEqual(tally(answers, (a) => a.status), { 200: 20 });
    assert.equal(site.origin.requestsTo(ORIGIN_PATH).length, 1);
  });

  test("A panic during a fetch is a 504 for its request, and the next request fetches the image", async (t) => {
    const site = await deploy(t, { entrypoint: PanickingFetch });
    assertProblem(await panic(site, PATH), 504, "origin-timeout");
    await site.printed(/panicked at/);
    assertFound(await within(site.get(PATH), "the next request"), "origin");
  });
});

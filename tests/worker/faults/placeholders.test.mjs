import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import zlib from "node:zlib";
import { assertFound } from "../harness/expect.mjs";
import { Gate } from "../harness/gate.mjs";
import { failure, flood, gated, image, json, noResponse, reset, resizerError, stall, text, truncated } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";
import { isPicture, picture, plain, png, resizer } from "../harness/tiny-picture.mjs";

const MB = 1024 * 1024;
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const PATH = "/metadata/photos/cat.jpg";
const config = { placeholders: ["thumbhash", "color"], logLevel: "debug" };
const orange = await plain("#ff8000", 40, 30);

/** Deploys a site whose resizer responds to requests for a picture with `responder`. */
async function deployWith(t, responder, options = {}) {
  const site = await deploy(t, { ...options, config: { ...config, ...options.config } });
  site.origin.on(resizer(responder));
  return site;
}

const picturesAsked = (site, path) => site.origin.requestsTo(path).filter(isPicture).length;
const fieldsOf = ({ thumbhash, color }) => ({ thumbhash, color });
const ABSENT = { thumbhash: undefined, color: undefined };
const NONE = { thumbhash: null, color: null };

/** Looks up an image whose picture fails, and asserts what is returned, stored and logged. */
async function assertFails(site, name, isForNow, cause) {
  const answer = await site.get(`/metadata/${name}?placeholder=data-url`);
  assertFound(answer, "origin");
  assert.deepEqual(fieldsOf(answer.json.metadata), ABSENT);
  assert.deepEqual([answer.json.metadata.width, answer.json.placeholder], [4_000, undefined]);
  const key = `metadata:${name}`;
  await site.kv.written(key);
  const { metadata } = site.kv.records.get(key);
  assert.deepEqual([fieldsOf(metadata), "color" in metadata], isForNow ? [ABSENT, false] : [NONE, true]);
  const entry = await site.logged({ event: "placeholder-failure", path: name, level: isForNow ? "warn" : "debug" });
  assert.match(entry.cause, cause);
  const again = await site.get(`/metadata/${name}`);
  assertFound(again, "memory");
  const { ttl } = again.cacheStatus;
  assert.ok(isForNow ? ttl >= 290 && ttl <= 300 : ttl > 80_000, `ttl ${ttl}`);
  assert.equal(picturesAsked(site, `/assets/${name}`), 1, "a picture is asked for once");
}

const large = png({ before: [["teXt", Buffer.alloc(64 * 1024)]] });
const padded = (bytes) => png({ before: [["teXt", Buffer.alloc(bytes - png().length - 12)]] });

const FOR_GOOD = [
  ["a 403", failure(403), /403/],
  ["a 404", failure(404), /404/],
  ["a 410", failure(410), /410/],
  ["a 400", failure(400), /400/],
  ["a 204", text("", { status: 204 }), /204/],
  ["a 206", picture(orange, { status: 206 }), /206/],
  ["the resizer's 9401", resizerError(9401, 403), /403/],
  ["the resizer's 9402", resizerError(9402, 502), /502/],
  ["the resizer's 9412", resizerError(9412, 415), /415/],
  ["the resizer's 9520", resizerError(9520, 415), /415/],
  ["an error code with status 200", picture(orange, { headers: { "Cf-Resized": "err=9412" } }), /200/],
  ["JSON", image(), /not a PNG/],
  ["long JSON", json({ text: " ".repeat(10_000) }), /not a PNG/],
  ["a page", text("<!doctype html>", { headers: { "Content-Type": "text/html" } }), /not a PNG/],
  ["an empty body", picture(Buffer.alloc(0)), /not a PNG/],
  ["a JPEG", picture(Buffer.from("ffd8ffe000104a464946", "hex")), /not a PNG/],
  ["a PNG of 101 by 100", picture(png({ width: 101, height: 100 })), /too large/],
  ["a PNG of 100 by 101", picture(png({ width: 100, height: 101 })), /too large/],
  ["a PNG of 2^32-1 by 1", picture(png({ width: 2 ** 32 - 1, height: 1, data: Buffer.alloc(9) })), /too large/],
  ["a PNG of more than 64 KiB", picture(padded(64 * 1024 + 1)), /too large/],
  ["a PNG that is cut off", picture(orange.subarray(0, -20)), /malformed/],
  ["a PNG without data", picture(png({ compressed: Buffer.alloc(0) })), /malformed/],
  ["a PNG of 16 bits", picture(png({ bitDepth: 16 })), /16 bits/],
  ["an interlaced PNG", picture(png({ interlace: 1 })), /interlaced/],
  ["data that are not compressed", picture(png({ compressed: Buffer.from("not compressed") })), /malformed/],
  ["data that end early", picture(png({ compressed: zlib.deflateSync(Buffer.alloc(14)) })), /malformed/],
  ["data that break off", picture(png({ width: 100, height: 100, compressed: zlib.deflateSync(Buffer.alloc(10_100)).subarray(0, 10) })), /malformed/],
  ["an unknown filter", picture(png({ data: Buffer.alloc(15, 9) })), /malformed/],
  ["a color that is not in the palette", picture(png({ colorType: 3, before: [["PLTE", Buffer.alloc(3)]], data: Buffer.alloc(15, 1) })), /malformed/],
];

/** Sends the headers and the beginning of a picture, which then stalls, or whose connection breaks if it `ends`. */
const partOf = (bytes, ends) => (_, response) => {
  response.writeHead(200, { "Content-Type": "image/png", "Content-Length": bytes.length });
  response.write(bytes.subarray(0, 40), () => ends && response.socket.end());
};

const FOR_NOW = [
  ["a 429", failure(429), /429/],
  ["a 500", failure(500), /500/],
  ["a 502", failure(502), /502/],
  ["a 503", failure(503, { "Retry-After": "3000" }), /503/],
  ["the resizer's 9422", resizerError(9422, 429), /429/],
  ["the resizer's 9504", resizerError(9504, 522), /522/],
  ["the resizer's 9529", resizerError(9529, 504), /504/],
  ["a reset connection", reset(), /./],
  ["a connection that breaks during the picture", partOf(orange, true), /./],
  ["a connection that breaks during JSON", truncated(), /./],
];

for (const [what, isForNow, cases] of [
  ["for good", false, FOR_GOOD],
  ["for now", true, FOR_NOW],
]) {
  suite(`Pictures that fail ${what}`, async () => {
    const site = await deploy({ after }, { config });
    for (const [n, [fault, responder, cause]] of cases.entries()) {
      test(`An image whose picture is ${fault} has no placeholder ${what}`, async () => {
        site.origin.on(`/assets/${n}.jpg`, resizer(responder));
        await assertFails(site, `${n}.jpg`, isForNow, cause);
      });
    }

    test(`After a restart, pictures that failed ${what} are not asked for again`, async () => {
      await site.restart();
      site.origin.clearRequests();
      for (const n of cases.keys()) assertFound(await site.get(`/metadata/${n}.jpg`), "kv");
      assert.equal(site.origin.requests.length, 0);
    });
  });
}

suite("Pictures within the limits", () => {
  test("A PNG of 64 KiB and one of 100 by 100 pixels are read", async (t) => {
    const site = await deployWith(t);
    for (const [n, bytes] of [padded(64 * 1024), png({ width: 100, height: 100, colorType: 6 })].entries()) {
      site.origin.on(`/assets/${n}.jpg`, resizer(picture(bytes)));
      assert.ok((await site.get(`/metadata/${n}.jpg`)).json.metadata.thumbhash, `${n}`);
    }
  });

  test("The rest of a body that is too long is not read", async (t) => {
    const site = await deployWith(t, flood(50 * MB, { "Content-Type": "image/png" }, large));
    await site.get(PATH);
    await site.origin.disconnected(ORIGIN_PATH);
    const { sent } = site.origin.requests.find(isPicture);
    assert.ok(sent < 20 * MB, `${sent} bytes were sent`);
  });
});

/** zlib data of this many MiB of zeros, about 1 KiB each. */
function bombOf(count) {
  const zeros = zlib.deflateRawSync(Buffer.alloc(MB), { level: 9, finishFlush: zlib.constants.Z_FULL_FLUSH });
  return Buffer.concat([Buffer.from("789c", "hex"), ...Array(count).fill(zeros), Buffer.from("0300", "hex")]);
}

suite("Pictures that are bombs", () => {
  for (const [what, mib, sides, color] of [
    ["1 GiB", 1_024, { width: 100, height: 100 }, undefined],
    ["55 MiB, for 100 by 100 pixels", 55, { width: 100, height: 100 }, "#000000"],
    ["55 MiB, for one pixel", 55, { width: 1, height: 1 }, "#000000"],
  ]) {
    test(`The memory of the process does not grow with data that inflate to ${what}`, async (t) => {
      const bytes = png({ ...sides, compressed: bombOf(mib) });
      t.diagnostic(`${bytes.length} bytes`);
      const site = await deployWith(t, picture(bytes), { kv: false, wasmStats: true });
      const look = async (from, to) => {
        const answers = await Promise.all(Array.from({ length: to - from }, (_, n) => site.get(`/metadata/${from + n}.jpg`)));
        for (const { json } of answers) assert.equal(json.metadata.color, color);
      };
      await look(0, 20);
      const [resident, { bytes: before }] = [site.memory(), await site.wasmStats()];
      await look(20, 60);
      const { bytes: after } = await site.wasmStats();
      const grown = site.memory() - resident;
      t.diagnostic(`${(grown / MB).toFixed(1)} MiB more`);
      assert.ok(grown < 32 * MB, `${grown} bytes more`);
      assert.ok(after - before < MB, `${after - before} bytes of wasm memory more`);
    });
  }
});

/** Sends the headers of a picture and then a byte of it every 20 ms. */
const trickle = async (_, response, record) => {
  response.writeHead(200, { "Content-Type": "image/png", "Content-Length": orange.length });
  for (let n = 0; !record.closed && n < orange.length; n++) {
    response.write(orange.subarray(n, n + 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

suite("Pictures that are slow", () => {
  for (const [what, responder] of [
    ["whose response never comes", noResponse()],
    ["whose body stops in the middle", partOf(orange)],
    ["whose body is JSON that stops in the middle", stall()],
    ["whose body comes byte by byte", trickle],
  ]) {
    test(`Metadata wait placeholderTimeoutMs for a picture ${what}, and come without it`, async (t) => {
      const site = await deployWith(t, responder, { config: { placeholderTimeoutMs: 400, originTimeoutMs: 20_000 } });
      await site.get("/health");
      const started = performance.now();
      await assertFails(site, "photos/cat.jpg", true, /^(timeout|time-?out.*)$/i);
      const elapsed = performance.now() - started;
      // Not for originTimeoutMs.
      assert.ok(elapsed >= 390 && elapsed < 15_000, `${elapsed} ms`);
      await site.origin.disconnected(ORIGIN_PATH);
    });
  }

  test("The timeout of the picture is its own, not the rest of that of the metadata", async (t) => {
    const site = await deployWith(t, picture(orange), { config: { placeholderTimeoutMs: 5_000, originTimeoutMs: 400 } });
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, resizer(gated(gate, picture(orange))));
    const answer = site.get(PATH);
    await gate.arrived();
    await new Promise((resolve) => setTimeout(resolve, 600));
    gate.open();
    assert.equal((await answer).json.metadata.color, "#ff8000");
  });

  test("At most 64 pictures are read at a time, and the others wait", async (t) => {
    const gate = new Gate();
    const site = await deployWith(t, gated(gate, picture(orange)), { kv: false, config: { placeholderTimeoutMs: 9_000 } });
    const answers = Array.from({ length: 80 }, (_, n) => site.get(`/metadata/${n}.jpg`));
    await gate.arrived(64);
    // Pauses between attempts to take a share have 20 ms.
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(gate.arrivals, 64);
    // Metadata of other images do not wait for them.
    site.origin.on("/assets/other.jpg", resizer(failure(404), image({ format: "image/svg+xml" })));
    assertFound(await site.get("/metadata/other.jpg"), "origin");
    gate.open();
    for (const { json } of await Promise.all(answers)) assert.equal(json.metadata.color, "#ff8000");
  });
});

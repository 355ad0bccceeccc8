import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import test, { suite } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { assertEightAtATime, assertFound, assertProblem } from "./harness/expect.mjs";
import { Gate, Turnstile } from "./harness/gate.mjs";
import { failure, flood, gated, inSequence, noResponse, partial, ranged, redirect, reset, text } from "./harness/origin.mjs";
import { avifWithTrailingMeta, jpeg, segments, tiffWithTrailingDirectory, webpWithTrailingExif } from "./harness/picture.mjs";
import { ORIGIN, deploy } from "./harness/site.mjs";

const KIB = 1_024;
const MB = 1_000_000;
const GB = 1024 ** 3;
const PATH = "/metadata/image";

const HTTP = { metadata: { originUrl: ORIGIN, probe: "header", errorTtl: 0 } };
const SERVICE = { service: true, metadata: { origins: [{ prefix: "", service: "FILES" }], errorTtl: 0 } };
const withSettings = (settings) => ({ metadata: { ...HTTP.metadata, ...settings } });

const etagOf = (bytes) => createHash("md5").update(bytes).digest("hex");
/** The requested ranges, as `[first, last]`; `undefined` for a request without one. */
const rangesOf = (site) => site.origin.requests.map(({ headers: { range } }) => range && /^bytes=(\d+)-(\d+)$/.exec(range).slice(1).map(Number));
const FIRST = [0, 64 * KIB - 1];

/** Deploys a Worker with `probe = "header"` whose origin has one image. */
async function serve(t, responder, options = HTTP) {
  const site = await deploy(t, options);
  site.origin.on(responder);
  return site;
}

async function metadataOf(site) {
  const answer = await site.get(PATH);
  assertFound(answer, "origin");
  return answer.json.metadata;
}

const refusal = async (site) => assertProblem(await site.get(PATH), 415, "not-an-image").detail;

for (const [road, options, url] of [
  ["over HTTP", HTTP, "https://images.test/assets/image"],
  ["from a service", SERVICE, "https://service/image"],
]) {
  suite(`A header that is read ${road}`, () => {
    test(`An image is read ${road} with one request for its first bytes, without the resizer`, async (t) => {
      const bytes = await jpeg({ width: 40, height: 30, orientation: 6 });
      const site = await serve(t, ranged(bytes), options);
      const metadata = await metadataOf(site);
      const expected = { width: 30, height: 40, orientation: 6, fileSize: bytes.length, etag: etagOf(bytes), source: "image-header" };
      assert.deepEqual({ ...metadata, ...expected }, metadata);
      assert.deepEqual(
        site.origin.requests.map(({ method, url, cf, headers }) => [method, url, cf?.image, headers.range, headers["accept-encoding"]]),
        [["GET", url, undefined, "bytes=0-65535", "identity"]],
      );
    });

    for (const [name, make, expected] of [
      ["a TIFF whose directory is after its pixels", tiffWithTrailingDirectory, { width: 40, height: 30, bitDepth: 8, hasAlpha: false }],
      ["an AVIF whose boxes are after its pixels", avifWithTrailingMeta, { width: 40, height: 30 }],
      ["a WebP whose Exif block is after its pixels", webpWithTrailingExif, { width: 30, height: 40, orientation: 6 }],
    ]) {
      test(`The header of ${name} is read ${road} with one further range`, async (t) => {
        const bytes = make(3 * MB);
        const site = await serve(t, ranged(bytes), options);
        const metadata = await metadataOf(site);
        assert.deepEqual({ ...metadata, ...expected, confidence: "high", fileSize: bytes.length, etag: etagOf(bytes) }, metadata);
        assert.deepEqual(rangesOf(site), [FIRST, [bytes.length - 64 * KIB, bytes.length - 1]]);
      });
    }
  });
}

suite("Ranges of a file over HTTP", () => {
  test("A header that continues is read with further ranges, up to headerBytesMax", async (t) => {
    const site = await serve(t, ranged(await jpeg({ width: 7, before: segments(200_000) })));
    assert.equal((await metadataOf(site)).width, 7);
    const ranges = rangesOf(site);
    assert.ok(ranges.length <= 4, JSON.stringify(ranges));
    ranges.reduce((end, [first, last]) => (assert.equal(first, end), last + 1), 0);
    const long = await serve(t, ranged(await jpeg({ before: segments(1_200_000) })));
    assert.match(await refusal(long), /beyond headerBytesMax/);
    assert.ok(rangesOf(long).at(-1)[1] < 1024 * KIB);
  });

  test("A Content-Range is read with any case of its unit, spaces and leading zeros", async (t) => {
    const bytes = await jpeg({ width: 7 });
    for (const range of ["BYTES 0-265/266", "bytes  0-265/266", "bytes 000-0265/0266"]) {
      assert.equal(bytes.length, 266);
      const site = await serve(t, partial(bytes, range));
      assert.deepEqual([await metadataOf(site)].map(({ width, fileSize }) => [width, fileSize]), [[7, 266]], range);
      assert.deepEqual(rangesOf(site), [FIRST]);
    }
  });

  test("A server that returns shorter parts than requested is asked for the rest", async (t) => {
    const site = await serve(t, ranged(await jpeg({ width: 7, before: segments(60_000) }), { cap: 10_000 }));
    assert.equal((await metadataOf(site)).width, 7);
    assert.deepEqual(rangesOf(site), [0, 1, 2, 3, 4, 5, 6].map((n) => [n * 10_000, FIRST[1]]));
  });

  test("A file is read forward if its server returns only tiny parts", async (t) => {
    const site = await serve(t, ranged(await jpeg({ width: 7, before: segments(60_000) }), { cap: 100 }));
    assert.equal((await metadataOf(site)).width, 7);
    const ranges = rangesOf(site);
    assert.ok(ranges.length < 20, `${ranges.length} requests`);
    assert.equal(ranges.at(-1), undefined);
  });

  test("A part is not read beyond the requested bytes, and its connection is closed before the next range", async (t) => {
    const bytes = tiffWithTrailingDirectory(2 * MB);
    const gate = new Gate();
    const headers = { "Content-Range": `bytes 0-${bytes.length - 1}/${bytes.length}`, ETag: `"${etagOf(bytes)}"` };
    const endless = flood(GB, headers, bytes.subarray(0, 64 * KIB), 206);
    const site = await serve(t, inSequence(endless, gated(gate, ranged(bytes))));
    const read = metadataOf(site);
    await gate.arrived();
    await site.origin.disconnected("/assets/image");
    assert.ok(site.origin.requests[0].sent < GB / 16);
    gate.open();
    assert.equal((await read).width, 40);
  });

  for (const [what, headers] of [
    ["entity tag", (etag) => ({ ETag: etag })],
    ["modification date", (etag) => ({ ETag: "", "Last-Modified": etag === '"a"' ? "Mon, 01 Jan 2024 00:00:00 GMT" : "Tue, 02 Jan 2024 00:00:00 GMT" })],
  ]) {
    test(`A file that is replaced between two ranges is read again, by its ${what}`, async (t) => {
      // Both have the same length.
      const [old, replacement] = [40, 50].map((width) => tiffWithTrailingDirectory(2 * MB, width));
      const [before, after] = [ranged(old, { headers: headers('"a"') }), ranged(replacement, { headers: headers('"b"') })];
      const site = await serve(t, inSequence(before, after));
      assert.equal((await metadataOf(site)).width, 50);
      assert.equal(site.origin.requests.length, 4);
    });
  }

  test("A file that is replaced by a longer or a shorter one is read again", async (t) => {
    for (const pixels of [3 * MB, 1_000]) {
      const site = await serve(t, inSequence(...[2 * MB, pixels].map((pixels) => ranged(tiffWithTrailingDirectory(pixels, pixels / 1_000)))));
      assert.equal((await metadataOf(site)).width, pixels / 1_000);
    }
  });

  test("A file that is replaced again and again is a 502 after one retry", async (t) => {
    let version = 0;
    const bytes = tiffWithTrailingDirectory(2 * MB);
    const site = await serve(t, (...args) => ranged(bytes, { headers: { ETag: `"${version++}"` } })(...args));
    assertProblem(await site.get(PATH), 502, "origin-unreachable");
    assert.equal(site.origin.requests.length, 4);
    const { reason, cause } = await site.logged({ event: "origin-failure" });
    assert.deepEqual([reason, cause], ["broken", "the file was replaced while it was read"]);
  });

  test("A further range is not requested if the file ends before it", async (t) => {
    const site = await serve(t, ranged(tiffWithTrailingDirectory(2 * MB).subarray(0, MB)));
    assert.match(await refusal(site), /ends inside its header/);
    assert.equal(site.origin.requests.length, 1);
  });

  test("An .svgz file is decoded without a Content-Encoding, and its size is that of the file", async (t) => {
    const noise = Array.from({ length: 40_000 }, (_, n) => Math.imul(n + 1, 0x9e3779b1).toString(36)).join("");
    const svg = (before = "") => gzipSync(`<!--${before}--><svg width="40" height="30"/>`);
    for (const [bytes, requests] of [[svg(), 1], [svg(noise), 2]]) {
      const site = await serve(t, ranged(bytes));
      const { width, format, fileSize, etag } = await metadataOf(site);
      assert.deepEqual([width, format, fileSize, etag], [40, "svg", bytes.length, etagOf(bytes)]);
      assert.equal(site.origin.requests.length, requests);
    }
    assert.match(await refusal(await serve(t, ranged(gzipSync(await jpeg())))), /format is not recognized/);
    assert.match(await refusal(await serve(t, ranged(svg().subarray(0, 30)))), /gzip/);
  });
});

suite("A server without usable ranges", () => {
  test("A file is read forward from a server that ignores ranges, and the connection is closed", async (t) => {
    const bytes = await jpeg({ width: 7, before: segments(70_000) });
    const etag = { ETag: '"x"' };
    const site = await serve(t, text(bytes, { headers: { "Content-Type": "image/any", ...etag } }));
    const metadata = await metadataOf(site);
    assert.deepEqual([metadata.width, metadata.fileSize, metadata.etag], [7, bytes.length, "x"]);
    assert.equal(site.origin.requests.length, 1);
    const endless = await serve(t, flood(GB, etag, await jpeg({ width: 9 })));
    assert.equal((await metadataOf(endless)).width, 9);
    await endless.origin.disconnected("/assets/image");
    assert.ok(endless.origin.requests[0].sent < GB / 16);
  });

  test("A compressed file is read forward, decoded, and has neither a size nor an entity tag", async (t) => {
    const svg = '<svg width="40" height="30"/>';
    for (const [encoding, compress] of [["gzip", gzipSync], ["br", brotliCompressSync]]) {
      const site = await serve(t, text(compress(svg), { headers: { "Content-Type": "image/svg+xml", "Content-Encoding": encoding, ETag: '"x"' } }));
      const { width, format, fileSize, etag } = await metadataOf(site);
      assert.deepEqual([width, format, fileSize, etag], [40, "svg", undefined, undefined]);
      assert.equal(site.origin.requests.length, 1);
    }
  });

  test("A file is read forward if a further range gets the whole file", async (t) => {
    const bytes = await jpeg({ width: 7, before: segments(200_000) });
    const site = await serve(t, inSequence(ranged(bytes), text(bytes)));
    const { width, fileSize } = await metadataOf(site);
    assert.deepEqual([width, fileSize, rangesOf(site).length], [7, bytes.length, 2]);
  });

  for (const [what, respond] of [
    ["no Content-Range", (bytes) => partial(bytes)],
    ["a malformed Content-Range", (bytes) => partial(bytes, "bytes 0/9")],
    ["a Content-Range in another unit", (bytes) => partial(bytes, `pages 0-${bytes.length - 1}/${bytes.length}`)],
    ["another range", (bytes) => partial(bytes.subarray(1), `bytes 1-${bytes.length - 1}/${bytes.length}`)],
    ["a range of a file of unknown length", (bytes) => partial(bytes, `bytes 0-${bytes.length - 1}/*`)],
    ["several ranges", (bytes) => partial(`--x\r\nContent-Range: bytes 0-1/9\r\n\r\n${bytes}\r\n--x--`, undefined, { "Content-Type": "multipart/byteranges; boundary=x" })],
    ["a range of compressed data", (bytes) => partial(gzipSync(bytes).subarray(0, 20), "bytes 0-19/300", { "Content-Encoding": "gzip" })],
    ["a range of data in an unknown encoding", (bytes) => partial(bytes, `bytes 0-${bytes.length - 1}/${bytes.length}`, { "Content-Encoding": "zstd" })],
    ["a shorter body than its Content-Range says", (bytes) => partial(bytes, `bytes 0-65535/100000`)],
    ["a 416", () => text("", { status: 416, headers: { "Content-Range": "bytes */300" } })],
  ]) {
    test(`A file is requested without a range after a response with ${what}`, async (t) => {
      const bytes = await jpeg({ width: 7 });
      const site = await serve(t, inSequence(respond(bytes), text(bytes)));
      const { width, fileSize } = await metadataOf(site);
      assert.deepEqual([width, fileSize], [7, bytes.length]);
      assert.deepEqual(rangesOf(site), [FIRST, undefined]);
    });
  }

  test("The connection of a response without a usable range is closed before the next request", async (t) => {
    const gate = new Gate();
    const site = await serve(t, inSequence(flood(GB, {}, "", 206), gated(gate, text(await jpeg()))));
    const read = metadataOf(site);
    await gate.arrived();
    await site.origin.disconnected("/assets/image");
    assert.ok(site.origin.requests[0].sent < GB / 16);
    gate.open();
    await read;
  });

  test("Gzip files beyond headerBytes are read only as far as there is memory for headerBytesMax of each", async (t) => {
    const bytes = gzipSync(randomBytes(1_500_000));
    const turnstile = new Turnstile();
    const rest = gated(turnstile, ranged(bytes));
    const site = await serve(t, (request, ...others) => (request.headers.range === "bytes=0-65535" ? ranged(bytes) : rest)(request, ...others), withSettings({ originTimeoutMs: 20_000 }));
    const reads = Promise.all(Array.from({ length: 12 }, (_, n) => site.get(`/metadata/${n}.gz`)));
    // The first parts of all are read.
    for (let n = 0; n < 12; n++) await site.origin.received(`/assets/${n}.gz`);
    await assertEightAtATime(site, turnstile, 12);
    for (const answer of await reads) assertProblem(answer, 415, "not-an-image");
  });

  test("A compressing server is asked for the whole file, which the runtime decodes", async (t) => {
    const svg = gzipSync('<svg width="40" height="30"/>');
    const site = await serve(t, ranged(svg, { headers: { "Content-Encoding": "gzip" } }));
    const { width, fileSize } = await metadataOf(site);
    assert.deepEqual([width, fileSize], [40, undefined]);
    assert.deepEqual(rangesOf(site), [FIRST, undefined]);
  });

  test("An empty file is a 415 that says so, with and without ranges", async (t) => {
    for (const responder of [ranged(Buffer.alloc(0)), text("")]) {
      assert.match(await refusal(await serve(t, responder)), /it is empty/);
    }
  });

  test("A JSON file is not the resizer's response", async (t) => {
    const body = '{"width":3,"height":2}';
    const headers = { "Content-Type": "application/json" };
    for (const responder of [ranged(Buffer.from(body), { headers }), text(body, { headers })]) {
      assert.match(await refusal(await serve(t, responder)), /format is not recognized/);
    }
  });

  test("Reads that turn out to need the whole file do not wait for each other's memory", async (t) => {
    const bytes = await jpeg({ width: 7, before: segments(1_200_000) });
    const gate = new Gate();
    const whole = gated(gate, text(bytes));
    const site = await serve(t, (request, ...rest) => (request.headers.range.startsWith("bytes=0-") ? ranged(bytes) : whole)(request, ...rest), withSettings({ headerBytes: MB, headerBytesMax: 2 * MB, originTimeoutMs: 5_000 }));
    // Their first parts take all memory for these.
    const reads = Promise.all(Array.from({ length: 8 }, (_, n) => site.get(`/metadata/${n}`)));
    await gate.arrived(8);
    gate.open();
    for (const answer of await reads) assert.equal(answer.json.metadata?.width, 7, answer.text);
  });
});

suite("Errors of a file that is read by ranges", () => {
  for (const [status, expected, code, requests] of [
    [404, 404, "not-found", 1],
    [410, 404, "not-found", 1],
    [403, 403, "forbidden-by-origin", 1],
    [500, 502, "origin-error", 1],
    [503, 503, "origin-overloaded", 2],
  ]) {
    test(`A ${status} in response to a range is a ${expected} ${code}`, async (t) => {
      const site = await serve(t, failure(status));
      assertProblem(await site.get(PATH), expected, code);
      assert.equal(site.origin.requests.length, requests);
    });
  }

  test("An error in response to a further range is that error", async (t) => {
    const site = await serve(t, inSequence(ranged(tiffWithTrailingDirectory(2 * MB)), failure(404)));
    assertProblem(await site.get(PATH), 404, "not-found");
  });

  const stalledPart = (_, response) => {
    response.writeHead(206, { "Content-Length": 1000, "Content-Range": "bytes 0-999/2000" });
    response.write("\xff");
  };
  for (const [what, responder] of [
    ["A server that does not respond", noResponse()],
    ["A part that stalls", stalledPart],
    ["A further range that does not come", inSequence(ranged(tiffWithTrailingDirectory(2 * MB)), noResponse())],
  ]) {
    test(`${what} is a 504 after originTimeoutMs`, async (t) => {
      const site = await serve(t, responder, withSettings({ originTimeoutMs: 300 }));
      assertProblem(await site.get(PATH), 504, "origin-timeout");
      await site.origin.disconnected("/assets/image");
    });
  }

  test("A connection that breaks before or inside a part is a 502 after one retry", async (t) => {
    const cut = (_, response) => {
      response.writeHead(206, { "Content-Length": 1000, "Content-Range": "bytes 0-999/2000" });
      response.write("\xff", () => response.socket.end());
    };
    for (const responder of [reset(), cut]) {
      const site = await serve(t, responder);
      assertProblem(await site.get(PATH), 502, "origin-unreachable");
      assert.equal(site.origin.requests.length, 2);
    }
  });

  test("A further range beyond the subrequest limit is a 503 that is not retried", async (t) => {
    const prelude = `
      const { fetch } = globalThis;
      let count = 0;
      globalThis.fetch = (...args) => (++count > 1 ? Promise.reject(new Error("Too many subrequests by single Worker invocation.")) : fetch(...args));`;
    const site = await serve(t, ranged(tiffWithTrailingDirectory(2 * MB)), { ...HTTP, prelude });
    assertProblem(await site.get(PATH), 503, "subrequest-limit");
    assert.equal(site.origin.requests.length, 1);
  });

  test("The entity tag of an image that comes back from the resizer is not published", async (t) => {
    const site = await serve(t, ranged(await jpeg()), withSettings({ probe: "auto" }));
    assert.equal((await metadataOf(site)).etag, undefined);
    assert.equal(site.origin.requests[0].headers.range, undefined);
  });
});

test("Memory stays below 24 MB with 60 concurrent files whose headers are 1 MB long", async (t) => {
  const bytes = await jpeg({ width: 7, before: segments(1_000_000) });
  const gate = new Gate();
  const site = await serve(t, gated(gate, ranged(bytes)), { ...withSettings({ originTimeoutMs: 25_000 }), kv: false, wasmStats: true });
  const reads = Promise.all(Array.from({ length: 60 }, (_, n) => site.get(`/metadata/${n}`)));
  await gate.arrived(60);
  gate.open();
  for (const answer of await reads) assert.equal(answer.json.metadata?.width, 7, answer.text);
  const { bytes: used } = await site.wasmStats();
  t.diagnostic(`${(used / MB).toFixed(1)} MB`);
  assert.ok(used < 24 * MB, `${used} bytes`);
});

suite("Redirects and credentials of a file that is read by ranges", () => {
  const SECRET = { env: { FILE_HEADERS: '{"X-Token":"secret"}' }, ...withSettings({ headersSecret: "FILE_HEADERS" }) };

  test("A redirect within the origin is followed with the same range and headers, and further ranges go to its target", async (t) => {
    const site = await deploy(t, SECRET);
    site.origin.on("/assets/image", redirect("/new/image"));
    site.origin.on("/new/image", ranged(tiffWithTrailingDirectory(2 * MB)));
    assert.equal((await metadataOf(site)).width, 40);
    assert.deepEqual(
      site.origin.requests.map(({ url, headers }) => [url, headers["x-token"], headers.range !== undefined]),
      [
        ["https://images.test/assets/image", "secret", true],
        ["https://images.test/new/image", "secret", true],
        ["https://images.test/new/image", "secret", true],
      ],
    );
  });

  test("The headers of a secret are also sent with the request without a range", async (t) => {
    const bytes = await jpeg();
    const site = await serve(t, inSequence(partial(bytes), text(bytes)), SECRET);
    assertFound(await site.get(PATH), "origin");
    assert.deepEqual(site.origin.requests.map(({ headers }) => headers["x-token"]), ["secret", "secret"]);
  });

  test("A redirect to another host, or a fourth one, is refused", async (t) => {
    const site = await serve(t, redirect("https://evil.test/image"), SECRET);
    assertProblem(await site.get(PATH), 502, "redirect-refused");
    assert.deepEqual(site.origin.requestsToHost("evil.test"), []);
    site.origin.clearRequests();
    site.origin.on(redirect("/assets/image"));
    assertProblem(await site.get(PATH), 502, "redirect-refused");
    assert.equal(site.origin.requests.length, 4);
  });

  test("A signed request is sent with a range that is not part of the signature, and its redirects are refused", async (t) => {
    const env = { S3: '{"accessKeyId":"AKIDEXAMPLE","secretAccessKey":"x"}' };
    const site = await serve(t, inSequence(ranged(await jpeg()), redirect("/assets/other")), { env, ...withSettings({ aws: { region: "auto", secret: "S3" } }) });
    assertFound(await site.get(PATH), "origin");
    const [{ headers }] = site.origin.requests;
    assert.match(headers.authorization, /SignedHeaders=host;x-amz-content-sha256;x-amz-date,/);
    assert.equal(headers.range, "bytes=0-65535");
    assertProblem(await site.get("/metadata/other"), 502, "redirect-refused");
    assert.equal(site.origin.requests.length, 2);
  });
});

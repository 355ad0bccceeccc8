import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test, { after, suite } from "node:test";
import { bytesOf, corpus, differingFields, rawPath, sizeOf, withoutCorpus } from "./harness/corpus.mjs";
import { assertFound, recordOf } from "./harness/expect.mjs";
import { Origin, text } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { deploy } from "./harness/site.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

/** The number of images that sharp, which emulates the resizer, processes at a time. */
const CONCURRENCY = 4;

/** The emulation re-encodes each image, on a machine that other tests share. */
const config = { errorTtl: 0, originTimeoutMs: 25_000 };

const origin = new Origin();
after(() => origin.close());
const originUrl = `http://${await origin.listen()}`;
const fileOf = ({ path }) => path.replace(/^\/(assets\/)?/, "");
const serveCorpus = (request, response, record) => {
  const bytes = bytesOf(decodeURIComponent(fileOf(record)));
  return text(bytes, { headers: { "Content-Type": "application/octet-stream" } })(request, response, record);
};
origin.on(serveCorpus);
const records = {
  "metadata:moved.jpg": recordOf({ width: 77, origin: "00000000" }),
  "metadata:kept.jpg": recordOf({ width: 77, origin: createHash("sha256").update(`url:${originUrl}`).digest("hex").slice(0, 8) }),
};
const site = await wranglerDev({ after }, { metadata: { originUrl, ...config }, records });

suite("An HTTP origin with format=json", () => {
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`format=json gives the displayed size of a JPEG of 400 by 200 pixels with orientation ${orientation}`, async () => {
      const file = await jpeg({ width: 400, height: 200, orientation });
      origin.on(`/rotated-${orientation}.jpg`, text(file, { headers: { "Content-Type": "image/jpeg" } }));
      const answer = await site.get(`/metadata/rotated-${orientation}.jpg`);
      assertFound(answer, "origin");
      const { width, height, confidence, source } = answer.json.metadata;
      const displayed = orientation < 5 ? [400, 200] : [200, 400];
      assert.deepEqual([width, height, confidence, source], [...displayed, "high", "format-json"]);
    });
  }

  test("A KV record of another origin is not served", async () => {
    origin.on("/moved.jpg", text(await jpeg({ width: 40 }), { headers: { "Content-Type": "image/jpeg" } }));
    const answer = await site.get("/metadata/moved.jpg");
    assertFound(answer, "origin");
    assert.equal(answer.json.metadata.width, 40);
    assertFound(await site.get("/metadata/kept.jpg"), "kv");
  });

  test("format=json gives the sizes and formats that the image headers and other readers give for the corpus", { skip: withoutCorpus }, async (t) => {
    const byHeader = await deploy(t, { kv: false, config });
    byHeader.origin.on(serveCorpus);
    const wrong = [];
    const sources = {};
    const check = async ({ file, expect, refused = [], ...others }) => {
      const path = `/metadata/${rawPath(file)}`;
      const [resized, header] = await Promise.all([site.get(path), byHeader.get(path)]);
      const fields = differingFields(file);
      if (resized.status !== 200) {
        const excused = resized.status === 415 && (expect || refused.length > 1 || fields.includes("refused"));
        if (!excused) wrong.push(`${file}: ${resized.status} ${resized.text}`);
        return;
      }
      const { metadata } = resized.json;
      sources[metadata.source] = (sources[metadata.source] ?? 0) + 1;
      if (expect) wrong.push(`${file}: ${JSON.stringify(metadata)} instead of a 415`);
      if (metadata.confidence !== "high" && !fields.includes("confidence")) wrong.push(`${file}: confidence ${metadata.confidence}`);
      const size = sizeOf(metadata);
      if (size !== sizeOf(others) && !fields.includes("width")) wrong.push(`${file}: ${size} instead of ${sizeOf(others)}`);
      // The emulation returns no format for TIFF.
      if (metadata.format !== (others.format === "tiff" && metadata.source === "format-json" ? undefined : others.format)) {
        wrong.push(`${file}: ${metadata.format} instead of ${others.format}`);
      }
      // An image that the emulation passes on has no length.
      if (metadata.source === "format-json" && metadata.fileSize !== others.fileSize) wrong.push(`${file}: file size ${metadata.fileSize}`);
      if (header.status === 200 && size !== sizeOf(header.json.metadata)) {
        wrong.push(`${file}: ${size}, and ${sizeOf(header.json.metadata)} by its header`);
      }
    };
    // JSON with a width and a height is a valid response of a resizer.
    const queue = corpus.filter(({ file }) => file !== "invalid/answer.json");
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await check(next);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    t.diagnostic(JSON.stringify(sources));
    assert.deepEqual(wrong, []);
    assert.ok(sources["format-json"] > 500, "most images are read through the resizer");
  });
});

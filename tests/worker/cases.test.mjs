import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test, { suite } from "node:test";
import { assertFound, assertProblem } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { text } from "./harness/origin.mjs";
import { ORIGIN, deploy } from "./harness/site.mjs";

const folder = path.join(root, "tests/cases");
const formats = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const cases = formats.flatMap(({ name: format }) =>
  JSON.parse(readFileSync(path.join(folder, format, "cases.json"))).map((entry) => ({
    ...entry,
    bytes: readFileSync(path.join(folder, format, entry.file)),
  })),
);

/** The two sources from which the header of an image is read. */
const sources = {
  "from a bucket": {
    options: { bucket: true, metadata: { originBucket: "IMAGES" } },
    put: (site, { file, bytes }) => site.bucket.put(file, bytes),
  },
  "over HTTP": {
    options: { metadata: { originUrl: ORIGIN } },
    put: (site, { file, bytes }) => site.origin.on(`/assets/${file}`, text(bytes, { headers: { "Content-Type": "image/any" } })),
  },
};

suite("Images whose size some readers get wrong", () => {
  for (const [source, { options, put }] of Object.entries(sources)) {
    test(`Images whose size some readers get wrong give the right metadata or a reason, ${source}`, async (t) => {
      const site = await deploy(t, options);
      assert.ok(cases.length > 0);
      for (const image of cases) {
        put(site, image);
        const answer = await site.get(`/metadata/${image.file}`);
        await t.test(image.file, () => {
          if (image.refused) {
            assert.ok(assertProblem(answer, 415, "not-an-image").detail.includes(image.refused));
            return;
          }
          assertFound(answer, "origin");
          for (const [field, value] of Object.entries(image.gives)) assert.deepEqual(answer.json.metadata[field], value, field);
        });
      }
    });
  }
});

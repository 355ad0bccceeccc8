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
  JSON.parse(readFileSync(path.join(folder, format, "cases.json"))).map((told) => ({
    ...told,
    bytes: readFileSync(path.join(folder, format, told.file)),
  })),
);

/** The two roads on which the header of an image is read. */
const roads = {
  "from a bucket": {
    options: { bucket: true, metadata: { originBucket: "IMAGES" } },
    put: (site, { file, bytes }) => site.bucket.put(file, bytes),
  },
  "over HTTP": {
    options: { metadata: { originUrl: ORIGIN } },
    put: (site, { file, bytes }) => site.origin.on(`/assets/${file}`, text(bytes, { headers: { "Content-Type": "image/any" } })),
  },
};

suite("images of which some readers tell a wrong size", () => {
  for (const [road, { options, put }] of Object.entries(roads)) {
    test(`give what is right, or a reason why not: ${road}`, async (t) => {
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

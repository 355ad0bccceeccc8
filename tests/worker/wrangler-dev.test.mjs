import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import test, { after, suite } from "node:test";
import { imageSizeFromFile } from "image-size/fromFile";
import { assertFound } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { file, Origin } from "./harness/origin.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const TYPES = { ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif", ".gif": "image/gif" };
const FOLDER = path.join(root, "samples");
const samples = readdirSync(FOLDER, { recursive: true })
  .filter((name) => path.extname(name) in TYPES)
  .map((name) => ({ name: name.split(path.sep).join("/"), type: TYPES[path.extname(name)] }));

const origin = new Origin();
after(() => origin.close());
const originUrl = `http://${await origin.listen()}`;
for (const { name, type } of samples) origin.on(encodeURI(`/${name}`), file(path.join(FOLDER, name), type));
const site = await wranglerDev({ after }, { metadata: { originUrl } });

suite("through wrangler dev and its image emulation", () => {
  test("there is a sample of every common format", () => {
    assert.deepEqual(new Set(samples.map(({ type }) => type)), new Set(Object.values(TYPES)));
  });

  for (const { name, type } of samples) {
    test(`${name} has the dimensions that another decoder finds`, async () => {
      const expected = await imageSizeFromFile(path.join(FOLDER, name));
      const answer = await site.get(`/metadata/${encodeURI(name)}`);
      assertFound(answer, "origin");
      assert.equal(answer.json.path, name);
      const { width, height, mimeType, fileSize } = answer.json.metadata;
      assert.deepEqual(
        { width, height, mimeType, fileSize },
        { width: expected.width, height: expected.height, mimeType: type, fileSize: statSync(path.join(FOLDER, name)).size },
      );
      assertFound(await site.get(`/metadata/${encodeURI(name)}`), "memory");
    });
  }
});

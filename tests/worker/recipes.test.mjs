import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "smol-toml";
import { assertFound } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { file } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { deploy } from "./harness/site.mjs";

const [, section] = readFileSync(path.join(root, "docs/configuration.md"), "utf8").split(/^### Recipes$/m);
const recipes = [...section.split(/^## /m)[0].matchAll(/^```toml\n(.*?)^```$/gms)].map(([, toml]) => parse(toml).vars.metadata);

const AWS = '{"accessKeyId":"AKIA","secretAccessKey":"secret"}';
const BASIC = '{"Authorization":"Basic dXNlcjpwYXNzd29yZA=="}';
const signed = (region) => new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIA/\\d{8}/${region}/s3/aws4_request, `);

/** The requests that the Worker sends for the paths of each recipe of docs/configuration.md, in their order: URL and authorization. */
const expected = [
  { "a b.jpg": ["https://my-images.s3.eu-west-1.amazonaws.com/a%20b.jpg", signed("eu-west-1")] },
  { "a.jpg": ["https://0123456789abcdef.r2.cloudflarestorage.com/my-images/a.jpg", signed("auto")] },
  { "products/1.jpg": ["https://products.my.cdn/1.jpg"], "blog/2024/a.png": ["https://blog.another.cdn/uploads/2024/a.png"] },
  { "a.jpg": ["https://images.my.site/a.jpg"], "drafts/a.jpg": ["https://cms.my.site/media/a.jpg", /^Basic dXNlcjpwYXNzd29yZA==$/] },
  { "moved.jpg": [], "old.jpg": ["https://legacy.my.site/images/old.jpg"] },
  { "a.jpg?v=7": ["https://images.my.site/a.jpg?v=7"] },
];

suite("The recipes of the configuration", () => {
  test("There is an expectation for each recipe", () => {
    assert.equal(recipes.length, expected.length);
  });

  for (const [n, metadata] of recipes.entries()) {
    test(`The recipe with ${JSON.stringify(metadata)} works as it is`, async (t) => {
      const site = await deploy(t, { metadata, bucket: metadata.originBucket !== undefined, env: { S3_CREDENTIALS: AWS, CMS_HEADERS: BASIC } });
      site.bucket?.put("moved.jpg", await jpeg());
      site.origin.on(file(path.join(root, "samples/landscape.jpg"), "image/jpeg"));
      for (const [image, [url, authorization]] of Object.entries(expected[n])) {
        site.origin.clearRequests();
        assertFound(await site.get(`/metadata/${encodeURI(image)}`), "origin");
        const urls = site.origin.requests.map((request) => request.url);
        assert.deepEqual(urls, url === undefined ? [] : [url]);
        const sent = site.origin.requests[0]?.headers.authorization;
        if (authorization === undefined) assert.equal(sent, undefined);
        else assert.match(sent, authorization);
      }
    });
  }
});

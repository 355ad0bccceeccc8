import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { assertFound, assertProblem, assertStale, bodyOf, cropOf, tally } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, image } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const PATH = "/metadata/photos/cat.jpg";
const ORIGIN_PATH = "/assets/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const LANDSCAPE = [4000, 3000];

suite("The crop", async () => {
  const site = await deploy({ after });
  site.origin.on("/assets/portrait.jpg", image({ width: 3000, height: 4000 }));
  site.origin.on("/assets/dot.gif", image({ width: 1, height: 1, format: "image/gif" }));

  for (const [what, query, crop, size] of [
    ["of the specification's example is at the upper edge", "aspect=16:9&focal=0.5,0.3", [4000, 2250, 0, 0]],
    ["follows the focal point", "aspect=16:9&focal=0.5,0.6", [4000, 2250, 0, 675]],
    ["stays inside the image when the focal point is in a corner", "aspect=16:9&focal=1,1", [4000, 2250, 0, 750]],
    ["is centred without a focal point", "aspect=1:1", [3000, 3000, 500, 0]],
    ["accepts a ratio with a hyphen", "aspect=16-9&focal=0.5,0.6", [4000, 2250, 0, 675]],
    ["accepts percent-encoded parameters", "aspect=16%3A9&focal=0.5%2C0.6", [4000, 2250, 0, 675]],
    ["accepts the short parameter names", "r=16:9&p=0.5,0.6", [4000, 2250, 0, 675]],
    ["accepts parameters in any order", "p=0.5,0.6&r=16:9", [4000, 2250, 0, 675]],
    ["accepts a ratio with a fraction", "aspect=1.91:1", [4000, 2094, 0, 453]],
    ["is the whole image when the ratio is the image's own", "aspect=4:3", [4000, 3000, 0, 0]],
    ["is the whole image when only a focal point is given", "focal=0.2,0.2", [4000, 3000, 0, 0]],
    ["is displayed at most at the requested width", "aspect=16:9&width=800", [4000, 2250, 0, 375], [800, 450]],
    ["is never enlarged", "aspect=16:9&width=12000", [4000, 2250, 0, 375]],
    ["is displayed at the width of a phone", "aspect=16:9&device=mobile", [4000, 2250, 0, 375], [600, 338]],
    ["is displayed at the width of a tablet", "aspect=16:9&device=tablet", [4000, 2250, 0, 375], [1200, 675]],
    ["is displayed at the width of a desktop", "aspect=16:9&device=desktop", [4000, 2250, 0, 375], [1800, 1013]],
    ["is scaled down to the width when no ratio is given", "width=400", [4000, 3000, 0, 0], [400, 300]],
    ["has Twitter's ratio", "platform=twitter", [4000, 2250, 0, 375]],
    ["has Facebook's ratio", "platform=facebook", [4000, 2094, 0, 453]],
    ["has Instagram's ratio", "platform=instagram", [3000, 3000, 500, 0]],
    ["has the ratio of a portrait on Instagram", "platform=instagram&content=portrait", [2400, 3000, 800, 0]],
    ["has the given ratio even with a platform", "platform=instagram&aspect=16:9", [4000, 2250, 0, 375]],
    ["is at least one pixel high", "aspect=1000000:1", [4000, 1, 0, 1500]],
    ["is at least one pixel wide", "aspect=1:100000", [1, 3000, 2000, 0]],
    ["is the same with allowExpansion=false", "aspect=1:1&allowExpansion=false", [3000, 3000, 500, 0]],
    ["ignores unknown parameters", "aspect=1:1&utm_source=x&v=2&Aspect=2:1", [3000, 3000, 500, 0]],
  ]) {
    test(`The crop ${what}`, async () => {
      const answer = await site.get(`${PATH}?${query}`);
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.json, { ...bodyOf("photos/cat.jpg"), ...cropOf(LANDSCAPE, crop, size) });
    });
  }

  test("The crop of a portrait at 1:1 is vertically centred", async () => {
    const { json } = await site.get("/metadata/portrait.jpg?aspect=1:1");
    assert.deepEqual(json.aspectCrop, { width: 3000, height: 3000, hoffset: 0, voffset: 500 });
  });

  test("The crop of a single pixel is that pixel", async () => {
    for (const aspect of ["1:100000", "100000:1", "16:9"]) {
      const { json } = await site.get(`/metadata/dot.gif?aspect=${aspect}&focal=1,1`);
      assert.deepEqual(json.aspectCrop, { width: 1, height: 1, hoffset: 0, voffset: 0 });
    }
  });

  test("With allowExpansion the whole image is padded to the ratio", async () => {
    const { json } = await site.get(`${PATH}?aspect=16:9&allowExpansion=true&focal=0.1,0.1`);
    assert.deepEqual(json, {
      ...bodyOf("photos/cat.jpg"),
      dimensions: { width: 5333, height: 3000 },
      aspectCrop: { width: 4000, height: 3000, hoffset: 0, voffset: 0 },
      fit: "pad",
      transform: "width=5333,height=3000,fit=pad",
    });
  });

  test("The JSON of a crop is pinned byte for byte", async () => {
    const { text } = await site.get(`${PATH}?aspect=16:9&focal=0.5,0.6&width=800`);
    assert.equal(
      text,
      '{"path":"photos/cat.jpg","metadata":{"width":4000,"height":3000,"format":"jpeg","mimeType":"image/jpeg","fileSize":123456,' +
        '"confidence":"high","source":"format-json"},"dimensions":{"width":800,"height":450},' +
        '"aspectCrop":{"width":4000,"height":2250,"hoffset":0,"voffset":675},"transform":"trim=675;0;75;0,width=800,height=450,fit=cover"}',
    );
  });

  test("The response has no crop without crop parameters", async () => {
    for (const query of ["", "?", "?v=1", "?cursor=x"]) assert.deepEqual((await site.get(PATH + query)).json, bodyOf("photos/cat.jpg"));
  });
});

suite("A response with a crop", () => {
  test("Each crop has its own ETag, the same from every layer", async (t) => {
    const site = await deploy(t);
    const crop = `${PATH}?aspect=16:9`;
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const herd = await site.herd(2, crop);
    gate.open();
    const answers = [...(await herd.answers), await site.get(crop)];
    await site.kv.written(KEY);
    await site.restart();
    answers.push(await site.get(crop));

    assert.deepEqual(
      tally(answers, (a) => a.layer),
      { origin: 1, inflight: 1, memory: 1, kv: 1 },
    );
    assert.equal(new Set(answers.map((a) => a.etag)).size, 1);
    assert.equal(new Set(answers.map((a) => a.text)).size, 1);
    assert.match(answers[0].etag, /^"[^"]+"$/);
    const others = await Promise.all([PATH, `${PATH}?aspect=1:1`, `${PATH}?aspect=16:9&focal=0,0`].map((path) => site.get(path)));
    assert.equal(new Set([answers[0], ...others].map((a) => a.etag)).size, 4);
  });

  test("Equivalent crop parameters give the same ETag", async (t) => {
    const site = await deploy(t);
    const queries = ["aspect=16:9", "r=16-9", "r=32:18&v=3", "p=0.5,0.5&r=16:9", "platform=twitter"];
    const answers = await Promise.all(queries.map((query) => site.get(`${PATH}?${query}`)));
    assert.equal(new Set(answers.map((a) => a.etag)).size, 1);
  });

  test("A crop is revalidated with 304 only by its own ETag", async (t) => {
    const site = await deploy(t);
    const crop = `${PATH}?aspect=16:9`;
    const { etag } = await site.get(crop);
    const plain = await site.get(PATH);
    const unchanged = await site.get(crop, { "If-None-Match": etag });
    assert.deepEqual([unchanged.status, unchanged.text, unchanged.etag], [304, "", etag]);
    assert.equal((await site.get(crop, { "If-None-Match": plain.etag })).status, 200);
    assert.equal((await site.get(PATH, { "If-None-Match": etag })).status, 200);
  });

  test("A response with a crop has the same headers as one without", async (t) => {
    const site = await deploy(t, { clock: true });
    await site.clock.freeze();
    await site.get(PATH);
    const [plain, crop] = [await site.get(PATH), await site.get(`${PATH}?aspect=16:9`)];
    const headers = ({ headers: { etag, date, "content-length": length, ...rest } }) => rest;
    assertFound(crop, "memory");
    assert.deepEqual(headers(crop), headers(plain));
    assert.equal(Number(crop.headers["content-length"]), crop.bytes.length);
  });

  test("HEAD with crop parameters has no body, and invalid ones are a 400", async (t) => {
    const site = await deploy(t);
    const crop = `${PATH}?aspect=16:9`;
    const get = await site.get(crop);
    const head = await site.request("HEAD", crop);
    assert.deepEqual([head.status, head.text, head.etag], [200, "", get.etag]);
    assert.equal(head.headers["content-length"], get.headers["content-length"]);
    const refused = await site.request("HEAD", `${PATH}?aspect=x`);
    assert.deepEqual([refused.status, refused.text], [400, ""]);
  });

  test("A crop of stale metadata is stale", async (t) => {
    const site = await deploy(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 1000, memoryCacheTtl: 86_400 } });
    await site.clock.freeze();
    await site.get(PATH);
    await site.clock.advance(1500);
    const answer = await site.get(`${PATH}?aspect=16:9`);
    assertStale(answer, { age: 1500 });
    assert.deepEqual(answer.json.aspectCrop, { width: 4000, height: 2250, hoffset: 0, voffset: 375 });
  });
});

suite("Crops are not cached", () => {
  test("One fetch and one record serve any number of crops", async (t) => {
    const site = await deploy(t);
    const gate = new Gate();
    site.origin.on(ORIGIN_PATH, gated(gate));
    const queries = ["", "?aspect=16:9", "?aspect=1:1&focal=0,0", "?platform=facebook", "?width=100", "?aspect=1:2&allowExpansion=true"];
    const answers = queries.map((query) => site.get(PATH + query));
    await site.settled();
    await gate.arrived();
    gate.open();
    assert.deepEqual(
      tally(await Promise.all(answers), (a) => `${a.status} ${a.layer}`),
      { "200 origin": 1, "200 inflight": 5 },
    );
    for (const query of queries) assertFound(await site.get(PATH + query), "memory");
    await site.kv.written(KEY);
    assert.deepEqual([...site.kv.records.keys()], [KEY]);
    assert.deepEqual(
      site.origin.requests.map((r) => r.url),
      ["https://images.test/assets/photos/cat.jpg"],
    );
    assert.deepEqual([site.kv.reads().length, site.kv.writes().length], [1, 1]);
  });

  test("An error is the same with and without crop parameters", async (t) => {
    const site = await deploy(t);
    site.origin.on(ORIGIN_PATH, failure(404));
    assertProblem(await site.get(`${PATH}?aspect=16:9`), 404, "not-found", { instance: PATH });
    assertProblem(await site.get(PATH), 404, "not-found");
    assert.equal(site.origin.requests.length, 1);
  });
});

suite("Invalid crop parameters", async () => {
  const site = await deploy({ after });
  const cases = {
    aspect: [
      "",
      "16",
      "16:",
      ":9",
      "0:9",
      "16:0",
      "-16:9",
      "16:9:1",
      "16/9",
      "a:b",
      "1e1:9",
      "NaN:1",
      "1000001:1",
      "%FF:9",
      "16:9&aspect=1:1",
    ],
    "aspect' (or 'r": ["16:9&r=16:9"],
    focal: ["", "0.5", "0.5,", ",0.5", "0.5,1.1", "-0.1,0.5", "0.5;0.5", "a,b", "0.5,0.5,0.5", "NaN,0"],
    width: ["", "0", "12001", "-1", "1.5", "1e3", "auto", "99999999999999999999"],
    device: ["", "watch", "Mobile"],
    platform: ["", "myspace", "Twitter"],
    content: ["portrait", "landscape", ""],
    allowExpansion: ["", "1", "yes", "TRUE"],
  };
  for (const [name, values] of Object.entries(cases)) {
    const parameter = name.split("'")[0];
    for (const value of values) {
      test(`${parameter}=${value} is a 400 that names the parameter`, async () => {
        const problem = assertProblem(await site.get(`${PATH}?${parameter}=${value}`), 400, "invalid-parameter", { instance: PATH });
        assert.ok(problem.detail.includes(`'${name}'`), problem.detail);
      });
    }
  }

  for (const [short, long] of [
    ["r", "aspect"],
    ["p", "focal"],
  ]) {
    test(`An invalid ${short} is a 400 that also gives its long name`, async () => {
      const { detail } = assertProblem(await site.get(`${PATH}?${short}=x`), 400, "invalid-parameter");
      assert.match(detail, new RegExp(`'${long}'`));
    });
  }

  test("width together with device is a 400 that names both", async () => {
    const { detail } = assertProblem(await site.get(`${PATH}?width=100&device=mobile`), 400, "invalid-parameter");
    assert.match(detail, /'width'.*'device'/);
  });

  test("content with another platform than Instagram is a 400", async () => {
    assertProblem(await site.get(`${PATH}?content=portrait&platform=twitter`), 400, "invalid-parameter");
  });

  test("Invalid crop parameters cost neither a KV operation nor a fetch", () => {
    assert.deepEqual([site.kv.operations, site.origin.requests], [[], []]);
  });

  test("Invalid crop parameters are a 400 even if the image is in memory", async () => {
    await site.get(PATH);
    assertProblem(await site.get(`${PATH}?aspect=x`), 400, "invalid-parameter");
  });
});

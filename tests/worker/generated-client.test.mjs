import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import test, { after, suite } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { cropOf } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { failure } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const ADMIN_TOKEN = "correct horse battery staple";
const outDir = path.join(root, "target/client");

suite("A client generated from docs/openapi.yaml", async () => {
  const client = await compiled();
  const site = await deploy({ after }, { env: { ADMIN_TOKEN }, config: { query: ["v"] } });
  site.origin.on("/assets/gallery/none.jpg", failure(404));

  test("A generated client gets an image in a folder", async () => {
    assert.deepEqual(await client.image(site.url, "gallery/Größe 1.jpg"), {
      path: "gallery/Größe 1.jpg",
      width: 4000,
      height: 3000,
      format: "jpeg",
    });
    assert.deepEqual(
      site.origin.requests.map((request) => request.path),
      ["/assets/gallery/Gr%C3%B6%C3%9Fe%201.jpg"],
    );
  });

  test("A generated client gets a crop", async () => {
    const { dimensions, aspectCrop, transform } = cropOf([4000, 3000], [4000, 2250, 0, 0], [800, 450]);
    assert.deepEqual(await client.crop(site.url, "gallery/cat.jpg", "16:9"), { dimensions, crop: aspectCrop, transform });
  });

  test("A generated client distinguishes the successes and failures of a batch by their status", async () => {
    const { transform } = cropOf([4000, 3000], [3000, 3000, 500, 0]);
    assert.deepEqual(await client.batch(site.url, ["gallery/cat.jpg", "gallery/none.jpg", "gallery%2Fdog.jpg", "../cat.jpg"]), [
      { path: "gallery/cat.jpg", width: 4000, transform },
      { path: "gallery/none.jpg", status: 404, code: "not-found" },
      { path: "gallery/dog.jpg", width: 4000, transform },
      { path: "../cat.jpg", status: 400, code: "invalid-path" },
    ]);
    assert.deepEqual(await client.batch(site.url, []), { status: 400, code: "invalid-batch", instance: "/metadata" });
    assert.deepEqual(await client.withUnknownParameter(site.url), { status: 400, code: "invalid-parameter", instance: "/metadata" });
  });

  test("A generated client gets a version of an image, and the origins", async () => {
    const [path, query] = ["gallery/cat.jpg", "v=3"];
    assert.deepEqual(await client.version(site.url, `${path}?${query}`), [{ status: 200, path, query }]);
    assert.deepEqual(await client.version(site.url, `gallery/none.jpg?${query}`), [{ status: 404, path: "gallery/none.jpg", query }]);
    assert.deepEqual(await client.origins(site.url), [{ kind: "url", prefix: "" }]);
  });

  test("A generated client gets problems", async () => {
    for (const [name, status, code, encoded] of [
      ["gallery/none.jpg", 404, "not-found", "gallery%2Fnone.jpg"],
      ["gallery/../cat.jpg", 400, "invalid-path", "gallery%2F..%2Fcat.jpg"],
    ]) {
      assert.deepEqual(await client.image(site.url, name), { status, code, instance: `/metadata/${encoded}` });
    }
  });

  test("A generated client purges an image and a folder", async () => {
    await site.kv.allWritten(4);
    const instance = "/metadata/gallery%2Fcat.jpg";
    assert.deepEqual(await client.purge(site.url, "gallery/cat.jpg", "wrong"), { status: 403, code: "forbidden", instance });
    // The image and its version.
    assert.equal(await client.purge(site.url, "gallery/cat.jpg", ADMIN_TOKEN), 2);
    assert.equal(await client.purge(site.url, "gallery/*", ADMIN_TOKEN), 2);
    assert.deepEqual([...site.kv.records.keys()], []);
  });
});

/** The functions of tests/client/client.ts, compiled with the types generated from the OpenAPI description. */
async function compiled() {
  rmSync(outDir, { recursive: true, force: true });
  await run("openapi-typescript", ["docs/openapi.yaml", "--output", path.join(outDir, "schema.d.ts")]);
  await run("tsc", ["--project", "tests/client"]);
  return import(pathToFileURL(path.join(outDir, "client.js")));
}

async function run(command, args) {
  try {
    await promisify(execFile)(process.execPath, [path.join(root, "node_modules/.bin", command), ...args], { cwd: root });
  } catch ({ message, stdout }) {
    throw new Error(`${message}\n${stdout}`);
  }
}

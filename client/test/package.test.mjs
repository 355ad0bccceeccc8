import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { after, before, suite } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../../tests/worker/harness/modules.mjs";

/** In bytes, after gzip. */
const BUDGET = 3_072;

const exec = promisify(execFile);

suite("The npm package of the client", () => {
  let folder;
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "client-"));
    await exec("npm", ["pack", path.join(root, "client"), "--silent", "--pack-destination", folder]);
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "page", private: true, type: "module" }));
    const { version } = JSON.parse(readFileSync(path.join(root, "client/package.json")));
    await exec("npm", ["install", "--offline", "--no-audit", "--no-fund", `./optimized-metadata-${version}.tgz`], { cwd: folder });
  });
  after(() => rmSync(folder, { recursive: true }));

  test("It has the build, its types, a README and a license, and no dependencies", async () => {
    const { stdout } = await exec("npm", ["pack", path.join(root, "client"), "--dry-run", "--json"]);
    const files = JSON.parse(stdout)[0].files.map((file) => file.path);
    for (const file of ["README.md", "dist/index.js", "dist/index.d.ts", "dist/LICENSE", "package.json"]) assert.ok(files.includes(file), file);
    assert.deepEqual(files.filter((file) => !/^(README\.md|package\.json|dist\/(LICENSE|\w+\.(js|d\.ts)))$/.test(file)), []);
    const { dependencies } = JSON.parse(readFileSync(path.join(folder, "node_modules/optimized-metadata/package.json")));
    assert.equal(dependencies, undefined);
  });

  test("It can be imported after it is installed", async () => {
    writeFileSync(
      path.join(folder, "page.js"),
      `import * as all from "optimized-metadata";
       const { createClient, imgAttributes } = all;
       const fetch = async (url) => Response.json({ path: "a.jpg", metadata: { width: 4, height: 3, url } });
       console.log(JSON.stringify([Object.keys(all).sort(), imgAttributes(await createClient({ baseUrl: "https://x.test" }, { fetch }).get("a.jpg"))]));`,
    );
    const { stdout } = await exec(process.execPath, ["page.js"], { cwd: folder });
    assert.deepEqual(JSON.parse(stdout), [
      ["MetadataError", "createClient", "htmlOf", "imgAttributes", "imgProps"],
      { src: "/a.jpg", width: 4, height: 3 },
    ]);
  });

  for (const [module, moduleResolution] of [
    ["NodeNext", "NodeNext"],
    ["ESNext", "Bundler"],
  ]) {
    test(`Its types are found with the module resolution ${moduleResolution}, and need only those of JavaScript and AbortSignal`, async () => {
      writeFileSync(path.join(folder, "globals.d.ts"), "interface AbortSignal { readonly aborted: boolean }\n");
      writeFileSync(
        path.join(folder, "page.ts"),
        `import { createClient, imgAttributes, type ImageAnswer } from "optimized-metadata";
         export const answer: Promise<ImageAnswer> = createClient({ baseUrl: "" }).get("a.jpg");
         export const width: number = imgAttributes(await answer).width;
         // @ts-expect-error It is a number.
         export const height: string = imgAttributes(await answer).height;`,
      );
      const options = ["--noEmit", "--strict", "--target", "ES2022", "--lib", "ES2022", "--module", module, "--moduleResolution", moduleResolution];
      await exec(process.execPath, [path.join(root, "node_modules/.bin/tsc"), ...options, "page.ts", "globals.d.ts"], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
    });
  }

  async function sizeOf(names) {
    const contents = `export { ${names} } from "optimized-metadata"`;
    const { outputFiles } = await build({ stdin: { contents, resolveDir: folder }, bundle: true, minify: true, format: "esm", write: false });
    return gzipSync(outputFiles[0].contents, { level: 9 }).length;
  }

  test(`A page that uses createClient and imgAttributes loads less than ${BUDGET} bytes, and less with only one of them`, async (t) => {
    const both = await sizeOf("createClient, imgAttributes");
    const [client, attributes] = [await sizeOf("createClient"), await sizeOf("imgAttributes")];
    t.diagnostic(`${both} bytes; createClient ${client}, imgAttributes ${attributes}`);
    assert.ok(both < BUDGET, `${both}`);
    assert.ok(attributes < 1_024 && client < both - 512, `${client}, ${attributes}`);
  });
});

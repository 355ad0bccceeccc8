// The archives of a release work by themselves, in a folder outside of the repository.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { before } from "node:test";
import { promisify } from "node:util";
import { startInBackground, stopAll } from "../scripts/lib/background.mjs";
import { freePort } from "../scripts/lib/free-port.mjs";
import { serveOrigin } from "../scripts/lib/origin.mjs";
import { Client } from "./worker/harness/client.mjs";
import { root } from "./worker/harness/modules.mjs";

const run = promisify(execFile);
const artefacts = path.join(root, "target/artefacts");
const [, version] = readFileSync(path.join(root, "Cargo.toml"), "utf8").match(/^version = "(.+)"$/m);
const wrangler = path.join(root, "node_modules/.bin/wrangler");
/** Neither cargo nor the packages of the repository can be found with this path. */
const env = { ...process.env, PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };

let folder;

before(async () => {
  await run(process.execPath, ["scripts/release.mjs"], { cwd: root });
  const unpacked = mkdtempSync(path.join(os.tmpdir(), "a release "));
  process.on("exit", () => rmSync(unpacked, { recursive: true, force: true }));
  await run("tar", ["--extract", "--file", path.join(artefacts, `optimized-metadata-worker-${version}.tgz`)], { cwd: unpacked });
  folder = path.join(unpacked, `optimized-metadata-worker-${version}`);
});

test("A release has the Worker, the client, their checksums, and the notes of its version", () => {
  const archives = [`optimized-metadata-${version}.tgz`, `optimized-metadata-worker-${version}.tgz`];
  assert.deepEqual(readdirSync(artefacts).sort(), ["SHA256SUMS", "notes.md", ...archives].sort());
  const sum = (file) => createHash("sha256").update(readFileSync(path.join(artefacts, file))).digest("hex");
  assert.equal(readFileSync(path.join(artefacts, "SHA256SUMS"), "utf8"), archives.map((file) => `${sum(file)}  ${file}\n`).join(""));
  const notes = readFileSync(path.join(artefacts, "notes.md"), "utf8");
  assert.ok(notes.length > 100 && !notes.includes("\n## "), notes.slice(0, 200));
});

test("The README of the built Worker names its version and only files that exist", () => {
  const readme = readFileSync(path.join(folder, "README.md"), "utf8");
  assert.ok(readme.includes(`version ${version} `));
  assert.doesNotMatch(readme, /VERSION|WRANGLER|npm start|cargo/);
  const [, table] = readme.split("## What is here");
  const files = [...table.matchAll(/`([\w./*-]+)`/g)].map(([, file]) => file).filter((file) => /^[a-zA-Z*].*(\.\w+|\/)$/.test(file) && !file.endsWith(".tgz"));
  assert.ok(files.length >= 9, files.join());
  for (const file of files) {
    const exists = file.startsWith("*") ? readdirSync(folder).some((name) => name.endsWith(file.slice(1))) : existsSync(path.join(folder, file));
    assert.ok(exists, file);
  }
});

test("All links of the archive's pages lead to files of the archive", () => {
  const pages = ["README.md", "CHANGELOG.md", ...readdirSync(path.join(folder, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
  let links = 0;
  for (const page of pages) {
    const text = readFileSync(path.join(folder, page), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      assert.ok(existsSync(path.join(folder, path.dirname(page), target)), `${target} in ${page}`);
      links++;
    }
  }
  assert.ok(links > 50, `${links} links`);
});

test("The built Worker can be deployed by wrangler alone", async () => {
  const { stdout } = await run(wrangler, ["deploy", "--dry-run"], { cwd: folder, env });
  assert.match(stdout, /gzip: \d+/);
  assert.match(stdout, /env\.IMAGE_METADATA_CACHE/);
});

test("The built Worker serves images under wrangler dev, as its README says", async (t) => {
  const originUrl = await serveOrigin(path.join(root, "samples"));
  const port = await freePort();
  const settings = `metadata:${JSON.stringify({ originUrl })}`;
  t.after(stopAll);
  await startInBackground(wrangler, ["dev", "--port", `${port}`, "--var", settings], "Ready on ", { cwd: folder, env });
  const client = new Client(port);
  t.after(() => client.close());
  assert.equal((await client.get("/health")).json.version, version);
  const { width, height } = (await client.get("/metadata/rotated.jpg")).json.metadata;
  assert.deepEqual([width, height], [600, 900]);
});

// `npm run release -- v0.2.0`: creates the files of a release in target/artefacts. It publishes nothing.
//
// They include the built Worker, which can be deployed with wrangler alone, without Rust.

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildClient } from "./lib/client.mjs";
import { environment } from "./lib/environment.mjs";
import { main, Problem, root, run } from "./lib/process.mjs";

const folder = join(root, "target", "artefacts");
const read = (file) => readFileSync(join(root, file), "utf8");

await main(async () => {
  const [, version] = read("Cargo.toml").match(/^version = "(.+)"$/m);
  const tag = process.argv[2] ?? `v${version}`;
  if (tag !== `v${version}`) throw new Problem(`The tag is ${tag}, but Cargo.toml says ${version}.`);
  const notes = changes(version);
  const env = await environment();
  rmSync(folder, { recursive: true, force: true });
  const name = `optimized-metadata-worker-${version}`;
  const worker = join(folder, name);
  mkdirSync(worker, { recursive: true });
  await run("wrangler", ["deploy", "--dry-run", "--outdir", worker], { env });
  rmSync(join(worker, "README.md"), { force: true });
  writeFileSync(join(worker, "wrangler.toml"), deployable(read("wrangler.toml")));
  for (const file of ["LICENSE", "CHANGELOG.md"]) cpSync(join(root, file), join(worker, file));
  for (const file of ["rotated.jpg", "landscape.jpg"]) cpSync(join(root, "samples", file), join(worker, "samples", file));
  const { devDependencies } = JSON.parse(read("package.json"));
  const readme = read("scripts/release/README.md").replaceAll("VERSION", version).replaceAll("WRANGLER", devDependencies.wrangler);
  writeFileSync(join(worker, "README.md"), readme);
  cpSync(join(root, "docs"), join(worker, "docs"), { recursive: true });
  for (const file of readdirSync(join(worker, "docs")).filter((name) => name.endsWith(".md"))) keepLinks(join(worker, "docs", file));
  await run("tar", ["--create", "--gzip", "--file", `${name}.tgz`, name], { cwd: folder, env });
  rmSync(worker, { recursive: true });
  await buildClient(env);
  await run("npm", ["pack", "./client", "--silent", "--pack-destination", folder], { env });
  writeFileSync(join(folder, "notes.md"), notes);
  const archives = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  const sum = (file) => createHash("sha256").update(readFileSync(join(folder, file))).digest("hex");
  writeFileSync(join(folder, "SHA256SUMS"), archives.map((file) => `${sum(file)}  ${file}\n`).join(""));
  console.log(`\ntarget/artefacts:\n${readdirSync(folder).join("\n")}`);
});

/** Returns the section of CHANGELOG.md for a version. */
function changes(version) {
  const section = read("CHANGELOG.md").split(/^## /m).find((text) => text.split(/\s/, 1)[0] === version);
  if (!section) throw new Problem(`CHANGELOG.md has no section "## ${version}". Move the entries under "Unreleased" there.`);
  return section.slice(section.indexOf("\n") + 1).trim() + "\n";
}

/** Turns links of a page into plain text if their files are not in the archive, and removes anchors of the repository's README. */
function keepLinks(page) {
  const kept = readFileSync(page, "utf8").replace(/\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)/g, (link, text, target) => {
    if (!existsSync(join(dirname(page), target))) return text;
    return target.endsWith("README.md") ? `[${text}](${target})` : link;
  });
  writeFileSync(page, kept);
}

/** Returns the configuration for deploying the built Worker. */
function deployable(toml) {
  return toml
    .replace(/^main = .*\n/m, 'main = "index.js"\n')
    .replace(/^(#[^\n]*\n)*minify = true\nkeep_names = false\n/m, "no_bundle = true\nfind_additional_modules = true\n")
    .replace(/^\[build\]\n([^#[\n][^\n]*\n|\n)*/m, "");
}

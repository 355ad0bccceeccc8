// `npm run corpus`: creates image files with many encoders in target/corpus, and a manifest in which independent readers
// describe them.
//
// Skips and reports what needs a program that is not installed. `--packages` prints the Debian packages of all programs.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianPackages, findPrograms } from "../tests/corpus/tools/programs.mjs";
import { packages } from "./lib/packages.mjs";
import { main, root } from "./lib/process.mjs";

const corpus = join(root, "target", "corpus");
const cache = join(root, "target", "corpus-cache");

await main(async () => {
  if (process.argv.includes("--packages")) return console.log(debianPackages.join(" "));
  await packages();
  const programs = findPrograms();
  const stamp = stampOf(programs);
  const stampFile = join(corpus, "stamp.json");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
    return console.log("corpus: target/corpus is up to date");
  }
  const started = performance.now();
  const { build } = await import("../tests/corpus/tools/build.mjs");
  const { report } = await import("../tests/corpus/tools/report.mjs");
  const manifest = await build({ corpus, cache, programs });
  writeFileSync(stampFile, stamp);
  report(manifest, (performance.now() - started) / 1000);
});

/** Identifies everything that the corpus depends on: the tools' source, sharp, and the versions of the programs. */
function stampOf(programs) {
  const hash = createHash("sha256");
  const folder = join(root, "tests", "corpus", "tools");
  const sources = readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".mjs"))
    .sort();
  for (const name of sources) hash.update(name).update(readFileSync(join(folder, name)));
  hash.update(readFileSync(join(root, "node_modules", "sharp", "package.json")));
  return `${JSON.stringify({ sources: hash.digest("hex"), programs: programs.versions }, undefined, 2)}\n`;
}

import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./modules.mjs";

const folder = path.join(root, "target", "corpus");

/** The files that `npm run corpus` generates, with the results of independent readers. `npm test` runs it. */
const manifest = bytesOf("manifest.json");
export const corpus = manifest ? JSON.parse(manifest) : [];

/** Why corpus tests are skipped, or `false` if they run. */
export const withoutCorpus = manifest ? false : "corpus not found: run npm run corpus";

const differences = JSON.parse(readFileSync(path.join(root, "tests/corpus/differences.json")));

/** The fields in which the Worker differs from the other readers of a file; tests/corpus/differences.json gives the reasons. */
export const differingFields = (file) => differences[file]?.fields ?? [];

/** The bytes of a corpus file, or `undefined` if it does not exist. */
export function bytesOf(file) {
  try {
    return readFileSync(path.join(folder, file));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

/** The percent-encoded path of a file. */
export const rawPath = (file) => file.split("/").map(encodeURIComponent).join("/");

export const sizeOf = ({ width, height }) => `${width} × ${height}`;

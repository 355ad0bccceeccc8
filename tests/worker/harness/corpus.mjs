import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./modules.mjs";

const folder = path.join(root, "target", "corpus");

/** The files that `npm run corpus` has made, with what independent readers say of each; `npm test` runs it. */
const manifest = bytesOf("manifest.json");
export const corpus = manifest ? JSON.parse(manifest) : [];

/** Why tests on the corpus are skipped, or `false`. */
export const withoutCorpus = manifest ? false : "there is no corpus: npm run corpus makes it";

const differences = JSON.parse(readFileSync(path.join(root, "tests/corpus/differences.json")));

/** The fields in which the Worker differs from the other readers of a file, for a reason that is given there. */
export const differingFields = (file) => differences[file]?.fields ?? [];

/** The bytes of a file of the corpus; `undefined` if there is none. */
export function bytesOf(file) {
  try {
    return readFileSync(path.join(folder, file));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

/** The path of a file in a URL. */
export const rawPath = (file) => file.split("/").map(encodeURIComponent).join("/");

export const sizeOf = ({ width, height }) => `${width} × ${height}`;

// The npm packages: installed if node_modules does not match package-lock.json.

import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installed, Problem, root, run } from "./process.mjs";

export const bin = join(root, "node_modules", ".bin");

export async function packages() {
  if (upToDate()) return;
  // `npm ci` deletes node_modules, so nothing it starts may depend on the Node inside.
  const PATH = process.env.PATH.split(delimiter).filter((folder) => folder !== bin).join(delimiter);
  const env = { ...process.env, PATH };
  if (!installed("npm", env)) throw new Problem("npm is missing. Install it with Node 20 or later.");
  console.log("Installing the npm packages.");
  // At lower log levels npm warns that the system's Node is too old for wrangler, which runs on the Node installed here.
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { env });
}

/** Compares the lock file with the list of installed packages, which npm writes last. */
function upToDate() {
  const wanted = lock("package-lock.json");
  const found = lock("node_modules/.package-lock.json");
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || found[path]?.version === version || (optional && !found[path]),
  );
}

function lock(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

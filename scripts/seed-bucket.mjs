// Puts the files of a folder into an R2 bucket of this machine, under keys that begin with a prefix:
// `node scripts/seed-bucket.mjs <configuration> <binding> <folder> <prefix>`.
//
// It runs on the Node that wrangler needs, before wrangler itself serves the same bucket.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { getPlatformProxy } from "wrangler";
import { typeOf } from "./lib/origin.mjs";

const [configPath, binding, folder, prefix] = process.argv.slice(2);
const { env, dispose } = await getPlatformProxy({ configPath });
try {
  const files = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  for (const name of files) {
    const key = prefix + name.split(sep).join("/");
    await env[binding].put(key, readFileSync(join(folder, name)), { httpMetadata: { contentType: typeOf(name) } });
  }
  console.log(`Put ${files.length} images into the bucket ${binding}.`);
} finally {
  await dispose();
}

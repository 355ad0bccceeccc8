// Uploads the files of a folder to a local R2 bucket: `node scripts/seed-bucket.mjs <configuration> <binding> <folder>`.
//
// A separate process, because wrangler requires the Node version that the scripts install.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { getPlatformProxy } from "wrangler";
import { typeOf } from "./lib/origin.mjs";

const [configPath, binding, folder] = process.argv.slice(2);
const { env, dispose } = await getPlatformProxy({ configPath });
try {
  const files = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  for (const name of files) {
    const key = name.split(sep).join("/");
    await env[binding].put(key, readFileSync(join(folder, name)), { httpMetadata: { contentType: typeOf(name) } });
  }
  console.log(`Uploaded ${files.length} images to the local R2 bucket.`);
} finally {
  await dispose();
}

// Uploads the files of a folder to a local R2 bucket, and purges the records of those that changed from the local KV, below the
// prefix of the bucket: `node scripts/seed-bucket.mjs <configuration> <binding> <folder> <prefix>`.
//
// A separate process, because wrangler requires the Node version that the scripts install.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { getPlatformProxy } from "wrangler";
import { typeOf } from "./lib/origin.mjs";

const [configPath, binding, folder, prefix] = process.argv.slice(2);
const { env, dispose } = await getPlatformProxy({ configPath });
try {
  const files = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  for (const name of files) {
    const key = name.split(sep).join("/");
    const bytes = readFileSync(join(folder, name));
    const { etag } = (await env[binding].head(key)) ?? {};
    if (etag === createHash("md5").update(bytes).digest("hex")) continue;
    await env[binding].put(key, bytes, { httpMetadata: { contentType: typeOf(name) } });
    // `npm run upload` had overwritten it.
    await env.IMAGE_METADATA_CACHE?.delete(`metadata:${prefix}/${key}`);
  }
  console.log(`${files.length} images are in the local R2 bucket.`);
} finally {
  await dispose();
}

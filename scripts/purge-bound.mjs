// `npm run purge-bound`: prints for how long old metadata can be returned after a purge, with the settings in wrangler.toml and in each
// of its environments.

import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";

await main(async () => {
  const env = await environment();
  // Imported late, because it needs npm packages that environment() installs.
  const { purgeBounds } = await import("./lib/settings.mjs");
  for (const { where, rows } of purgeBounds(env)) {
    const width = Math.max(...rows.map(([place]) => place.length));
    console.log(`${where}: after a purge, old metadata can still come from`);
    for (const [place, time] of rows) console.log(`  ${place.padEnd(width)}  for up to ${time}`);
  }
  console.log("docs/operations.md#changed-images has the exceptions.");
});

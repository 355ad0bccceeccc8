// `npm run build`: checks the settings in wrangler.toml and builds the release Worker in build/. Arguments are passed to
// worker-build, which passes unknown ones to cargo.

import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

await main(async () => {
  const env = await environment();
  // Imported late, because it needs npm packages that environment() installs.
  const { checkSettings } = await import("./lib/settings.mjs");
  checkSettings(env);
  await buildWorker(process.argv.slice(2), env);
});

// `npm run build`: checks the settings of wrangler.toml, and makes the release Worker in build/. Arguments go to
// worker-build, and the ones it does not know to cargo.

import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

await main(async () => {
  const env = await environment();
  // It needs packages, which the environment has installed.
  const { checkSettings } = await import("./lib/settings.mjs");
  checkSettings(env);
  await buildWorker(process.argv.slice(2), env);
});

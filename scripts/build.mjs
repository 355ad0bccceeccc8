// `npm run build`: the release Worker, in build/. Arguments go to worker-build, and the ones it does not know to cargo:
// `npm run build -- --out-dir build-test --features test-faults`.

import { environment } from "./lib/environment.mjs";
import { main, run } from "./lib/process.mjs";

await main(async () => {
  await run("worker-build", ["--release", ...process.argv.slice(2)], { env: await environment() });
});

// `npm run build`: the release Worker, in build/. Arguments go to worker-build, and the ones it does not know to cargo.

import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

await main(async () => buildWorker(process.argv.slice(2), await environment()));

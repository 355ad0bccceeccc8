// `npm run setup`: installs everything that is needed to build, test and serve the Worker.

import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";

await main(environment);

// `npm run setup`: installs everything that building, testing and serving need.

import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";

await main(environment);

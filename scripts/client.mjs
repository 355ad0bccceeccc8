// `npm run client`: builds the npm package of the client in client/dist.

import { buildClient } from "./lib/client.mjs";
import { environment } from "./lib/environment.mjs";
import { main } from "./lib/process.mjs";

await main(async () => buildClient(await environment()));

// `npm run warm -- https://host list.txt`: requests the metadata of many images, so that it is in Workers KV before visitors ask
// for it. `--help` has the options.

import { main } from "./lib/process.mjs";
import { warm } from "./lib/warm/command.mjs";
import { HELP, parse } from "./lib/warm/options.mjs";

await main(async () => {
  const options = parse(process.argv.slice(2), process.env, process.cwd());
  if (options) process.exitCode = await warm(options);
  else console.log(HELP);
});

// `node scripts/cargo.mjs clippy …`: runs cargo with the toolchain and tools of the other scripts.

import { environment } from "./lib/environment.mjs";
import { main, run } from "./lib/process.mjs";

await main(async () => {
  await run("cargo", process.argv.slice(2), { env: await environment() });
});

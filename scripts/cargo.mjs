// `node scripts/cargo.mjs clippy …`: cargo, with the toolchain and tools that the other scripts use.

import { environment } from "./lib/environment.mjs";
import { main, run } from "./lib/process.mjs";

await main(async () => {
  await run("cargo", process.argv.slice(2), { env: await environment() });
});

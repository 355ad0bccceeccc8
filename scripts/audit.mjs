// `npm run audit`: looks for crates and packages with known holes, and for crates with licences that deny.toml does not list.
// `npm run audit -- licenses bans sources` asks nobody but the lock file.

import { main, run } from "./lib/process.mjs";
import { auditor } from "./lib/tools.mjs";

await main(async () => {
  const checks = process.argv.slice(2);
  await run("cargo-deny", ["--locked", "check", ...checks], { env: await auditor(process.env) });
  if (checks.length === 0) await run("npm", ["audit", "--audit-level=moderate"]);
});

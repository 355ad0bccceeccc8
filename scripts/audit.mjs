// `npm run audit`: checks crates and npm packages for known vulnerabilities, and crates against the rules in deny.toml.
// `npm run audit -- licenses bans sources` runs only the checks that need no network.

import { main, run } from "./lib/process.mjs";
import { auditor } from "./lib/tools.mjs";

await main(async () => {
  const checks = process.argv.slice(2);
  await run("cargo-deny", ["--locked", "check", ...checks], { env: await auditor(process.env) });
  if (checks.length === 0) await run("npm", ["audit", "--audit-level=moderate"]);
});

// Builds the npm package in client/: its JavaScript and its types, in client/dist.

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./process.mjs";

export async function buildClient(env) {
  const dist = join(root, "client", "dist");
  rmSync(dist, { recursive: true, force: true });
  await run("tsc", ["-p", "client"], { env });
  cpSync(join(root, "LICENSE"), join(dist, "LICENSE"));
}

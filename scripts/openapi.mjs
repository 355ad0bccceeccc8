// `npm run openapi`: lints docs/openapi.yaml, then searches for requests whose responses do not match it.
//
// Arguments are passed to schemathesis, for example: npm run openapi -- --max-examples 1000

import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { wranglerDev } from "../tests/worker/harness/wrangler.mjs";
import { environment } from "./lib/environment.mjs";
import { serveOrigin } from "./lib/origin.mjs";
import { main, output, Problem, root, run } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

const description = join(root, "docs", "openapi.yaml");

// Some operations have no invalid request, and one has no valid request.
const skipped = ["operation-2xx-response", "operation-4xx-response"];

// Omits the checks for invalid data. The service ignores unknown parameters by design, and OpenAPI cannot express every rule
// for the known ones, for example that `width` and `device` exclude each other.
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "allow_header_conformance",
  "unsupported_method",
  "ignored_auth",
];

await main(async () => {
  const env = { ...(await environment()), REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  await run("redocly", ["lint", "--extends=recommended-strict", ...skipped.map((rule) => `--skip-rule=${rule}`), description], { env });
  const schemathesis = await installed(env);
  await buildWorker([], env);
  await serving(async (url) => {
    await run(
      schemathesis,
      ["run", description, "--url", url, "--header", "Authorization: Bearer local", "--checks", checks.join(), "--warnings", "off", ...process.argv.slice(2)],
      // Schemathesis writes its findings to the current folder.
      { cwd: join(root, "target"), env },
    );
  });
});

/** Installs schemathesis and its dependencies in target/, at the versions in the requirements file. */
async function installed(env) {
  const requirements = join(root, "scripts", "openapi-requirements.txt");
  const version = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const folder = join(root, "target", `schemathesis-${version}`);
  if (!existsSync(join(folder, "complete"))) {
    if (output("python3", ["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)"], env) === undefined) {
      throw new Problem("Python 3.10 or later with venv is missing. On Debian: apt-get install python3-venv");
    }
    console.log("Installing schemathesis.");
    rmSync(folder, { recursive: true, force: true });
    await run("python3", ["-m", "venv", folder], { env });
    await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", "--requirement", requirements], { env });
    await run("touch", [join(folder, "complete")], { env });
  }
  return join(folder, "bin", "schemathesis");
}

/** Serves the built Worker with the images of samples/ while `body` runs. */
async function serving(body) {
  const cleanups = [];
  try {
    const originUrl = await serveOrigin(join(root, "samples"));
    const { url } = await wranglerDev(
      { after: (cleanup) => cleanups.push(cleanup) },
      { metadata: { originUrl, logLevel: "error" }, env: { ADMIN_TOKEN: "local" } },
    );
    await body(url);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

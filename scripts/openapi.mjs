// `npm run openapi`: lints docs/openapi.yaml, then looks for requests that the built Worker answers otherwise than it says.
//
// Arguments go to schemathesis, as in: npm run openapi -- --max-examples 1000

import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { wranglerDev } from "../tests/worker/harness/wrangler.mjs";
import { environment } from "./lib/environment.mjs";
import { serveOrigin } from "./lib/origin.mjs";
import { main, output, Problem, root, run } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

const description = join(root, "docs", "openapi.yaml");

// There are operations that cannot be asked wrongly, and one that cannot be asked rightly.
const skipped = ["operation-2xx-response", "operation-4xx-response"];

// Not among them: what is about data that the description forbids. Other parameters are ignored here by design, and of
// those that are not it cannot say all, such as that `width` and `device` exclude each other.
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
      // It keeps what it found where it is run.
      { cwd: join(root, "target"), env },
    );
  });
});

/** Schemathesis and what it needs, at the versions of its requirements file, in a folder of this project. */
async function installed(env) {
  const requirements = join(root, "scripts", "openapi-requirements.txt");
  const version = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const folder = join(root, "target", `schemathesis-${version}`);
  if (!existsSync(join(folder, "complete"))) {
    if (output("python3", ["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)"], env) === undefined) {
      throw new Problem("Python 3.10 or later with venv is missing (on Debian: apt-get install python3-venv).");
    }
    console.log("Installing schemathesis.");
    rmSync(folder, { recursive: true, force: true });
    await run("python3", ["-m", "venv", folder], { env });
    await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", "--requirement", requirements], { env });
    await run("touch", [join(folder, "complete")], { env });
  }
  return join(folder, "bin", "schemathesis");
}

/** Serves the built Worker, with the images of samples/, for as long as `body` takes. */
async function serving(body) {
  const endings = [];
  try {
    const originUrl = await serveOrigin(join(root, "samples"));
    const { url } = await wranglerDev(
      { after: (end) => endings.push(end) },
      { metadata: { originUrl, logLevel: "error" }, env: { ADMIN_TOKEN: "local" } },
    );
    await body(url);
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

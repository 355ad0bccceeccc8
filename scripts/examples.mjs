// `npm run examples`: builds the examples with the client and the Worker of this folder, and opens them in Chromium. Their images are held
// back until the page is painted, and nothing may move when they arrive. To measure some examples: `npm run examples -- astro html`.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browserPath, startBrowser, withoutBrowser } from "../tests/worker/harness/browser.mjs";
import { startInBackground, stopAll } from "./lib/background.mjs";
import { buildClient } from "./lib/client.mjs";
import { environment } from "./lib/environment.mjs";
import { measure } from "./lib/examples/page.mjs";
import { serveFolder } from "./lib/examples/static.mjs";
import { freePort } from "./lib/free-port.mjs";
import { serveOrigin } from "./lib/origin.mjs";
import { main, Problem, root, run } from "./lib/process.mjs";

/** Desktop and phone. */
const WIDTHS = [1280, 390];
/** Without sizes, at least this much has to move. Otherwise the measurement shows nothing. */
const SHIFT_WITHOUT_SIZES = 0.005;
const SAMPLES = ["landscape.jpg", "rotated.jpg", "wide.webp"];

/** Builds and serves each example. Returns its pages: their URLs, the samples that they show, and the aspect ratio of the crop. */
const examples = {
  async html(folder, env) {
    await run("npm", ["run", "--silent", "build"], { cwd: folder, env });
    return [{ url: await serveFolder(join(folder, "dist")), samples: SAMPLES }];
  },

  async astro(folder, env) {
    await run("npm", ["run", "--silent", "build"], { cwd: folder, env });
    return [{ url: await serveFolder(join(folder, "dist")), samples: SAMPLES }];
  },

  async next(folder, env) {
    await run("npm", ["run", "--silent", "build"], { cwd: folder, env });
    const port = await freePort();
    await startInBackground("npm", ["run", "start", "--", "--port", port], "Ready in", { cwd: folder, env });
    return [{ url: `http://localhost:${port}/`, samples: SAMPLES }];
  },

  async caller(folder, env) {
    const port = await freePort();
    await startInBackground("wrangler", ["dev", "--config", "wrangler.toml", "--port", port, "--inspector-port", "0"], "Ready on", { cwd: folder, env });
    return SAMPLES.map((name) => ({ url: `http://localhost:${port}/${name}`, samples: [name], aspect: 16 / 9 }));
  },
};

await main(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !(name in examples));
  if (unknown) throw new Problem(`There is no example ${unknown}. The examples are: ${Object.keys(examples).join(", ")}.`);
  if (withoutBrowser) throw new Problem(withoutBrowser);
  const cleanUps = [];
  try {
    const env = await startService(await environment(), cleanUps);
    const browser = await startBrowser({ after: (cleanUp) => cleanUps.push(cleanUp) });
    const rows = [];
    for (const name of names.length ? names : Object.keys(examples)) rows.push(...(await measureExample(name, env, browser)));
    console.log(`\nIn ${browserPath()} ${browser.version()}:`);
    console.table(rows.map(({ faults, ...row }) => ({ ...row, result: faults.length ? "FAIL" : "ok" })));
    const faults = rows.flatMap(({ example, page, width, faults }) => faults.map((fault) => `${example}, ${page}, ${width} pixels wide: ${fault}`));
    if (faults.length) throw new Problem(faults.join("\n"));
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
});

/** Starts the origin and the Worker. Returns the environment of the examples. */
async function startService(env, cleanUps) {
  await buildClient(env);
  const origin = await serveOrigin(join(root, "samples"));
  const port = await freePort();
  // A registry of its own, so that a Worker that runs on this machine anyway is not called by mistake.
  const registry = mkdtempSync(join(tmpdir(), "registry-"));
  cleanUps.push(() => rmSync(registry, { recursive: true, force: true }), () => stopAll());
  const local = { ...env, WRANGLER_REGISTRY_PATH: registry, WRANGLER_SEND_METRICS: "false" };
  console.log("Starting the Worker.");
  await startInBackground("node", ["scripts/start.mjs"], "Or open ", { env: { ...local, PORT: port, PLACEHOLDERS: "1", ORIGIN_URL: origin } });
  return {
    ...local,
    METADATA_URL: `http://localhost:${port}`,
    IMAGES_URL: origin.replace("127.0.0.1", "localhost"),
    ASTRO_TELEMETRY_DISABLED: "1",
    NEXT_TELEMETRY_DISABLED: "1",
  };
}

/** Returns a row of the table for each page and width. */
async function measureExample(example, env, browser) {
  const folder = join(root, "examples", example);
  console.log(`\nBuilding examples/${example}.`);
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, env });
  const rows = [];
  for (const { url, ...page } of await examples[example](folder, env)) {
    for (const width of WIDTHS) {
      const { cls, faults } = await measure(browser, url, page.samples, { width, aspect: page.aspect });
      if (cls > 0) faults.push(`CLS is ${cls} instead of 0`);
      const bare = await measure(browser, url, page.samples, { width, withoutSizes: true });
      if (bare.cls < SHIFT_WITHOUT_SIZES) faults.push(`without sizes CLS is ${bare.cls}: the measurement shows nothing`);
      rows.push({ example: `${example}${versionOf(folder, example)}`, page: new URL(url).pathname, width, images: page.samples.length, CLS: cls, "CLS without sizes": Number(bare.cls.toFixed(3)), faults });
    }
  }
  return rows;
}

/** Returns the version of the framework that an example is named after, if it has one. */
function versionOf(folder, framework) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return dependencies[framework] ? ` ${dependencies[framework]}` : "";
}

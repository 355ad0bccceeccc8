import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { root } from "./modules.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The Chromium of this machine: what CHROMIUM names, or the first on the path. */
export function browserPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = process.env.PATH.split(path.delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isExecutable);
}

/** Why tests in a browser are skipped; `false` where they run. */
export const withoutBrowser = browserPath()
  ? false
  : `there is no Chromium: none of ${NAMES.join(", ")} is on the path, and CHROMIUM names none (on Debian: apt-get install chromium)`;

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts Chromium, without a window, and ends it with the tests. */
export async function startBrowser({ after }) {
  const browser = await chromium.launch({
    executablePath: browserPath(),
    // Its sandbox does not start as root, nor in most containers. It is shown nothing but what is tested.
    chromiumSandbox: false,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  after(() => browser.close());
  return browser;
}

/**
 * Opens a page in a browser of its own, and keeps account of it: `requests`, the URLs it asked for, and `complaints`,
 * what it said on the console, threw, or broke of its policy.
 */
export async function open(t, browser, url, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"], ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const requests = [];
  const complaints = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => complaints.push(error.stack));
  await page.goto(url);
  return { page, requests, complaints };
}

/** What axe has against the page as it is now, and where. */
export async function violations(page) {
  // Past the page's own policy, which would refuse a script in a tag.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`).join("; ")}`);
}

const FOLDER = path.join(root, "target", "inspector");

/** Keeps a picture of the page for who reads the test's output. */
export async function screenshot(t, page, name) {
  mkdirSync(FOLDER, { recursive: true });
  const file = path.join(FOLDER, `${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
  t.diagnostic(path.relative(root, file));
}

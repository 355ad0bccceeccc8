import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { root } from "./modules.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The path of Chromium: `$CHROMIUM`, or the first executable of that kind on the PATH. */
export function browserPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = process.env.PATH.split(path.delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isExecutable);
}

/** Why browser tests are skipped, or `false` if they run. */
export const withoutBrowser = browserPath()
  ? false
  : `Chromium not found: none of ${NAMES.join(", ")} is on the PATH, and CHROMIUM is not set (on Debian: apt-get install chromium)`;

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts headless Chromium and closes it after the tests. */
export async function startBrowser({ after }) {
  const browser = await chromium.launch({
    executablePath: browserPath(),
    // The sandbox does not start as root, nor in most containers. Only pages under test are opened.
    chromiumSandbox: false,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  after(() => browser.close());
  return browser;
}

/**
 * Opens a page in its own browser context and records `requests`, the URLs it requested, and `errors`: console errors and
 * warnings, exceptions and violations of its Content-Security-Policy.
 */
export async function openPage(t, browser, url, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"], ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => errors.push(error.stack));
  await page.goto(url);
  return { page, requests, errors };
}

/** The accessibility violations that axe finds in the page now, with their elements. */
export async function violations(page) {
  // Evaluated rather than inserted: the page's Content-Security-Policy blocks an inline script.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`).join("; ")}`);
}

const FOLDER = path.join(root, "target", "inspector");

/** Saves a screenshot of the page and prints its path in the test's output. */
export async function screenshot(t, page, name) {
  mkdirSync(FOLDER, { recursive: true });
  const file = path.join(FOLDER, `${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
  t.diagnostic(path.relative(root, file));
}

// Opens a page in Chromium, holds its images back until the page is painted, and measures what moves when they arrive.

import { join } from "node:path";
import sharp from "sharp";
import { root } from "../process.mjs";

/** How long a page may take until it is painted, or all of its images are loaded. */
const TIMEOUT_MS = 60_000;
/** Above this difference of a channel's average, from 0 to 255, a placeholder does not show the image. */
const COLOR_TOLERANCE = 40;
const VIEWPORT_HEIGHT = 900;

/**
 * Measures a page with the named samples, in this order.
 *
 * - `width`: that of the viewport.
 * - `aspect`: the aspect ratio that the page crops all images to.
 * - `withoutSizes`: removes the sizes from the page first. Then something should move.
 *
 * Returns `cls`, the sum of all layout shifts, and `faults`, what is not as it should be.
 */
export async function measure(browser, url, samples, { width, aspect, withoutSizes = false }) {
  const context = await browser.newContext({ viewport: { width, height: VIEWPORT_HEIGHT } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    const faults = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) faults.push(`the console has: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
    await page.addInitScript(observeShifts);
    if (withoutSizes) await page.addInitScript(removeSizes);
    const gate = Promise.withResolvers();
    await page.route(isRemote, async (route) => {
      if (route.request().resourceType() !== "image") return route.fallback();
      await gate.promise;
      await sendImage(route);
    });

    await page.goto(url, { waitUntil: "domcontentloaded" });
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    await frames(page);
    const expected = await Promise.all(samples.map((name) => describe(name, aspect)));
    if (!withoutSizes) faults.push(...(await checkBefore(page, expected)));
    // The checks scroll, so that lazy images are requested, too. Only what moves in the viewport counts as a shift.
    await page.evaluate(() => scrollTo(0, 0));
    await frames(page);

    gate.resolve();
    await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
    await frames(page);
    const missing = await page.evaluate(() => [...document.images].filter(({ naturalWidth }) => naturalWidth === 0).map(({ currentSrc }) => currentSrc));
    faults.push(...missing.map((src) => `${src} was not loaded`));
    if (!withoutSizes) faults.push(...(await checkAfter(page, expected, width)));
    const cls = await page.evaluate(() => globalThis.sumOfShifts());
    return { cls, faults };
  } finally {
    await context.close();
  }
}

/** Runs in the page, before its scripts. */
function observeShifts() {
  let sum = 0;
  const add = (entries) => entries.forEach(({ value }) => (sum += value));
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  globalThis.sumOfShifts = () => {
    add(observer.takeRecords());
    return sum;
  };
}

const isRemote = ({ protocol }) => protocol !== "data:";

/** Runs in the page, before its scripts. An element has lost its size before it is painted. */
function removeSizes() {
  const remove = () => document.querySelectorAll("img[width]").forEach((image) => ["width", "height"].forEach((name) => image.removeAttribute(name)));
  new MutationObserver(remove).observe(document, { childList: true, subtree: true });
}

/** Sends an image. Those of the platform's resizer are made here, as it exists only on Cloudflare. */
async function sendImage(route) {
  const [, options, path] = new URL(route.request().url()).pathname.match(/^\/cdn-cgi\/image\/([^/]+)\/(.+)$/) ?? [];
  if (!options) return route.continue();
  const { trim, width, height } = Object.fromEntries(options.split(",").map((option) => option.split("=")));
  const upright = await sharp(join(root, "samples", decodeURIComponent(path))).autoOrient().toBuffer({ resolveWithObject: true });
  const [top, right, bottom, left] = (trim ?? "0;0;0;0").split(";").map(Number);
  const cropped = { left, top, width: upright.info.width - left - right, height: upright.info.height - top - bottom };
  const body = await sharp(upright.data).extract(cropped).resize(Number(width), Number(height)).png().toBuffer();
  await route.fulfill({ body, contentType: "image/png" });
}

/** Resolves when the page has been painted twice. Then it shows what its scripts and images have changed before. */
const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));

/** Describes a sample as it should be shown: its size, upright and cropped, and its average color. */
async function describe(name, aspect) {
  const image = sharp(join(root, "samples", name)).autoOrient();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  const width = aspect ? Math.min(info.width, Math.round(info.height * aspect)) : info.width;
  const height = aspect ? Math.min(info.height, Math.round(info.width / aspect)) : info.height;
  return { name, width, height, color: await averageColor(data) };
}

async function averageColor(image) {
  const { channels } = await sharp(image).removeAlpha().toColorspace("srgb").stats();
  return channels.map(({ mean }) => Math.round(mean));
}

/** Returns what is wrong while no image is loaded: sizes, and what is shown instead. */
async function checkBefore(page, expected) {
  const images = await page.locator("img").all();
  if (images.length !== expected.length) return [`${images.length} images instead of ${expected.length}`];
  const faults = [];
  for (const [index, { name, width, height, color }] of expected.entries()) {
    const { attributes, box, loaded } = await images[index].evaluate(sizesOf);
    if (loaded) faults.push(`${name} was not held back`);
    if (attributes !== `${width}x${height}`) faults.push(`${name} has the size ${attributes} instead of ${width}x${height}`);
    if (!box.height || !sameRatio(box, { width, height })) faults.push(`${name} takes ${box.width}x${box.height} before it is loaded`);
    if (!box.height) continue;
    const shown = await averageColor(await images[index].screenshot());
    const difference = Math.max(...color.map((channel, index) => Math.abs(channel - shown[index])));
    if (difference > COLOR_TOLERANCE) faults.push(`${name} has no placeholder: its color is ${shown} instead of about ${color}`);
  }
  return faults;
}

/** Returns what is wrong when all images are loaded. */
async function checkAfter(page, expected, viewportWidth) {
  const images = await page.locator("img").all();
  const faults = [];
  for (const [index, { name, width, height }] of expected.entries()) {
    const { box, natural } = await images[index].evaluate(sizesOf);
    if (!sameRatio(natural, { width, height })) faults.push(`${name} is loaded as ${natural.width}x${natural.height}`);
    if (!sameRatio(box, { width, height })) faults.push(`${name} takes ${box.width}x${box.height}`);
    if (box.width > Math.min(width, viewportWidth)) faults.push(`${name} is ${box.width} pixels wide`);
  }
  return faults;
}

/** Runs in the page. */
function sizesOf(image) {
  const { width, height } = image.getBoundingClientRect();
  return {
    attributes: `${image.getAttribute("width")}x${image.getAttribute("height")}`,
    box: { width, height },
    natural: { width: image.naturalWidth, height: image.naturalHeight },
    loaded: image.naturalWidth > 0,
  };
}

/** Sizes may differ by rounding to whole pixels. */
const sameRatio = (a, b) => Math.abs(a.height - (a.width * b.height) / b.width) <= 1;

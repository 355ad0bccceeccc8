import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { openPage, screenshot, startBrowser, violations } from "./browser.mjs";
import { root } from "./modules.mjs";
import { failure, file, Origin } from "./origin.mjs";
import { wranglerDev } from "./wrangler.mjs";

export const TOKEN = "token-of-the-tests";

export const samples = path.join(root, "samples");

const TYPES = { ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif", ".gif": "image/gif" };

/** An origin that serves the samples as files, and its URL. */
async function sampleOrigin(suite) {
  const origin = new Origin();
  const originUrl = `http://${await origin.listen()}`;
  suite.after(() => origin.close());
  origin.on(failure(404));
  for (const name of readdirSync(samples, { recursive: true })) {
    const type = TYPES[path.extname(name)];
    if (type) origin.on(encodeURI(`/${name}`), file(path.join(samples, name), type));
  }
  return { origin, originUrl };
}

/**
 * A browser, an origin with the samples, and a Worker in front of it. `open` opens its Inspector, or that of another `site`. `settings`
 * returns the settings that `wranglerDev` takes, by the URL of the origin.
 */
export async function startInspector(suite, settings = (originUrl) => ({ metadata: { originUrl } })) {
  const { origin, originUrl } = await sampleOrigin(suite);
  const { env, ...given } = settings(originUrl);
  const site = await wranglerDev(suite, { env: { ADMIN_TOKEN: TOKEN, ...env }, ...given });
  const browser = await startBrowser(suite);
  const open = async (t, fragment = "", options) =>
    new InspectorPage(await openPage(t, browser, `${site.url}/${fragment}`, options), site, originUrl);
  return { origin, originUrl, site, open };
}

/** Page object of the Inspector. */
class InspectorPage {
  constructor({ page, requests, errors }, site, originUrl) {
    Object.assign(this, { page, requests, errors, site, originUrl });
    this.path = page.getByRole("textbox", { name: "Path of an image" }).or(page.getByRole("combobox", { name: "Path of an image" }));
  }

  async lookUp(text) {
    await this.path.fill(text);
    await this.page.locator("#look-up").getByRole("button", { name: "Look up" }).click();
  }

  /** Waits for the result for a path. */
  async answered(name) {
    await this.page.locator(`#frame img[alt=${JSON.stringify(name)}]`).waitFor({ state: "attached" });
    await this.page.locator("#result.answered").waitFor();
    await this.idle();
  }

  idle() {
    return this.page.locator("#image:not([aria-busy])").waitFor({ state: "attached" });
  }

  /** Waits for the problem with this code, and returns its text. */
  async problem(code, box = "#problem") {
    const problem = this.page.locator(box, { hasText: code });
    await problem.waitFor();
    return problem.innerText();
  }

  /** The error at a field, as assistive technology finds it. Asserts that it moves nothing. */
  async fieldError(field) {
    await field.and(this.page.locator("[aria-invalid=true]")).waitFor();
    const error = this.page.locator(`#${await field.getAttribute("aria-describedby")}`);
    await error.waitFor();
    assert.equal(await error.evaluate((element) => getComputedStyle(element).position), "absolute");
    const [at, below] = await Promise.all([field.boundingBox(), error.boundingBox()]);
    assert.ok(below.y >= at.y + at.height && below.y < at.y + at.height + 40, `${JSON.stringify(below)} is below ${JSON.stringify(at)}`);
    return error.innerText();
  }

  /** The code of a kind, from its tab. */
  async code(kind) {
    await this.page.getByRole("tab", { name: kind, exact: true }).click();
    return this.page.getByRole("tabpanel", { name: kind, exact: true }).locator("pre").textContent();
  }

  /** The request that the page shows, as curl sends it. */
  async request() {
    const [, url] = /^curl -s '(.*)'$/.exec(await this.code("curl"));
    return url;
  }

  /** Waits until the page shows the response to a request whose URL has this text. */
  async shows(query) {
    await this.page.getByRole("tab", { name: "curl", exact: true }).click();
    await this.page.locator("#snippet pre", { hasText: query }).waitFor();
    await this.idle();
  }

  /** Waits until the page shows the expected request, and compares its code with the Worker's response. */
  async assertOutputs(query) {
    await this.shows(query);
    const request = new URL(await this.request());
    assert.equal(request.origin, this.site.url);
    const { transform, aspectCrop, dimensions, path: name, query: version } = (await this.site.get(request.pathname + request.search)).json;
    const image = name.split("/").map(encodeURIComponent).join("/") + (version ? `?${version}` : "");
    assert.equal(await this.code("HTML"), `<img src="/cdn-cgi/image/${transform}/${image}" width="${dimensions.width}" height="${dimensions.height}" alt="">`);
    assert.equal(JSON.parse(await this.code("JSON")).transform, transform);
    return { transform, aspectCrop, dimensions };
  }

  /** The crop rectangle on the image, in pixels of the original. */
  async displayedCrop() {
    const [width, height, hoffset, voffset] = await this.page.locator(".edge").evaluate((edge) => ["width", "height", "x", "y"].map((name) => Number(edge.getAttribute(name))));
    return { width, height, hoffset, voffset };
  }

  /** As `assertOutputs`, and the displayed rectangle is that of the response. */
  async assertCrop(query) {
    const answer = await this.assertOutputs(query);
    assert.deepEqual(await this.displayedCrop(), answer.aspectCrop);
    return answer;
  }

  /** The requests for metadata so far. */
  get lookUps() {
    return this.requests.filter((url) => url.startsWith(`${this.site.url}/metadata`));
  }

  /** Asserts that only this Worker and the origin were requested, and that the only browser errors are failures of `failed`. */
  assertNoErrors(failed = []) {
    for (const url of this.requests) assert.ok([this.site.url, this.originUrl].includes(new URL(url).origin), url);
    const unexpected = this.errors.filter((text) => !(text.startsWith("Failed to load resource") && failed.some((part) => text.includes(part))));
    assert.deepEqual(unexpected, []);
  }

  /** Asserts that axe finds no violation and that nothing is wider than the window, and saves a screenshot. */
  async assertAccessible(t, name) {
    assert.deepEqual(await violations(this.page), [], name);
    const { content, window } = await this.page.evaluate(() => ({ content: document.documentElement.scrollWidth, window: innerWidth }));
    assert.ok(content <= window, `${name}: ${content} px in a window of ${window} px`);
    await screenshot(t, this.page, name);
  }
}

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import test, { after, before, suite } from "node:test";
import { openPage, screenshot, startBrowser, violations, withoutBrowser } from "./harness/browser.mjs";
import { assertProblem } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { failure, file, inSequence, Origin, text } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const TOKEN = "token-of-the-tests";

suite("the Inspector's files", () => {
  test("each has its type, a policy and a tag, and is sent once", async (t) => {
    const site = await deploy(t, { config: { originUrl: "https://images.test/assets" } });
    const page = await site.get("/");
    const loaded = [...page.text.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map((match) => match[1]);
    const modules = async (name) => [...(await site.get(name)).text.matchAll(/from "\.(\/[^"]*)"/g)].map((match) => `/inspector${match[1]}`);
    const files = new Set(["/", ...loaded, ...(await modules("/inspector/main.js"))]);
    assert.ok(files.size >= 8, [...files].join());
    const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
    for (const name of files) {
      const answer = await site.get(name);
      assert.equal(answer.status, 200, name);
      const type = types[name === "/" ? "html" : name.split(".").at(-1)];
      assert.equal(answer.headers["content-type"], `${type}; charset=utf-8`, name);
      assert.equal(answer.headers["cache-control"], "no-cache");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      assert.equal(answer.headers["referrer-policy"], "no-referrer");
      assert.equal(answer.headers["cross-origin-opener-policy"], "same-origin");
      assert.equal(
        answer.headers["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https://images.test; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      const again = await site.get(name, { "If-None-Match": answer.etag });
      assert.deepEqual([again.status, again.text, again.etag], [304, "", answer.etag], name);
      const head = await site.request("HEAD", name);
      assert.deepEqual([head.status, head.text, head.etag], [200, "", answer.etag], name);
    }
    assert.equal(site.origin.requests.length, 0);
  });

  test("other methods are refused, and other files are not there", async (t) => {
    const site = await deploy(t);
    const refused = await site.request("POST", "/");
    assertProblem(refused, 405, "method-not-allowed");
    assert.equal(refused.headers.allow, "GET, HEAD, OPTIONS");
    assert.equal((await site.request("OPTIONS", "/")).status, 204);
    for (const name of ["/inspector", "/inspector/", "/inspector/page.html", "/inspector/../", "/index.html"]) {
      assertProblem(await site.get(name), 404, "no-route");
    }
  });

  test("switched off, there is nothing", async (t) => {
    const site = await deploy(t, { config: { inspector: false } });
    for (const method of ["GET", "POST", "OPTIONS"]) {
      for (const name of ["/", "/inspector/main.js"]) assertProblem(await site.request(method, name), 404, "no-route");
    }
    assert.equal((await site.get("/metadata/a.jpg")).status, 200);
  });
});

suite("the Inspector in a browser", { skip: withoutBrowser }, () => {
  const TYPES = { ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif", ".gif": "image/gif" };
  const samples = path.join(root, "samples");
  const origin = new Origin();
  let originUrl;
  let site;
  let browser;
  const ends = [];

  before(async () => {
    originUrl = `http://${await origin.listen()}`;
    origin.on(failure(404));
    for (const name of readdirSync(samples, { recursive: true })) {
      const type = TYPES[path.extname(name)];
      if (type) origin.on(encodeURI(`/${name}`), file(path.join(samples, name), type));
    }
    // `after` would belong to this hook, and end them with it.
    const suite = { after: (end) => ends.unshift(end) };
    site = await wranglerDev(suite, { metadata: { originUrl }, env: { ADMIN_TOKEN: TOKEN } });
    browser = await startBrowser(suite);
  });
  after(async () => {
    for (const end of ends) await end();
    await origin.close();
  });

  const visit = async (t, fragment = "", options) => new Visit(await openPage(t, browser, `${site.url}/${fragment}`, options));

  /** A visitor of the page, who knows where things are. */
  class Visit {
    constructor({ page, requests, complaints }) {
      Object.assign(this, { page, requests, complaints });
    }

    async lookUp(text) {
      await this.page.getByLabel("Path of an image").fill(text);
      await this.page.getByRole("button", { name: "Look up" }).click();
    }

    /** Waits for an answer about a path. */
    async answered(name) {
      await this.page.getByRole("img", { name, exact: true }).waitFor({ state: "attached" });
      await this.page.locator("#image:not([aria-busy])").waitFor();
    }

    async problem(code, box = "#problem") {
      const problem = this.page.locator(box, { hasText: code });
      await problem.waitFor();
      return problem.innerText();
    }

    output(name) {
      return this.page.locator(".output", { hasText: name }).locator("code").innerText();
    }

    /** Waits until the request on the page is the one expected, and compares all that follows from it with its answer. */
    async asks(query) {
      const { page } = this;
      await page.locator(".output code", { hasText: query }).waitFor();
      await page.locator("#image:not([aria-busy])").waitFor();
      const request = new URL(await this.output("Request"));
      assert.equal(request.origin, site.url);
      const { transform, aspectCrop, dimensions, path: name } = (await site.get(request.pathname + request.search)).json;
      assert.equal(await this.output("Transform"), transform);
      const image = `${originUrl}/${name.split("/").map(encodeURIComponent).join("/")}`;
      assert.equal(
        await this.output("Element"),
        `<img src="/cdn-cgi/image/${transform}/${image}" width="${dimensions.width}" height="${dimensions.height}" alt="">`,
      );
      return { transform, aspectCrop, dimensions };
    }

    /** The rectangle on the picture, in the pixels of the original. */
    async cropShown() {
      const [width, height, hoffset, voffset] = await this.page.locator(".edge").evaluate((edge) => ["width", "height", "x", "y"].map((name) => Number(edge.getAttribute(name))));
      return { width, height, hoffset, voffset };
    }

    /** The same, and the rectangle is that of the answer. */
    async crops(query) {
      const answer = await this.asks(query);
      assert.deepEqual(await this.cropShown(), answer.aspectCrop);
      return answer;
    }

    /** Nobody but this Worker and the origin was asked, and the browser has nothing to say but that `failed` failed. */
    assertCalm(failed = []) {
      for (const url of this.requests) assert.ok([site.url, originUrl].includes(new URL(url).origin), url);
      const rest = this.complaints.filter((text) => !(text.startsWith("Failed to load resource") && failed.some((part) => text.includes(part))));
      assert.deepEqual(rest, []);
    }

    /** Nothing is wider than the window, axe has nothing to say, and there is a picture of it. */
    async examine(t, name) {
      assert.deepEqual(await violations(this.page), [], name);
      const { wide, window } = await this.page.evaluate(() => ({ wide: document.documentElement.scrollWidth, window: innerWidth }));
      assert.ok(wide <= window, `${name}: ${wide} px in a window of ${window} px`);
      await screenshot(t, this.page, name);
    }
  }

  test("shows an image, its metadata, and which layer answered", async (t) => {
    const it = await visit(t);
    await it.page.getByRole("heading", { name: "See how large an image is" }).waitFor();
    await it.lookUp("landscape.jpg");
    await it.answered("landscape.jpg");
    assert.equal(await it.page.getByRole("img", { name: "landscape.jpg" }).evaluate((img) => img.decode().then(() => img.naturalWidth)), 1600);
    const metadata = await it.page.locator("#metadata-facts").innerText();
    for (const fact of ["1,600 × 1,067", "jpeg", "image/jpeg", "28.0 kB", "high", "format-json"]) assert.ok(metadata.includes(fact), `${fact} in ${metadata}`);
    const answer = it.page.locator("#answer-facts");
    await answer.locator(".badge.origin").waitFor();
    assert.deepEqual(await answer.getByRole("rowheader").allInnerTexts(), ["memory", "kv", "origin", "total", "round trip"]);
    assert.match(await it.page.getByRole("status").innerText(), /^landscape\.jpg: 1600 by 1067 pixels\. Answered by origin\.$/);
    await it.lookUp("landscape.jpg");
    await answer.locator(".badge.memory").waitFor();
    assert.equal(await answer.locator("dd code").first().innerText(), (await site.get("/metadata/landscape.jpg")).etag);
    it.assertCalm();
  });

  test("takes a name as it is, and the URL of an image", async (t) => {
    const it = await visit(t);
    await it.lookUp("/gallery/Größe 1.png");
    await it.answered("gallery/Größe 1.png");
    await it.lookUp("wide.webp");
    await it.answered("wide.webp");
    await it.lookUp(`${originUrl}/gallery/Gr%C3%B6%C3%9Fe%201.png?x#y`);
    await it.answered("gallery/Größe 1.png");
    assert.equal(await it.page.getByLabel("Path of an image").inputValue(), "gallery/Größe 1.png");
    it.assertCalm();
  });

  test("remembers ten paths until they are cleared", async (t) => {
    const names = ["landscape.jpg", "portrait.png", "wide.webp", "photo.avif", "animation.gif", "corners.png"];
    const old = Array.from({ length: 9 }, (_, n) => `old-${n}.jpg`);
    const it = await visit(t);
    await it.page.evaluate((paths) => localStorage.setItem("inspector.recent", JSON.stringify(paths)), old);
    for (const name of names) {
      await it.lookUp(name);
      await it.answered(name);
    }
    await it.page.goto(site.url);
    const recent = it.page.getByRole("region", { name: "Recent" });
    assert.deepEqual(await recent.getByRole("listitem").allInnerTexts(), [...names.toReversed(), ...old.slice(0, 4)]);
    assert.equal(await it.page.locator("#recent-paths option").count(), 10);
    await recent.getByRole("button", { name: "wide.webp" }).click();
    await it.answered("wide.webp");
    assert.equal(await recent.getByRole("listitem").first().innerText(), "wide.webp");
    await recent.getByRole("button", { name: "Clear" }).click();
    await recent.waitFor({ state: "hidden" });
    await it.page.reload();
    await it.answered("wide.webp");
    it.assertCalm();
  });

  test("says what is wrong with a path or a parameter", async (t) => {
    const it = await visit(t);
    await it.lookUp("none.jpg");
    const missing = (await site.get("/metadata/none.jpg")).json;
    assert.equal(await it.problem("not-found"), `${missing.title}\n\n${missing.detail}\n\n404 · not-found`);
    for (const name of ["a//b.jpg", "a\\b.jpg", "a/../b.jpg", "..", "<img src=x onerror=alert(1)>\\"]) {
      await it.lookUp(name);
      assert.match(await it.problem("invalid-path"), /^Invalid path\n/, name);
      assert.equal(await it.page.locator("#result").isHidden(), true);
    }
    await it.lookUp("landscape.jpg");
    await it.answered("landscape.jpg");
    await it.page.locator("#problem").waitFor({ state: "hidden" });
    await it.page.getByLabel("Ratio", { exact: true }).fill("16");
    await it.page.keyboard.press("Enter");
    assert.match(await it.problem("invalid-parameter"), /'aspect'/);
    assert.equal(await it.page.locator("#result").isVisible(), true);
    await it.page.getByLabel("Ratio", { exact: true }).fill("16:9");
    await it.page.keyboard.press("Enter");
    await it.page.locator("#problem").waitFor({ state: "hidden" });
    await it.asks("aspect=16:9");
    await it.page.getByLabel("Focal x").fill("1.5");
    await it.page.keyboard.press("Enter");
    assert.match(await it.problem("invalid-parameter"), /'focal'/);
    it.assertCalm(["none.jpg", "a//b.jpg", "%5C", "aspect=16"]);
  });

  test("knows an image that the browser cannot show", async (t) => {
    origin.on("/strange.jpg", inSequence(file(path.join(samples, "landscape.jpg"), "image/jpeg"), text("no image")));
    const it = await visit(t);
    await it.lookUp("strange.jpg");
    await it.page.getByText("This page cannot show the picture.").waitFor();
    assert.match(await it.page.locator("#metadata-facts").innerText(), /1,600 × 1,067/);
    it.assertCalm();
  });

  test("crops to a ratio or for a platform, to a size, or expands", async (t) => {
    const it = await visit(t, "#path=landscape.jpg");
    const { page } = it;
    await it.answered("landscape.jpg");
    const pressed = () => page.locator("[aria-pressed=true]").allInnerTexts();
    assert.deepEqual(await pressed(), ["Whole"]);
    assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), false);

    await page.getByRole("button", { name: "1:1" }).click();
    await it.crops("?aspect=1:1");
    assert.deepEqual(await pressed(), ["1:1"]);

    await page.getByLabel("Platform").selectOption("Instagram 4:5");
    await it.crops("?platform=instagram&content=portrait");
    assert.deepEqual(await pressed(), []);

    await page.getByLabel("Device").selectOption("mobile 600");
    assert.equal((await it.asks("&device=mobile")).dimensions.width, 600);
    await page.getByLabel("Width").fill("300");
    await page.keyboard.press("Enter");
    assert.equal((await it.asks("content=portrait&width=300")).dimensions.width, 300);

    await page.getByLabel("Expand, not crop").check();
    assert.match((await it.asks("&allowExpansion=true")).transform, /fit=pad/);
    await page.locator(".padded").waitFor();
    assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), false);
    it.assertCalm();
  });

  test("the crop follows the focal point that is dragged", async (t) => {
    const it = await visit(t, "#path=landscape.jpg&aspect=1:1");
    const { page } = it;
    await it.answered("landscape.jpg");
    const before = await it.cropShown();
    const handle = page.getByRole("button", { name: "Focal point" });
    const frame = await page.locator("#frame").boundingBox();
    const at = (x, y) => [frame.x + x * frame.width, frame.y + y * frame.height];

    await page.mouse.move(...at(0.5, 0.5));
    await page.mouse.down();
    await page.mouse.move(...at(0.6, 0.5), { steps: 5 });
    const underWay = await it.crops("focal=0.6,0.5");
    await page.mouse.move(...at(0.7, 0.4), { steps: 10 });
    await page.mouse.up();
    const { aspectCrop } = await it.crops("focal=0.7,0.4");
    assert.ok(aspectCrop.hoffset > underWay.aspectCrop.hoffset && underWay.aspectCrop.hoffset > before.hoffset);
    const box = await handle.boundingBox();
    assert.ok(Math.abs(box.x + box.width / 2 - at(0.7, 0)[0]) < 1.5, "the handle is where it was left");
    assert.deepEqual([await page.getByLabel("Focal x").inputValue(), await page.getByLabel("Focal y").inputValue()], ["0.7", "0.4"]);

    // Beyond the edge, and from anywhere on the picture.
    await page.mouse.move(...at(0.2, 0.2));
    await page.mouse.down();
    await page.mouse.move(...at(-0.5, 0.2), { steps: 3 });
    await page.mouse.up();
    assert.equal((await it.crops("focal=0,0.2")).aspectCrop.hoffset, 0);
    it.assertCalm();
  });

  test("the focal point moves by the keyboard, and is announced", async (t) => {
    const it = await visit(t, "#path=portrait.png&aspect=1:1");
    const { page } = it;
    await it.answered("portrait.png");
    const handle = page.getByRole("button", { name: "Focal point" });
    await handle.focus();
    assert.match(await page.locator(`#${await handle.getAttribute("aria-describedby")}`).innerText(), /arrow keys/);
    await handle.press("ArrowDown");
    await it.asks("focal=0.5,0.51");
    await handle.press("Shift+ArrowUp");
    await it.asks("focal=0.5,0.41");
    await handle.press("ArrowLeft");
    const { aspectCrop } = await it.crops("focal=0.49,0.41");
    await page.getByRole("status").filter({ hasText: `Focal point 0.49, 0.41. Crop 600 by 600 at 0, ${aspectCrop.voffset}.` }).waitFor({ state: "attached" });
    await page.getByLabel("Focal y").fill("0.9");
    await page.keyboard.press("Enter");
    await it.asks("focal=0.49,0.9");
    it.assertCalm();
  });

  test("the address is the state, to be shared and gone back to", async (t) => {
    const it = await visit(t, "#path=gallery/Größe 1.png&aspect=1:1&focal=0.3,0.5");
    const { page } = it;
    await it.asks("/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=1:1&focal=0.3,0.5");
    await page.getByRole("button", { name: "16:9" }).click();
    await page.waitForURL((url) => url.hash === "#path=gallery/Gr%C3%B6%C3%9Fe+1.png&aspect=16:9&focal=0.3,0.5");
    await it.lookUp("landscape.jpg");
    await it.asks("/metadata/landscape.jpg?aspect=16:9&focal=0.3,0.5");
    await page.goBack();
    await it.asks("/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=16:9&focal=0.3,0.5");
    it.assertCalm();
  });

  test("copies each of the texts", async (t) => {
    const it = await visit(t, "#path=landscape.jpg&aspect=16:9");
    const { page } = it;
    await it.asks("aspect=16:9");
    for (const name of ["Request", "Transform", "Element"]) {
      const text = await it.output(name);
      await page.getByRole("button", { name: `Copy ${name.toLowerCase()}` }).click();
      await page.getByRole("status").filter({ hasText: `${name} copied.` }).waitFor({ state: "attached" });
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
    }
    it.assertCalm();
  });

  test("without a clipboard the text is selected", async (t) => {
    const it = await visit(t, "#path=landscape.jpg&aspect=16:9", { permissions: [] });
    await it.asks("aspect=16:9");
    await it.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await it.page.getByRole("button", { name: "Copy transform" }).click();
    await it.page.getByRole("status").filter({ hasText: "Transform selected." }).waitFor({ state: "attached" });
    assert.equal(await it.page.evaluate(() => getSelection().toString()), await it.output("Transform"));
    it.assertCalm();
  });

  test("the numbers of the isolate are for the holder of the token", async (t) => {
    const it = await visit(t);
    const { page } = it;
    await page.getByRole("tab", { name: "Image" }).focus();
    await page.keyboard.press("ArrowRight");
    const field = page.getByLabel("Admin token");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    assert.match(await it.problem("forbidden", "#stats-problem"), /ADMIN_TOKEN/);
    await field.fill(TOKEN);
    const asked = page.waitForRequest("**/stats");
    await page.keyboard.press("Enter");
    assert.equal(await (await asked).headerValue("authorization"), `Bearer ${TOKEN}`);
    await page.getByText(/^Isolate [0-9a-f]{16}, started .* ago, version /).waitFor();
    assert.equal(await field.isVisible(), false);
    for (const name of ["Hit rate", "Answers by layer", "Entries by age", "Durations by layer"]) {
      await page.getByRole("heading", { name, exact: true }).waitFor();
    }
    const durations = page.getByRole("figure").filter({ hasText: "Durations by layer" });
    for (const layer of ["memory", "kv", "origin", "inflight"]) {
      await durations.getByRole("img", { name: new RegExp(`^Durations of answers by ${layer}: [\\d,]+$`) }).waitFor();
    }
    await durations.getByText("As a table").click();
    const rows = await durations.getByRole("row").count();
    // It asks again by itself; what is open stays so, and keeps the focus.
    await page.waitForResponse("**/stats");
    await page.waitForResponse("**/stats");
    assert.equal(await durations.getByRole("row").count(), rows);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "As a table");

    await page.reload();
    await page.getByRole("heading", { name: "Hit rate" }).waitFor();
    assert.equal(await page.evaluate((token) => JSON.stringify(localStorage).includes(token), TOKEN), false);
    await page.getByRole("button", { name: "Forget the token" }).click();
    await field.waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    it.assertCalm(["/stats"]);
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of [["wide", { width: 1280, height: 900 }], ["narrow", { width: 360, height: 780 }]]) {
      test(`is accessible and fits, ${colorScheme} and ${size}`, async (t) => {
        const it = await visit(t, "", { colorScheme, viewport });
        const { page } = it;
        const name = (state) => `${state}-${colorScheme}-${size}`;
        await it.examine(t, name("empty"));
        await it.lookUp("none.jpg");
        await it.problem("not-found");
        await it.examine(t, name("error"));
        await it.lookUp("landscape.jpg");
        await it.answered("landscape.jpg");
        await it.examine(t, name("image"));
        await page.getByRole("button", { name: "1:1" }).click();
        const handle = page.getByRole("button", { name: "Focal point" });
        await handle.hover();
        await page.mouse.down();
        const frame = await page.locator("#frame").boundingBox();
        await page.mouse.move(frame.x + 0.68 * frame.width, frame.y + 0.42 * frame.height, { steps: 4 });
        await page.mouse.up();
        await it.asks("focal=0.6");
        await it.examine(t, name("crop"));
        await page.getByLabel("Expand, not crop").check();
        await it.asks("allowExpansion=true");
        await page.getByText("JSON", { exact: true }).click();
        await it.examine(t, name("expanded"));
        await page.getByRole("tab", { name: "Isolate" }).click();
        await it.examine(t, name("token"));
        await page.getByLabel("Admin token").fill(TOKEN);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Hit rate" }).waitFor();
        await it.examine(t, name("stats"));
        for (const summary of await page.getByText("As a table").all()) await summary.click();
        await it.examine(t, name("tables"));
        it.assertCalm(["none.jpg"]);
      });
    }
  }
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test, { after, before, suite } from "node:test";
import { openPage, screenshot, startBrowser, violations, withoutBrowser } from "./harness/browser.mjs";
import { assertProblem } from "./harness/expect.mjs";
import { root } from "./harness/modules.mjs";
import { failure, file, inSequence, Origin, text } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const TOKEN = "token-of-the-tests";

suite("The Inspector's files", () => {
  test("Each file of the Inspector has its type, security headers and an ETag, and is revalidated with 304", async (t) => {
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

  test("Other methods on the Inspector are a 405, and other paths a 404", async (t) => {
    const site = await deploy(t);
    const refused = await site.request("POST", "/");
    assertProblem(refused, 405, "method-not-allowed");
    assert.equal(refused.headers.allow, "GET, HEAD, OPTIONS");
    assert.equal((await site.request("OPTIONS", "/")).status, 204);
    for (const name of ["/inspector", "/inspector/", "/inspector/page.html", "/inspector/../", "/index.html"]) {
      assertProblem(await site.get(name), 404, "no-route");
    }
  });

  test("With inspector = false every path of the Inspector is a 404", async (t) => {
    const site = await deploy(t, { config: { inspector: false } });
    for (const method of ["GET", "POST", "OPTIONS"]) {
      for (const name of ["/", "/inspector/main.js"]) assertProblem(await site.request(method, name), 404, "no-route");
    }
    assert.equal((await site.get("/metadata/a.jpg")).status, 200);
  });
});

suite("The Inspector in a browser", { skip: withoutBrowser }, () => {
  const TYPES = { ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif", ".gif": "image/gif" };
  const samples = path.join(root, "samples");
  const origin = new Origin();
  let originUrl;
  let site;
  let browser;
  const cleanups = [];

  before(async () => {
    originUrl = `http://${await origin.listen()}`;
    origin.on(failure(404));
    for (const name of readdirSync(samples, { recursive: true })) {
      const type = TYPES[path.extname(name)];
      if (type) origin.on(encodeURI(`/${name}`), file(path.join(samples, name), type));
    }
    // `after` called in this hook would run at its end.
    const suite = { after: (cleanup) => cleanups.unshift(cleanup) };
    site = await wranglerDev(suite, { metadata: { originUrl }, env: { ADMIN_TOKEN: TOKEN } });
    browser = await startBrowser(suite);
  });
  after(async () => {
    for (const cleanup of cleanups) await cleanup();
    await origin.close();
  });

  const openInspector = async (t, fragment = "", options, { url } = site) => new InspectorPage(await openPage(t, browser, `${url}/${fragment}`, options), url);

  /** Page object of the Inspector. */
  class InspectorPage {
    constructor({ page, requests, errors }, url) {
      Object.assign(this, { page, requests, errors, url });
    }

    async lookUp(text) {
      await this.page.getByLabel("Path of an image").fill(text);
      await this.page.getByRole("button", { name: "Look up" }).click();
    }

    /** Waits for the result for a path. */
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

    /** Waits until the page shows the expected request, and compares its outputs with the Worker's response. */
    async assertOutputs(query) {
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

    /** Asserts that only this Worker and the origin were requested, and that the only browser errors are failures of `failed`. */
    assertNoErrors(failed = []) {
      for (const url of this.requests) assert.ok([this.url, originUrl].includes(new URL(url).origin), url);
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

  test("The Inspector shows an image, its metadata, and which layer answered", async (t) => {
    const inspector = await openInspector(t);
    await inspector.page.getByRole("heading", { name: "Inspect an image and see which cache answered" }).waitFor();
    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    assert.equal(await inspector.page.getByRole("img", { name: "landscape.jpg" }).evaluate((img) => img.decode().then(() => img.naturalWidth)), 1600);
    const metadata = await inspector.page.locator("#metadata-facts").innerText();
    for (const fact of ["1,600 × 1,067", "jpeg", "image/jpeg", "28.0 kB", "high", "format-json"]) assert.ok(metadata.includes(fact), `${fact} in ${metadata}`);
    const answer = inspector.page.locator("#answer-facts");
    await answer.locator(".badge.origin").waitFor();
    assert.deepEqual(await answer.getByRole("rowheader").allInnerTexts(), ["memory", "kv", "origin", "total", "round trip"]);
    assert.match(await inspector.page.getByRole("status").innerText(), /^landscape\.jpg: 1600 by 1067 pixels\. Answered by origin\.$/);
    await inspector.lookUp("landscape.jpg");
    await answer.locator(".badge.memory").waitFor();
    assert.equal(await answer.locator("dd code").first().innerText(), (await site.get("/metadata/landscape.jpg")).etag);
    inspector.assertNoErrors();
  });

  test("The Inspector accepts a path and the URL of an image", async (t) => {
    const inspector = await openInspector(t);
    await inspector.lookUp("/gallery/Größe 1.png");
    await inspector.answered("gallery/Größe 1.png");
    await inspector.lookUp("wide.webp");
    await inspector.answered("wide.webp");
    await inspector.lookUp(`${originUrl}/gallery/Gr%C3%B6%C3%9Fe%201.png?x#y`);
    await inspector.answered("gallery/Größe 1.png");
    assert.equal(await inspector.page.getByLabel("Path of an image").inputValue(), "gallery/Größe 1.png?x");
    assert.equal(await inspector.output("Request"), `${site.url}/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png`);
    assert.equal(await inspector.page.locator("#origin-url").innerText(), `${originUrl}/`);
    inspector.assertNoErrors();
  });

  suite("With several origins", () => {
    const hidden = new Origin();
    let several;
    let hiddenUrl;

    before(async () => {
      hiddenUrl = `http://${await hidden.listen()}/hidden`;
      hidden.on(file(path.join(samples, "wide.webp"), "image/webp"));
      const suite = { after: (cleanup) => cleanups.unshift(cleanup) };
      const metadata = {
        originUrl,
        query: ["v", "tag"],
        origins: [
          { prefix: "cdn", url: `${originUrl}/gallery` },
          { prefix: "c", url: `${originUrl}/gallery/deep` },
          { prefix: "cdn/private", url: hiddenUrl, headersSecret: "HEADERS" },
          { prefix: "stored", bucket: "IMAGES" },
        ],
      };
      const objects = Object.fromEntries(["portrait.png", "corners.png"].map((name) => [name, { bytes: readFileSync(path.join(samples, name)) }]));
      several = await wranglerDev(suite, { metadata, env: { HEADERS: '{"Authorization":"Bearer hidden"}' }, objects });
    });
    after(() => hidden.close());

    const open = (t, fragment) => openInspector(t, fragment, {}, several);
    const NO_PICTURE = "No picture: the origin of this path is a bucket, a Worker or private, so a browser cannot reach it.";
    /** The URL of the picture that the page shows for a path, after it has loaded. */
    const shown = (inspector, name) =>
      inspector.page.getByRole("img", { name, exact: true }).evaluate((img) => img.decode().then(() => img.src));

    test("The Inspector shows the picture from the origin with the longest prefix of the path", async (t) => {
      origin.on("/cdn2/private.jpg", file(path.join(samples, "landscape.jpg"), "image/jpeg"));
      const inspector = await open(t);
      assert.equal(await inspector.page.locator("#origin-url").innerText(), "5 origins");
      for (const [name, url] of [
        ["landscape.jpg", "/landscape.jpg"],
        ["cdn/Größe 1.png", "/gallery/Gr%C3%B6%C3%9Fe%201.png"],
        ["cdn2/private.jpg", "/cdn2/private.jpg"],
      ]) {
        await inspector.lookUp(name);
        await inspector.answered(name);
        assert.equal(await shown(inspector, name), originUrl + url);
        assert.ok((await inspector.output("Element")).includes(`src="${originUrl}${url}"`));
      }
      inspector.assertNoErrors();
    });

    test("The Inspector says why there is no picture of an image in a bucket or at a private origin", async (t) => {
      const inspector = await open(t);
      const { page } = inspector;
      for (const [name, size] of [
        ["stored/portrait.png", /600 × 900/],
        ["stored/corners.png", /64 × 48/],
        ["cdn/private/any/wide.webp", /2,400 × 800/],
      ]) {
        await inspector.lookUp("landscape.jpg");
        await shown(inspector, "landscape.jpg");
        await inspector.lookUp(name);
        await page.getByText(NO_PICTURE).waitFor();
        await page.locator("#image:not([aria-busy])").waitFor();
        assert.equal(await page.locator("#frame img").isVisible(), false);
        assert.match(await page.locator("#metadata-facts").innerText(), size);
        assert.ok((await inspector.output("Element")).startsWith(`<img src="/${name}"`));
        await inspector.assertAccessible(t, `no-picture-${path.basename(name, path.extname(name))}`);
      }
      await inspector.lookUp("landscape.jpg");
      assert.equal(await shown(inspector, "landscape.jpg"), `${originUrl}/landscape.jpg`);
      assert.equal(await page.getByText(NO_PICTURE).isVisible(), false);

      const { path: asked, headers } = hidden.requests.at(-1);
      assert.deepEqual([asked, headers.authorization], ["/hidden/any/wide.webp", "Bearer hidden"]);
      const texts = [await page.content(), ...(await Promise.all(inspector.requests.map(async (url) => url.startsWith(several.url) && (await several.get(url.slice(several.url.length))).text)))];
      assert.ok(texts.some((text) => text && text.includes(originUrl)));
      for (const text of texts) for (const secret of [new URL(hiddenUrl).host, "/hidden", "HEADERS", "IMAGES"]) assert.ok(!text || !text.includes(secret), secret);
      inspector.assertNoErrors();
    });

    test("The URL of an image at any public origin becomes its path", async (t) => {
      origin.on("/gallery/deep/1.jpg", file(path.join(samples, "landscape.jpg"), "image/jpeg"));
      const inspector = await open(t);
      const field = inspector.page.getByLabel("Path of an image");
      for (const [typed, name] of [
        [`${originUrl}/gallery/Gr%C3%B6%C3%9Fe%201.png`, "cdn/Größe 1.png"],
        [`${originUrl}/gallery/deep/1.jpg`, "c/1.jpg"],
        [`  ${originUrl}/landscape.jpg#top`, "landscape.jpg"],
      ]) {
        await inspector.lookUp(typed);
        await inspector.answered(name);
        assert.equal(await field.inputValue(), name);
      }
      inspector.assertNoErrors();
    });

    test("The query of a version is part of the look-up, the picture and the copied texts, without crop parameters", async (t) => {
      const inspector = await open(t, "#aspect=1:1");
      const { page } = inspector;
      for (const typed of ["landscape.jpg?v=3&width=10&r=2:1&utm=1", `${originUrl}/landscape.jpg?utm=1&v=3&p=0,0#top`]) {
        await inspector.lookUp(typed);
        await page.locator(".output code", { hasText: "?v=3&aspect=1:1" }).waitFor();
        await page.locator("#image:not([aria-busy])").waitFor();
        assert.equal(await shown(inspector, "landscape.jpg"), `${originUrl}/landscape.jpg?v=3`);
        const request = await inspector.output("Request");
        assert.equal(request, `${several.url}/metadata/landscape.jpg?v=3&aspect=1:1`);
        const { path: name, query, transform } = (await several.get(request.slice(several.url.length))).json;
        assert.deepEqual([name, query, await inspector.output("Transform")], ["landscape.jpg", "v=3", transform]);
        assert.ok((await inspector.output("Element")).includes(`/${originUrl}/landscape.jpg?v=3"`));
        assert.match(await page.locator("#metadata-facts pre").textContent(), /"query": "v=3"/);
      }
      await page.goto(several.url);
      const again = page.getByRole("region", { name: "Recent" }).getByRole("button", { name: "landscape.jpg?v=3" });
      await again.click();
      await inspector.answered("landscape.jpg");
      assert.equal(await inspector.output("Request"), `${several.url}/metadata/landscape.jpg?v=3`);
      await page.reload();
      await inspector.answered("landscape.jpg");
      assert.equal(await inspector.output("Request"), `${several.url}/metadata/landscape.jpg?v=3`);

      await inspector.lookUp("landscape.jpg?v=a/b");
      assert.match(await inspector.problem("invalid-parameter"), /The parameter 'v' takes 1 to 64/);
      inspector.assertNoErrors(["v=a%2Fb"]);
    });

    test("A question mark in the name of an image is typed as %3F", async (t) => {
      origin.on("/which%3F.jpg", file(path.join(samples, "landscape.jpg"), "image/jpeg"));
      const inspector = await open(t);
      for (const typed of ["which%3F.jpg", `${originUrl}/which%3F.jpg`]) {
        await inspector.lookUp(typed);
        await inspector.answered("which?.jpg");
        assert.equal(await shown(inspector, "which?.jpg"), `${originUrl}/which%3F.jpg`);
        assert.equal(await inspector.page.getByLabel("Path of an image").inputValue(), "which%3F.jpg");
      }
      inspector.assertNoErrors();
    });
  });

  test("The Inspector remembers ten paths until they are cleared", async (t) => {
    const names = ["landscape.jpg", "portrait.png", "wide.webp", "photo.avif", "animation.gif", "corners.png"];
    const old = Array.from({ length: 9 }, (_, n) => `old-${n}.jpg`);
    const inspector = await openInspector(t);
    await inspector.page.evaluate((paths) => localStorage.setItem("inspector.recent", JSON.stringify(paths)), old);
    for (const name of names) {
      await inspector.lookUp(name);
      await inspector.answered(name);
    }
    await inspector.page.goto(site.url);
    const recent = inspector.page.getByRole("region", { name: "Recent" });
    assert.deepEqual(await recent.getByRole("listitem").allInnerTexts(), [...names.toReversed(), ...old.slice(0, 4)]);
    assert.equal(await inspector.page.locator("#recent-paths option").count(), 10);
    await recent.getByRole("button", { name: "wide.webp" }).click();
    await inspector.answered("wide.webp");
    assert.equal(await recent.getByRole("listitem").first().innerText(), "wide.webp");
    await recent.getByRole("button", { name: "Clear" }).click();
    await recent.waitFor({ state: "hidden" });
    await inspector.page.reload();
    await inspector.answered("wide.webp");
    inspector.assertNoErrors();
  });

  test("The Inspector shows the problem of a path or a parameter", async (t) => {
    const inspector = await openInspector(t);
    await inspector.lookUp("none.jpg");
    const missing = (await site.get("/metadata/none.jpg")).json;
    assert.equal(await inspector.problem("not-found"), `${missing.title}\n\n${missing.detail}\n\n404 · not-found`);
    for (const name of ["a//b.jpg", "a\\b.jpg", "a/../b.jpg", "..", "<img src=x onerror=alert(1)>\\"]) {
      await inspector.lookUp(name);
      assert.match(await inspector.problem("invalid-path"), /^Invalid path\n/, name);
      assert.equal(await inspector.page.locator("#result").isHidden(), true);
    }
    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    await inspector.page.locator("#problem").waitFor({ state: "hidden" });
    await inspector.page.getByLabel("Ratio", { exact: true }).fill("16");
    await inspector.page.keyboard.press("Enter");
    assert.match(await inspector.problem("invalid-parameter"), /'aspect'/);
    assert.equal(await inspector.page.locator("#result").isVisible(), true);
    await inspector.page.getByLabel("Ratio", { exact: true }).fill("16:9");
    await inspector.page.keyboard.press("Enter");
    await inspector.page.locator("#problem").waitFor({ state: "hidden" });
    await inspector.assertOutputs("aspect=16:9");
    await inspector.page.getByLabel("Focal x").fill("1.5");
    await inspector.page.keyboard.press("Enter");
    assert.match(await inspector.problem("invalid-parameter"), /'focal'/);
    inspector.assertNoErrors(["none.jpg", "a//b.jpg", "%5C", "aspect=16"]);
  });

  test("The Inspector shows the density and color profile of an image that has them", async (t) => {
    const inspector = await openInspector(t);
    const known = { density: 300, hasProfile: true };
    await inspector.page.route("**/metadata/landscape.jpg*", async (route) => {
      const response = await route.fetch();
      const { path, metadata } = await response.json();
      await route.fulfill({ response, json: { path, metadata: { ...metadata, ...known } } });
    });
    const rows = async () => {
      await inspector.lookUp("landscape.jpg");
      await inspector.answered("landscape.jpg");
      return inspector.page.locator("#metadata-facts").innerText();
    };
    assert.match(await rows(), /Density\s+300 ppi\s+ICC profile\s+embedded/);
    inspector.assertNoErrors();
  });

  test("The Inspector shows the metadata of an image that the browser cannot show", async (t) => {
    origin.on("/strange.jpg", inSequence(file(path.join(samples, "landscape.jpg"), "image/jpeg"), text("no image")));
    const inspector = await openInspector(t);
    await inspector.lookUp("strange.jpg");
    await inspector.page.getByText("The picture cannot be shown.").waitFor();
    assert.match(await inspector.page.locator("#metadata-facts").innerText(), /1,600 × 1,067/);
    inspector.assertNoErrors();
  });

  test("The Inspector crops to a ratio, platform or size, or expands", async (t) => {
    const inspector = await openInspector(t, "#path=landscape.jpg");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const pressed = () => page.locator("[aria-pressed=true]").allInnerTexts();
    assert.deepEqual(await pressed(), ["Whole"]);
    assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), false);

    await page.getByRole("button", { name: "1:1" }).click();
    await inspector.assertCrop("?aspect=1:1");
    assert.deepEqual(await pressed(), ["1:1"]);

    await page.getByLabel("Platform").selectOption("Instagram 4:5");
    await inspector.assertCrop("?platform=instagram&content=portrait");
    assert.deepEqual(await pressed(), []);

    await page.getByLabel("Device").selectOption("mobile 600");
    assert.equal((await inspector.assertOutputs("&device=mobile")).dimensions.width, 600);
    await page.getByLabel("Width").fill("300");
    await page.keyboard.press("Enter");
    assert.equal((await inspector.assertOutputs("content=portrait&width=300")).dimensions.width, 300);

    await page.getByLabel("Expand instead of crop").check();
    assert.match((await inspector.assertOutputs("&allowExpansion=true")).transform, /fit=pad/);
    await page.locator(".padded").waitFor();
    assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), false);
    inspector.assertNoErrors();
  });

  test("The crop follows the focal point while it is dragged", async (t) => {
    const inspector = await openInspector(t, "#path=landscape.jpg&aspect=1:1");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const before = await inspector.displayedCrop();
    const handle = page.getByRole("button", { name: "Focal point" });
    const frame = await page.locator("#frame").boundingBox();
    const at = (x, y) => [frame.x + x * frame.width, frame.y + y * frame.height];

    await page.mouse.move(...at(0.5, 0.5));
    await page.mouse.down();
    await page.mouse.move(...at(0.6, 0.5), { steps: 5 });
    const during = await inspector.assertCrop("focal=0.6,0.5");
    await page.mouse.move(...at(0.7, 0.4), { steps: 10 });
    await page.mouse.up();
    const { aspectCrop } = await inspector.assertCrop("focal=0.7,0.4");
    assert.ok(aspectCrop.hoffset > during.aspectCrop.hoffset && during.aspectCrop.hoffset > before.hoffset);
    const box = await handle.boundingBox();
    assert.ok(Math.abs(box.x + box.width / 2 - at(0.7, 0)[0]) < 1.5, "the handle is where it was dropped");
    assert.deepEqual([await page.getByLabel("Focal x").inputValue(), await page.getByLabel("Focal y").inputValue()], ["0.7", "0.4"]);

    // A drag may start anywhere on the image and end beyond its edge.
    await page.mouse.move(...at(0.2, 0.2));
    await page.mouse.down();
    await page.mouse.move(...at(-0.5, 0.2), { steps: 3 });
    await page.mouse.up();
    assert.equal((await inspector.assertCrop("focal=0,0.2")).aspectCrop.hoffset, 0);
    inspector.assertNoErrors();
  });

  test("The focal point moves by keyboard, and the change is announced", async (t) => {
    const inspector = await openInspector(t, "#path=portrait.png&aspect=1:1");
    const { page } = inspector;
    await inspector.answered("portrait.png");
    const handle = page.getByRole("button", { name: "Focal point" });
    await handle.focus();
    assert.match(await page.locator(`#${await handle.getAttribute("aria-describedby")}`).innerText(), /arrow keys/);
    await handle.press("ArrowDown");
    await inspector.assertOutputs("focal=0.5,0.51");
    await handle.press("Shift+ArrowUp");
    await inspector.assertOutputs("focal=0.5,0.41");
    await handle.press("ArrowLeft");
    const { aspectCrop } = await inspector.assertCrop("focal=0.49,0.41");
    await page.getByRole("status").filter({ hasText: `Focal point 0.49, 0.41. Crop 600 by 600 at 0, ${aspectCrop.voffset}.` }).waitFor({ state: "attached" });
    await page.getByLabel("Focal y").fill("0.9");
    await page.keyboard.press("Enter");
    await inspector.assertOutputs("focal=0.49,0.9");
    inspector.assertNoErrors();
  });

  test("The URL holds the Inspector's state, for sharing and for the browser's history", async (t) => {
    const inspector = await openInspector(t, "#path=gallery/Größe 1.png&aspect=1:1&focal=0.3,0.5");
    const { page } = inspector;
    await inspector.assertOutputs("/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=1:1&focal=0.3,0.5");
    await page.getByRole("button", { name: "16:9" }).click();
    await page.waitForURL((url) => url.hash === "#path=gallery/Gr%C3%B6%C3%9Fe+1.png&aspect=16:9&focal=0.3,0.5");
    await inspector.lookUp("landscape.jpg");
    await inspector.assertOutputs("/metadata/landscape.jpg?aspect=16:9&focal=0.3,0.5");
    await page.goBack();
    await inspector.assertOutputs("/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=16:9&focal=0.3,0.5");
    inspector.assertNoErrors();
  });

  test("The Inspector copies each of its outputs to the clipboard", async (t) => {
    const inspector = await openInspector(t, "#path=landscape.jpg&aspect=16:9");
    const { page } = inspector;
    await inspector.assertOutputs("aspect=16:9");
    for (const name of ["Request", "Transform", "Element"]) {
      const text = await inspector.output(name);
      await page.getByRole("button", { name: `Copy ${name.toLowerCase()}` }).click();
      await page.getByRole("status").filter({ hasText: `${name} copied.` }).waitFor({ state: "attached" });
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
    }
    inspector.assertNoErrors();
  });

  test("Without a clipboard the Inspector selects the output", async (t) => {
    const inspector = await openInspector(t, "#path=landscape.jpg&aspect=16:9", { permissions: [] });
    await inspector.assertOutputs("aspect=16:9");
    await inspector.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await inspector.page.getByRole("button", { name: "Copy transform" }).click();
    await inspector.page.getByRole("status").filter({ hasText: "Transform selected." }).waitFor({ state: "attached" });
    assert.equal(await inspector.page.evaluate(() => getSelection().toString()), await inspector.output("Transform"));
    inspector.assertNoErrors();
  });

  test("The Inspector shows the isolate's statistics after the admin token is entered", async (t) => {
    const inspector = await openInspector(t);
    const { page } = inspector;
    await page.getByRole("tab", { name: "Image" }).focus();
    await page.keyboard.press("ArrowRight");
    const field = page.getByLabel("Admin token");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    assert.match(await inspector.problem("forbidden", "#stats-problem"), /ADMIN_TOKEN/);
    await field.fill(TOKEN);
    const request = page.waitForRequest("**/stats");
    await page.keyboard.press("Enter");
    assert.equal(await (await request).headerValue("authorization"), `Bearer ${TOKEN}`);
    await page.getByText(/^Isolate [0-9a-f]{16}, started .* ago, version /).waitFor();
    assert.equal(await field.isVisible(), false);
    for (const name of ["Hit rate", "Responses by layer", "Entries by age", "Durations by layer"]) {
      await page.getByRole("heading", { name, exact: true }).waitFor();
    }
    const durations = page.getByRole("figure").filter({ hasText: "Durations by layer" });
    for (const layer of ["memory", "kv", "origin", "inflight"]) {
      await durations.getByRole("img", { name: new RegExp(`^Durations of responses from ${layer}: [\\d,]+$`) }).waitFor();
    }
    await durations.getByText("As a table").click();
    const rows = await durations.getByRole("row").count();
    // The page polls; an open table stays open and keeps the focus.
    await page.waitForResponse("**/stats");
    await page.waitForResponse("**/stats");
    assert.equal(await durations.getByRole("row").count(), rows);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "As a table");

    await page.reload();
    await page.getByRole("heading", { name: "Hit rate" }).waitFor();
    assert.equal(await page.evaluate((token) => JSON.stringify(localStorage).includes(token), TOKEN), false);
    await page.getByRole("button", { name: "Remove token" }).click();
    await field.waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    inspector.assertNoErrors(["/stats"]);
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of [["wide", { width: 1280, height: 900 }], ["narrow", { width: 360, height: 780 }]]) {
      test(`The Inspector is accessible and fits a ${size} window with the ${colorScheme} color scheme`, async (t) => {
        const inspector = await openInspector(t, "", { colorScheme, viewport });
        const { page } = inspector;
        const name = (state) => `${state}-${colorScheme}-${size}`;
        await inspector.assertAccessible(t, name("empty"));
        await inspector.lookUp("none.jpg");
        await inspector.problem("not-found");
        await inspector.assertAccessible(t, name("error"));
        await inspector.lookUp("landscape.jpg");
        await inspector.answered("landscape.jpg");
        await inspector.assertAccessible(t, name("image"));
        await page.getByRole("button", { name: "1:1" }).click();
        const handle = page.getByRole("button", { name: "Focal point" });
        await handle.hover();
        await page.mouse.down();
        const frame = await page.locator("#frame").boundingBox();
        await page.mouse.move(frame.x + 0.68 * frame.width, frame.y + 0.42 * frame.height, { steps: 4 });
        await page.mouse.up();
        await inspector.assertOutputs("focal=0.6");
        await inspector.assertAccessible(t, name("crop"));
        await page.getByLabel("Expand instead of crop").check();
        await inspector.assertOutputs("allowExpansion=true");
        await page.getByText("JSON", { exact: true }).click();
        await inspector.assertAccessible(t, name("expanded"));
        await page.getByRole("tab", { name: "Isolate" }).click();
        await inspector.assertAccessible(t, name("token"));
        await page.getByLabel("Admin token").fill(TOKEN);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Hit rate" }).waitFor();
        await inspector.assertAccessible(t, name("stats"));
        for (const summary of await page.getByText("As a table").all()) await summary.click();
        await inspector.assertAccessible(t, name("tables"));
        inspector.assertNoErrors(["none.jpg"]);
      });
    }
  }
});

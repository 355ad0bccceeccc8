import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import test, { after, suite } from "node:test";
import { withoutBrowser } from "../harness/browser.mjs";
import { samples, startInspector } from "../harness/inspector.mjs";
import { file, Origin } from "../harness/origin.mjs";

suite("What a user types or pastes into the Inspector", { skip: withoutBrowser }, async () => {
  const hidden = new Origin();
  const hiddenUrl = `http://${await hidden.listen()}/hidden`;
  after(() => hidden.close());
  hidden.on(file(path.join(samples, "wide.webp"), "image/webp"));
  const objects = Object.fromEntries(["portrait.png", "corners.png"].map((name) => [name, { bytes: readFileSync(path.join(samples, name)) }]));
  const { origin, originUrl, site, open } = await startInspector({ after }, (originUrl) => ({
    metadata: {
      originUrl,
      query: ["v", "tag"],
      origins: [
        { prefix: "cdn", url: `${originUrl}/gallery` },
        { prefix: "c", url: `${originUrl}/gallery/deep` },
        { prefix: "cdn/private", url: hiddenUrl, headersSecret: "HEADERS" },
        { prefix: "stored", bucket: "IMAGES" },
      ],
    },
    env: { HEADERS: '{"Authorization":"Bearer hidden"}' },
    objects,
  }));
  const landscape = file(path.join(samples, "landscape.jpg"), "image/jpeg");
  const NO_PICTURE = "No picture: the origin of this path is a bucket, a Worker or private, so a browser cannot reach it. The metadata is complete.";
  /** The URL of the picture that the page shows for a path, after it has loaded. */
  const shown = (inspector, name) => inspector.page.getByRole("img", { name, exact: true }).evaluate((img) => img.decode().then(() => img.src));

  test("The Inspector shows the picture from the origin with the longest prefix of the path", async (t) => {
    origin.on("/cdn2/private.jpg", landscape);
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
    }
    inspector.assertNoErrors();
  });

  test("The Inspector says why there is no picture of an image in a bucket or at a private origin, and shows no focal point", async (t) => {
    const inspector = await open(t);
    const { page } = inspector;
    for (const [name, size] of [
      ["stored/portrait.png", /600 × 900/],
      ["stored/corners.png", /64 × 48/],
      ["cdn/private/any/wide.webp", /2,400 × 800/],
    ]) {
      await inspector.lookUp("landscape.jpg");
      await inspector.answered("landscape.jpg");
      await shown(inspector, "landscape.jpg");
      await page.getByRole("button", { name: "9:16", exact: true }).click();
      await inspector.shows("aspect=9:16");
      assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), true);
      await inspector.lookUp(name);
      await inspector.answered(name);
      await page.getByText(NO_PICTURE).waitFor();
      await page.getByRole("button", { name: "16:9", exact: true }).click();
      await inspector.assertOutputs("aspect=16:9");
      assert.equal(await page.locator("#frame img").isVisible(), false);
      assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), false);
      assert.equal(await page.locator("#frame svg").isVisible(), false);
      assert.equal(await page.locator("#gallery img:visible").count(), 0);
      assert.match(await page.locator("#metadata").innerText(), size);
      await inspector.assertAccessible(t, `no-picture-${path.basename(name, path.extname(name))}`);
    }
    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    assert.equal(await shown(inspector, "landscape.jpg"), `${originUrl}/landscape.jpg`);
    assert.equal(await page.getByText(NO_PICTURE).isVisible(), false);

    const { path: asked, headers } = hidden.requests.at(-1);
    assert.deepEqual([asked, headers.authorization], ["/hidden/any/wide.webp", "Bearer hidden"]);
    const texts = [await page.content(), ...(await Promise.all(inspector.requests.map(async (url) => url.startsWith(site.url) && (await site.get(url.slice(site.url.length))).text)))];
    assert.ok(texts.some((text) => text && text.includes(originUrl)));
    for (const text of texts) for (const secret of [new URL(hiddenUrl).host, "/hidden", "HEADERS", "IMAGES"]) assert.ok(!text || !text.includes(secret), secret);
    inspector.assertNoErrors();
  });

  test("A path, the URL of an image at any public origin, and a resized one become the path of the image", async (t) => {
    origin.on("/gallery/deep/1.jpg", landscape);
    origin.on("/100%25.jpg", landscape);
    origin.on("/a%25.jpg", landscape);
    const { host } = new URL(originUrl);
    const inspector = await open(t);
    for (const [typed, name, text = name] of [
      ["/gallery/Größe 1.png", "gallery/Größe 1.png"],
      ["gallery/Gr%C3%B6%C3%9Fe%201.png", "gallery/Größe 1.png"],
      ["100%.jpg", "100%.jpg"],
      ["a%25.jpg", "a%.jpg"],
      [`${originUrl}/gallery/Gr%C3%B6%C3%9Fe%201.png`, "cdn/Größe 1.png"],
      [`${originUrl}/gallery/deep/1.jpg`, "c/1.jpg"],
      [`  ${originUrl}/landscape.jpg#top`, "landscape.jpg"],
      [`${host}/wide.webp`, "wide.webp"],
      [`//${host}/landscape.jpg`, "landscape.jpg"],
      [`https://${host}/wide.webp`, "wide.webp"],
      ["/cdn-cgi/image/width=80,fit=cover/landscape.jpg", "landscape.jpg"],
      [`https://www.my.site/cdn-cgi/image/width=80/${originUrl}/wide.webp`, "wide.webp"],
      [`${originUrl}/cdn-cgi/image/trim=0;0;167;0,width=1600/gallery/deep/1.jpg`, "c/1.jpg"],
      [`${site.url}/metadata/landscape.jpg`, "landscape.jpg"],
      [`${site.url}/#path=wide.webp&tab=stats`, "wide.webp"],
    ]) {
      await inspector.lookUp(typed);
      await inspector.answered(name);
      assert.equal(await inspector.path.inputValue(), text, typed);
    }
    inspector.assertNoErrors();
  });

  test("The URL of a request to the Worker brings its crop along", async (t) => {
    const inspector = await open(t);
    await inspector.lookUp(`${site.url}/metadata/landscape.jpg?r=1:1&p=0.7%2C0.4&v=3&utm=1`);
    await inspector.assertCrop("landscape.jpg?v=3&aspect=1:1&focal=0.7,0.4");
    await inspector.lookUp(`${site.url}/metadata/landscape.jpg?aspect=16:9`);
    await inspector.assertCrop("landscape.jpg?aspect=16:9");
    inspector.assertNoErrors();
  });

  test("The URL of another host is explained at the field, with its path as a suggestion", async (t) => {
    const inspector = await open(t);
    for (const [typed, name] of [
      ["https://cdn.other.test/landscape.jpg?w=1#x", "landscape.jpg?w=1"],
      [`http://127.0.0.1:1/wide.webp`, "wide.webp"],
    ]) {
      const before = inspector.lookUps.length;
      await inspector.lookUp(typed);
      const text = await inspector.fieldError(inspector.path);
      assert.ok(text.startsWith(`This URL is not below an origin of this Worker: ${originUrl}/gallery, `), text);
      assert.ok(text.endsWith(`Look up ${name}?`), text);
      assert.equal(inspector.lookUps.length, before);
      await inspector.page.locator(".error").getByRole("link").click();
      await inspector.answered(name.replace(/\?.*/, ""));
      assert.equal(await inspector.page.locator(".error").count(), 0);
    }
    inspector.assertNoErrors();
  });

  test("The query of a version is part of the look-up, the picture and the code, and the rest of a query is named", async (t) => {
    const inspector = await open(t);
    const { page } = inspector;
    for (const [typed, note] of [
      ["landscape.jpg?v=3&width=10&r=2:1&utm=1", /\?v=3&width=10&r=2:1&utm=1: only \?v=3 is used/],
      [`${originUrl}/landscape.jpg?utm=1&v=3&p=0,0#top`, /only \?v=3 is used/],
    ]) {
      await inspector.lookUp(typed);
      await inspector.answered("landscape.jpg");
      await page.getByRole("button", { name: "1:1", exact: true }).click();
      await inspector.shows("?v=3&aspect=1:1");
      assert.equal(await shown(inspector, "landscape.jpg"), `${originUrl}/landscape.jpg?v=3`);
      const request = await inspector.request();
      assert.equal(request, `${site.url}/metadata/landscape.jpg?v=3&aspect=1:1`);
      const { path: name, query, transform } = (await site.get(request.slice(site.url.length))).json;
      const json = JSON.parse(await inspector.code("JSON"));
      assert.deepEqual([name, query, transform], [json.path, json.query, json.transform]);
      assert.ok((await inspector.code("HTML")).includes(`/landscape.jpg?v=3"`));
      assert.match(await page.locator("#metadata").innerText(), note);
    }
    await inspector.lookUp("landscape.jpg?w=10");
    await page.getByText("?w=10: ignored, as it selects no version here").waitFor();
    await page.goto(site.url);
    const again = page.getByRole("region", { name: "Recent" }).getByRole("link", { name: "landscape.jpg?v=3" });
    await again.click();
    await inspector.answered("landscape.jpg");
    assert.equal(await inspector.request(), `${site.url}/metadata/landscape.jpg?v=3`);
    await page.reload();
    await inspector.answered("landscape.jpg");
    assert.equal(await inspector.request(), `${site.url}/metadata/landscape.jpg?v=3`);

    await inspector.lookUp("landscape.jpg?v=a/b");
    assert.match(await inspector.fieldError(inspector.path), /The parameter 'v' takes 1 to 64/);
    inspector.assertNoErrors(["v=a%2Fb"]);
  });

  test("A question mark in the name of an image is typed as %3F", async (t) => {
    origin.on("/which%3F.jpg", landscape);
    const inspector = await open(t);
    for (const typed of ["which%3F.jpg", `${originUrl}/which%3F.jpg`]) {
      await inspector.lookUp(typed);
      await inspector.answered("which?.jpg");
      assert.equal(await shown(inspector, "which?.jpg"), `${originUrl}/which%3F.jpg`);
      assert.equal(await inspector.path.inputValue(), "which%3F.jpg");
    }
    inspector.assertNoErrors();
  });
});

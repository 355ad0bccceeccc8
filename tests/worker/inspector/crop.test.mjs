import assert from "node:assert/strict";
import test, { after, suite } from "node:test";
import { withoutBrowser } from "../harness/browser.mjs";
import { startInspector } from "../harness/inspector.mjs";

suite("The Inspector's crop, in a browser", { skip: withoutBrowser }, async () => {
  const { originUrl, site, open } = await startInspector({ after });

  test("The Inspector crops to a ratio, platform or size, or expands", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const pressed = () => page.locator("[data-aspect][aria-pressed=true]").allInnerTexts();
    assert.deepEqual(await pressed(), ["Whole"]);
    assert.equal(await page.getByRole("button", { name: "Focal point" }).isVisible(), false);

    await page.getByRole("button", { name: "1:1", exact: true }).click();
    await inspector.assertCrop("?aspect=1:1");
    assert.deepEqual(await pressed(), ["1:1"]);

    await page.getByRole("combobox", { name: "Platform" }).selectOption("Instagram 4:5");
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

  test("A drag sends one request, at its end, and shows the crop that the Worker returns for each point in between", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=1:1");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const handle = page.getByRole("button", { name: "Focal point" });
    const frame = await page.locator("#frame").boundingBox();
    const at = (x, y) => [frame.x + x * frame.width, frame.y + y * frame.height];
    const focal = async () => Promise.all(["Focal x", "Focal y"].map((name) => page.getByLabel(name).inputValue()));
    const isDisplayed = async () => {
      const { aspectCrop } = (await site.get(`/metadata/landscape.jpg?aspect=1:1&focal=${await focal()}`)).json;
      assert.deepEqual(await inspector.displayedCrop(), aspectCrop);
      return aspectCrop.hoffset;
    };

    const requests = inspector.lookUps.length;
    await page.mouse.move(...at(0.5, 0.5));
    await page.mouse.down();
    const offsets = [];
    for (const x of [0.52, 0.57, 0.613, 0.64, 0.7]) {
      await page.mouse.move(...at(x, 0.4), { steps: 4 });
      offsets.push(await isDisplayed());
    }
    assert.deepEqual(offsets, [...new Set(offsets)].sort((a, b) => a - b));
    assert.equal(inspector.lookUps.length, requests);
    await page.mouse.up();
    await inspector.assertCrop("focal=0.7,0.4");
    assert.equal(inspector.lookUps.length, requests + 1);
    const box = await handle.boundingBox();
    assert.ok(Math.abs(box.x + box.width / 2 - at(0.7, 0)[0]) < 1.5, "the handle is where it was dropped");
    assert.deepEqual(await focal(), ["0.7", "0.4"]);

    // A drag may start anywhere on the image and end beyond its edge.
    await page.evaluate(() => scrollTo(0, 0));
    await page.mouse.move(...at(0.2, 0.2));
    await page.mouse.down();
    await page.mouse.move(...at(-0.5, 0.2), { steps: 3 });
    await page.mouse.up();
    assert.equal((await inspector.assertCrop("focal=0,0.2")).aspectCrop.hoffset, 0);
    assert.equal(inspector.lookUps.length, requests + 2);
    inspector.assertNoErrors();
  });

  test("The response to an earlier request does not move the focal point during a drag", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=1:1");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const held = Promise.withResolvers();
    await page.route("**/metadata/landscape.jpg?aspect=4:3", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByRole("button", { name: "4:3", exact: true }).click();
    await page.getByRole("button", { name: "Focal point" }).hover();
    const frame = await page.locator("#frame").boundingBox();
    await page.mouse.down();
    await page.mouse.move(frame.x + 0.2 * frame.width, frame.y + 0.5 * frame.height, { steps: 3 });
    const response = page.waitForResponse("**/metadata/landscape.jpg?aspect=4:3");
    held.resolve();
    await (await response).finished();
    assert.equal(await page.getByLabel("Focal x").inputValue(), "0.2");
    await page.mouse.up();
    await inspector.assertCrop("aspect=4:3&focal=0.2,0.5");
    inspector.assertNoErrors();
  });

  test("The focal point moves by keyboard, a held key sends one request, and the change is announced", async (t) => {
    const inspector = await open(t, "#path=portrait.png&aspect=1:1");
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

    await handle.focus();
    const requests = inspector.lookUps.length;
    for (let n = 0; n < 10; n++) await page.keyboard.down("ArrowRight");
    assert.equal(inspector.lookUps.length, requests);
    await page.keyboard.up("ArrowRight");
    await inspector.assertCrop("focal=0.59,0.41");
    assert.equal(inspector.lookUps.length, requests + 1);

    await page.getByLabel("Focal y").fill("0.9");
    await page.keyboard.press("Enter");
    await inspector.assertOutputs("focal=0.59,0.9");
    inspector.assertNoErrors();
  });

  test("All platforms' crops are shown at once, as the Worker computes them, follow the focal point, and can be selected", async (t) => {
    const inspector = await open(t, "#path=portrait.png&aspect=1:1&focal=0.5,0.1");
    const { page } = inspector;
    await inspector.answered("portrait.png");
    const gallery = page.getByRole("region", { name: "Platforms" });
    const platforms = { "Twitter 16:9": "platform=twitter", "Facebook 1.91:1": "platform=facebook", "Instagram 1:1": "platform=instagram", "Instagram 4:5": "platform=instagram&content=portrait" };
    const assertCut = async (name, query, focal) => {
      const { aspectCrop, metadata } = (await site.get(`/metadata/portrait.png?${query}&focal=${focal}`)).json;
      const button = gallery.getByRole("button", { name });
      assert.ok((await button.innerText()).includes(`${aspectCrop.width} × ${aspectCrop.height}`), name);
      // The part of the picture that the box shows, in pixels of the image.
      const part = await button.locator("img").evaluate((img, full) => {
        const [box, cut] = [img, img.parentNode].map((element) => element.getBoundingClientRect());
        const scale = full / box.width;
        return { width: cut.width * scale, height: cut.height * scale, hoffset: (cut.left - box.left) * scale, voffset: (cut.top - box.top) * scale };
      }, metadata.width);
      for (const [side, pixels] of Object.entries(aspectCrop)) assert.ok(Math.abs(part[side] - pixels) < 6, `${name}: ${side} ${part[side]}, not ${pixels}`);
    };
    for (const [name, query] of Object.entries(platforms)) await assertCut(name, query, "0.5,0.1");
    await page.getByLabel("Focal y").fill("0.8");
    await page.keyboard.press("Enter");
    await inspector.assertCrop("focal=0.5,0.8");
    for (const [name, query] of Object.entries(platforms)) {
      await assertCut(name, query, "0.5,0.8");
      await gallery.getByRole("button", { name }).click();
      await inspector.assertCrop(`${query}&focal=0.5,0.8`);
      assert.deepEqual(await gallery.locator("[aria-pressed=true] b").allInnerTexts(), [name]);
    }
    // One picture, not one for each platform.
    assert.equal(inspector.requests.filter((url) => url === `${originUrl}/portrait.png`).length, 1);
    inspector.assertNoErrors();
  });

  test("The code is a site's, and each kind of it is what the Worker returns", async (t) => {
    const inspector = await open(t, "#path=gallery/Größe 1.png&aspect=1:1&focal=0.3,0.5");
    const { page } = inspector;
    const { transform, dimensions } = await inspector.assertOutputs("aspect=1:1");
    const name = "gallery/Gr%C3%B6%C3%9Fe%201.png";
    const query = "aspect=1:1&focal=0.3,0.5";
    const src = `/cdn-cgi/image/${transform}/${name}`;
    for (const kind of ["HTML", "picture", "Astro", "Next", "JSON"]) assert.ok(!(await inspector.code(kind)).includes(originUrl), kind);
    assert.equal(await inspector.request(), `${site.url}/metadata/${name}?${query}`);
    assert.deepEqual(JSON.parse(await inspector.code("JSON")), (await site.get(`/metadata/${name}?${query}`)).json);
    assert.ok((await inspector.code("Astro")).includes(`fetch("${site.url}/metadata/${name}?${query}")`));
    for (const kind of ["Astro", "Next"]) assert.ok((await inspector.code(kind)).includes(`src={\`/cdn-cgi/image/\${transform}/${name}\`} width={dimensions.width} height={dimensions.height}`), kind);
    assert.match(await inspector.code("Next"), /^import Image from "next\/image";\n\nexport default async function Picture\(\) \{\n  const response/);

    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    await page.getByRole("button", { name: "16:9", exact: true }).click();
    await inspector.shows("landscape.jpg?aspect=16:9");
    const candidates = await page.evaluate((html) => {
      const source = new DOMParser().parseFromString(html, "text/html").querySelector("picture > source");
      return source.srcset.split(/,\s+/).map((candidate) => candidate.trim().split(" "));
    }, await inspector.code("picture"));
    const expected = await Promise.all(
      [600, 1200, 1600].map(async (width) => {
        const { transform } = (await site.get(`/metadata/landscape.jpg?aspect=16:9&width=${width}`)).json;
        return [`/cdn-cgi/image/${transform}/landscape.jpg`, `${width}w`];
      }),
    );
    assert.deepEqual(candidates, expected);
    assert.notEqual(src, expected[0][0]);
    assert.equal(dimensions.width, dimensions.height);

    // Without a crop there is nothing to transform.
    await page.getByRole("button", { name: "Whole" }).click();
    await page.locator("[data-aspect=''][aria-pressed=true]").waitFor();
    await inspector.idle();
    assert.equal(await inspector.code("HTML"), '<img src="/landscape.jpg" width="1600" height="1067" alt="">');
    assert.ok((await inspector.code("Astro")).includes('<img src={"/landscape.jpg"} width={metadata.width}'));
    inspector.assertNoErrors();
  });

  test("The code has the URL of a public origin, which a site of any host can use", async (t) => {
    const inspector = await open(t);
    const { page } = inspector;
    const origins = JSON.stringify([{ prefix: "", url: "https://images.my.site/assets" }]).replaceAll('"', "&quot;");
    await page.route(`${site.url}/`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace(/data-origins="[^"]*"/, `data-origins="${origins}"`) });
    });
    await page.reload();
    await inspector.lookUp("https://images.my.site/assets/landscape.jpg");
    await inspector.answered("landscape.jpg");
    assert.equal(await inspector.code("HTML"), '<img src="https://images.my.site/assets/landscape.jpg" width="1600" height="1067" alt="">');
    await page.getByRole("button", { name: "16:9", exact: true }).click();
    await inspector.shows("aspect=16:9");
    const { transform } = (await site.get("/metadata/landscape.jpg?aspect=16:9")).json;
    assert.ok((await inspector.code("HTML")).startsWith(`<img src="/cdn-cgi/image/${transform}/https://images.my.site/assets/landscape.jpg"`));
  });

  test("A copy of any kind of code reaches the clipboard, and the kind is remembered", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=16:9");
    const { page } = inspector;
    await inspector.assertOutputs("aspect=16:9");
    for (const kind of ["HTML", "picture", "Astro", "Next", "curl", "JSON"]) {
      const text = await inspector.code(kind);
      await page.getByRole("button", { name: `Copy ${kind}` }).click();
      await page.getByRole("status").filter({ hasText: `${kind} copied.` }).waitFor({ state: "attached" });
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
    }
    await page.getByRole("tab", { name: "JSON" }).press("ArrowLeft");
    await page.getByRole("tabpanel", { name: "curl" }).waitFor();
    await page.reload();
    await page.getByRole("tabpanel", { name: "curl" }).waitFor();
    inspector.assertNoErrors();
  });

  test("Without a clipboard the Inspector selects the code", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=16:9", { permissions: [] });
    await inspector.assertOutputs("aspect=16:9");
    const text = await inspector.code("HTML");
    await inspector.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await inspector.page.getByRole("button", { name: "Copy HTML" }).click();
    await inspector.page.getByRole("status").filter({ hasText: "HTML selected." }).waitFor({ state: "attached" });
    assert.equal(await inspector.page.evaluate(() => getSelection().toString()), text);
    inspector.assertNoErrors();
  });
});

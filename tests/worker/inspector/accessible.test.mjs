import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import path from "node:path";
import test, { after, suite } from "node:test";
import { withoutBrowser } from "../harness/browser.mjs";
import { root } from "../harness/modules.mjs";
import { samples, startInspector, TOKEN } from "../harness/inspector.mjs";

const SAMPLES = ["landscape.jpg", "gallery/Größe 1.png", "bucket/portrait.png"];

suite("The Inspector is accessible and fits the window", { skip: withoutBrowser }, async () => {
  const bytes = readFileSync(path.join(samples, "portrait.png"));
  const { originUrl, open } = await startInspector({ after }, (originUrl) => ({
    metadata: { originUrl, origins: [{ prefix: "bucket", bucket: "IMAGES" }], placeholders: ["thumbhash", "color"], imagesBinding: "RESIZER" },
    images: "RESIZER",
    objects: { "portrait.png": { bytes } },
    // As `npm start` does.
    source: `export { default } from ${JSON.stringify(path.join(root, "scripts/lib/local-worker.mjs"))};`,
    env: { START_IMAGES: JSON.stringify(SAMPLES) },
  }));

  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of [["wide", { width: 1280, height: 900 }], ["narrow", { width: 390, height: 844 }]]) {
      test(`The Inspector is accessible in every state and fits a ${size} window with the ${colorScheme} color scheme`, async (t) => {
        const inspector = await open(t, "", { colorScheme, viewport });
        const { page } = inspector;
        const check = (state) => inspector.assertAccessible(t, `${state}-${colorScheme}-${size}`);
        await check("samples");
        await page.locator("#samples").evaluate((samples) => samples.remove());
        await check("empty");
        await inspector.lookUp("https://cdn.other.test/photos/cat.jpg");
        await inspector.fieldError(inspector.path);
        await check("unknown");
        await inspector.lookUp("none.jpg");
        await inspector.problem("not-found");
        await check("error");
        await inspector.lookUp("landscape.jpg");
        await inspector.answered("landscape.jpg");
        await check("image");
        await page.getByRole("button", { name: "1:1", exact: true }).click();
        const handle = page.getByRole("button", { name: "Focal point" });
        await handle.hover();
        await page.mouse.down();
        const frame = await page.locator("#frame").boundingBox();
        await page.mouse.move(frame.x + 0.68 * frame.width, frame.y + 0.42 * frame.height, { steps: 4 });
        await page.mouse.up();
        await inspector.assertOutputs("focal=0.6");
        await check("crop");
        for (const kind of ["picture", "Astro", "Next", "curl", "JSON"]) {
          await inspector.code(kind);
          await check(`code-${kind}`);
        }
        await page.getByRole("textbox", { name: "Ratio" }).fill("abc");
        await page.keyboard.press("Enter");
        await inspector.fieldError(page.getByRole("textbox", { name: "Ratio" }));
        await check("invalid");
        await page.getByRole("button", { name: "9:16" }).click();
        await page.getByLabel("Expand instead of crop").check();
        await inspector.assertOutputs("allowExpansion=true");
        await check("expanded");
        await inspector.lookUp("bucket/portrait.png");
        await inspector.answered("bucket/portrait.png");
        await check("bucket");

        await page.getByRole("button", { name: "Purge", exact: true }).click();
        const field = page.locator("dialog").getByLabel("Admin token");
        await field.fill("wrong");
        await page.keyboard.press("Enter");
        await page.locator(".error").waitFor();
        await check("purge");
        await field.fill(TOKEN);
        await page.keyboard.press("Enter");
        await page.getByText("Purged, and looked up again.").waitFor();
        await check("purged");
        await page.evaluate(() => sessionStorage.clear());

        await page.getByRole("tab", { name: "List" }).click();
        await check("list");
        const lines = ["landscape.jpg", "portrait.png", "none.jpg", "a//b.jpg", "https://cdn.other.test/a.jpg", "bucket/portrait.png"];
        await page.getByLabel("Paths or URLs").fill(lines.join("\n"));
        await page.getByRole("tabpanel", { name: "List" }).getByRole("button", { name: "Look up" }).click();
        await page.getByRole("status").filter({ hasText: "6 of 6 images" }).waitFor({ state: "attached" });
        await page.getByRole("button", { name: "Width" }).click();
        await check("table");

        await page.getByRole("tab", { name: "Statistics" }).click();
        await check("token");
        await page.locator("#stats").getByLabel("Admin token").press("Enter");
        await check("no-token");
        await page.locator("#stats").getByLabel("Admin token").fill(TOKEN);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Found in a cache" }).waitFor();
        await check("stats");
        for (const summary of await page.getByText("As a table").all()) await summary.click();
        await check("tables");
      });
    }
  }

  test("The samples of npm start are on the first screen, with their pictures", async (t) => {
    const inspector = await open(t);
    const region = inspector.page.getByRole("region", { name: "Or start with a sample" });
    assert.deepEqual((await region.getByRole("link").allInnerTexts()).map((text) => text.split("\n").at(-1)), SAMPLES);
    assert.deepEqual(await region.locator("img").evaluateAll((imgs) => Promise.all(imgs.map((img) => img.decode().then(() => img.src)))), [
      `${originUrl}/landscape.jpg`,
      `${originUrl}/gallery/Gr%C3%B6%C3%9Fe%201.png`,
    ]);
    await region.getByRole("link", { name: "gallery/Größe 1.png" }).click();
    await inspector.answered("gallery/Größe 1.png");
    await inspector.page.goBack();
    await region.waitFor();
    await region.getByRole("link", { name: "bucket/portrait.png" }).click();
    await inspector.answered("bucket/portrait.png");
    inspector.assertNoErrors();
  });

  test("On a phone the picture comes before the controls, and no field is small enough to be zoomed", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=1:1", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const top = (selector) => page.locator(selector).evaluate((element) => element.getBoundingClientRect().top);
    assert.ok((await top("figure.stage")) < (await top("#crop")));
    const picture = await page.locator("#frame").boundingBox();
    assert.ok(picture.y + picture.height < 844, "the whole picture is on the first screen");
    const sizes = () => page.locator("input:visible:not([type=checkbox]), select:visible, textarea:visible").evaluateAll((fields) => fields.map((field) => [field.id || field.name, parseFloat(getComputedStyle(field).fontSize)]));
    let count = 0;
    for (const tab of ["Image", "List", "Statistics"]) {
      await page.getByRole("tab", { name: tab }).click();
      for (const [name, pixels] of await sizes()) assert.ok(pixels >= 16, `${name}: ${pixels} px`);
      count += (await sizes()).length;
    }
    assert.equal(count, 9);
    inspector.assertNoErrors();
  });
});

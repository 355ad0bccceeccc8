import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import test, { after, suite } from "node:test";
import sharp from "sharp";
import { withoutBrowser } from "../harness/browser.mjs";
import { Gate } from "../harness/gate.mjs";
import { samples, startInspector } from "../harness/inspector.mjs";
import { file, gated } from "../harness/origin.mjs";

suite("The Inspector's placeholder, in a browser", { skip: withoutBrowser }, async () => {
  const { origin, site, open } = await startInspector({ after }, (originUrl) => ({
    metadata: { originUrl, origins: [{ prefix: "bucket", bucket: "IMAGES" }], placeholders: ["thumbhash", "color"], imagesBinding: "RESIZER" },
    objects: { "portrait.png": { bytes: readFileSync(path.join(samples, "portrait.png")) } },
    images: "RESIZER",
  }));
  const landscape = file(path.join(samples, "landscape.jpg"), "image/jpeg");

  /** The color in the middle of the picture's frame, as the browser paints it. */
  const painted = async (page) => {
    const pixel = await sharp(await page.locator("#frame").screenshot()).stats();
    return pixel.channels.slice(0, 3).map(({ mean }) => mean);
  };

  test("The Inspector shows the blurred placeholder until the picture is loaded, and fades into it", async (t) => {
    const gate = new Gate();
    // The Worker asks twice, for the metadata and for the picture of the placeholder, before the browser does.
    let requests = 0;
    origin.on("/slow.jpg", (...exchange) => (++requests > 2 ? gated(gate, landscape) : landscape)(...exchange));
    const inspector = await open(t, "#path=slow.jpg");
    const { page } = inspector;
    await inspector.answered("slow.jpg");
    await gate.arrived();
    const frame = page.locator("#frame.waiting");
    await frame.waitFor();
    const before = await painted(page);
    gate.open();
    await page.locator("#frame:not(.waiting)").waitFor();
    await page.waitForFunction(() => getComputedStyle(document.querySelector("#frame img")).opacity === "1");
    const loaded = await painted(page);
    const { metadata } = (await site.get("/metadata/slow.jpg")).json;
    // Both have the colors of the picture, which are far from those of an empty frame.
    for (const channel of [0, 1, 2]) assert.ok(Math.abs(before[channel] - loaded[channel]) < 12, `${before} and ${loaded}`);
    assert.ok(Math.max(...before) - Math.min(...before) > 10, `${before} is not gray`);
    assert.match(metadata.color, /^#[0-9a-f]{6}$/);
    inspector.assertNoErrors();
  });

  test("The color, the hash and the data URL can be copied", async (t) => {
    origin.on("/copied.jpg", landscape);
    const inspector = await open(t, "#path=copied.jpg");
    await inspector.answered("copied.jpg");
    const { metadata, placeholder } = (await site.get("/metadata/copied.jpg?placeholder=data-url")).json;
    for (const [name, text] of [
      ["color", metadata.color],
      ["ThumbHash", metadata.thumbhash],
      ["data URL", placeholder.dataUrl],
    ]) {
      await inspector.page.getByRole("button", { name: `Copy ${name}` }).click();
      await inspector.page.getByRole("status").filter({ hasText: `${name} copied.` }).waitFor();
      assert.equal(await inspector.page.evaluate(() => navigator.clipboard.readText()), text);
    }
    inspector.assertNoErrors();
  });

  test("The placeholder of an image that no browser reaches stays behind the text that says so", async (t) => {
    const inspector = await open(t, "#path=bucket/portrait.png");
    const { page } = inspector;
    await inspector.answered("bucket/portrait.png");
    await page.getByText("No picture: the origin of this path is a bucket").waitFor();
    const behind = await page.locator("#frame").evaluate((frame) => {
      const { backgroundImage, opacity } = getComputedStyle(frame, "::before");
      return { backgroundImage, opacity };
    });
    assert.match(behind.backgroundImage, /^url\("data:image\/png;base64,/);
    assert.equal(behind.opacity, "1");
    await inspector.assertAccessible(t, "placeholder");
    inspector.assertNoErrors();
  });

  test("A pasted link with the parameter placeholder means the image alone", async (t) => {
    origin.on("/linked.jpg", landscape);
    const inspector = await open(t);
    await inspector.lookUp(`${site.url}/metadata/linked.jpg?placeholder=data-url&aspect=1:1`);
    await inspector.answered("linked.jpg");
    assert.equal(await inspector.path.inputValue(), "linked.jpg");
    assert.equal(await inspector.page.getByText("ignored").count(), 0);
    inspector.assertNoErrors();
  });
});

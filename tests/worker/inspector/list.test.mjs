import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { after, suite } from "node:test";
import { withoutBrowser } from "../harness/browser.mjs";
import { startInspector } from "../harness/inspector.mjs";
import { failure, image, inSequence } from "../harness/origin.mjs";

const LIMIT = 8;

suite("The Inspector's list, in a browser", { skip: withoutBrowser }, async () => {
  const { origin, originUrl, site, open } = await startInspector({ after }, (originUrl) => ({ metadata: { originUrl, batchLimit: LIMIT, errorTtl: 0 } }));

  /** Opens the list and starts it with these lines. */
  async function start(t, lines, prepare = () => {}) {
    const inspector = await open(t, "#tab=list");
    const { page } = inspector;
    await prepare(page);
    await page.getByLabel("Paths or URLs, one per line").fill(lines.join("\n"));
    await page.getByRole("tabpanel", { name: "List" }).getByRole("button", { name: "Look up" }).click();
    return inspector;
  }

  const cells = (page, column) => page.locator(`#list-table tbody tr > :nth-child(${column})`).allInnerTexts();
  const finished = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor({ state: "attached" });

  test("A list of paths and URLs becomes a table that fills a batch at a time", async (t) => {
    const names = Array.from({ length: 2 * LIMIT + 3 }, (_, n) => `many/${n}.jpg`);
    for (const [n, name] of names.entries()) origin.on(`/${name}`, image({ width: 100 + n, height: 50 }));
    let proceed = Promise.withResolvers();
    const batches = [];
    const inspector = await start(t, names, (page) =>
      page.route("**/metadata", async (route) => {
        batches.push(route.request().postDataJSON().paths);
        await proceed.promise;
        proceed = Promise.withResolvers();
        await route.continue();
      }),
    );
    const { page } = inspector;
    const progress = page.getByRole("progressbar", { name: "Images looked up" });
    const stop = page.getByRole("button", { name: "Stop" });
    for (const done of [0, LIMIT, 2 * LIMIT]) {
      await page.getByText(`${done} of ${names.length} images`, { exact: true }).waitFor();
      assert.deepEqual([await progress.getAttribute("value"), await progress.getAttribute("max")], [`${done}`, `${names.length}`]);
      assert.deepEqual((await cells(page, 3)).filter(Boolean), Array.from({ length: done }, (_, n) => `${100 + n}`));
      assert.equal(await stop.isVisible(), true);
      proceed.resolve();
    }
    await finished(page, `${names.length} of ${names.length} images.`);
    assert.equal(await stop.isVisible(), false);
    assert.deepEqual(await cells(page, 1), names);
    assert.deepEqual(batches, [names.slice(0, LIMIT), names.slice(LIMIT, 2 * LIMIT), names.slice(2 * LIMIT)]);
    await page.getByRole("link", { name: "many/3.jpg" }).click();
    await inspector.answered("many/3.jpg");
    await page.goBack();
    await page.getByRole("link", { name: "many/3.jpg" }).waitFor();
    inspector.assertNoErrors(["many/3.jpg"]);
  });

  test("Lines are read as in the field of the path, each image is looked up once, and a failure has its reason", async (t) => {
    const inspector = await start(t, [
      "landscape.jpg",
      "",
      "  /landscape.jpg  ",
      `${originUrl}/landscape.jpg`,
      "gallery/Gr%C3%B6%C3%9Fe%201.png",
      "none.jpg",
      "a//b.jpg",
      "a/../b.jpg",
      "https://cdn.other.test/photos/cat.jpg",
    ]);
    const { page } = inspector;
    await finished(page, "6 of 6 images, 3 failed, 1 not of an origin.");
    assert.deepEqual(await cells(page, 2), ["200", "200", "404 not-found", "400 invalid-path", "400 invalid-path", "unknown-url"]);
    assert.deepEqual(await cells(page, 3), ["1,600", "480", "", "", "", ""]);
    const [, , , slash, , other] = await cells(page, 1);
    assert.match(slash, /extra slash/);
    assert.match(other, /This URL is not below an origin of this Worker/);
    assert.equal(inspector.lookUps.length, 1);
    inspector.assertNoErrors();
  });

  test("The columns sort the rows, and say so", async (t) => {
    const inspector = await start(t, ["wide.webp", "none.jpg", "corners.png", "landscape.jpg"]);
    const { page } = inspector;
    await finished(page, "4 of 4 images, 1 failed.");
    const header = (name) => page.getByRole("columnheader", { name });
    for (const [column, order, sorted] of [
      ["Width", "ascending", ["corners.png", "landscape.jpg", "wide.webp", "none.jpg"]],
      ["Width", "descending", ["wide.webp", "landscape.jpg", "corners.png", "none.jpg"]],
      ["Path", "ascending", ["corners.png", "landscape.jpg", "none.jpg", "wide.webp"]],
      ["File size", "ascending", ["corners.png", "wide.webp", "landscape.jpg", "none.jpg"]],
    ]) {
      await header(column).getByRole("button").press("Enter");
      assert.equal(await header(column).getAttribute("aria-sort"), order);
      assert.equal(await page.locator("[aria-sort]").count(), 1);
      assert.deepEqual(await cells(page, 1), sorted, `${column} ${order}`);
    }
    inspector.assertNoErrors();
  });

  test("A list is stopped, and what is missing is looked up later, as are failures", async (t) => {
    const names = Array.from({ length: LIMIT + 2 }, (_, n) => `stop/${n}.jpg`);
    for (const name of names) origin.on(`/${name}`, image());
    origin.on("/stop/1.jpg", inSequence(failure(500), image()));
    const held = Promise.withResolvers();
    let requests = 0;
    const inspector = await start(t, names, (page) =>
      page.route("**/metadata", async (route) => {
        if (++requests === 2) await held.promise;
        await route.continue().catch(() => {});
      }),
    );
    const { page } = inspector;
    await page.getByText(`${LIMIT} of ${names.length} images, 1 failed`).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    held.resolve();
    await page.getByRole("button", { name: "Retry 3" }).click();
    await finished(page, `${names.length} of ${names.length} images.`);
    assert.deepEqual(await cells(page, 2), names.map(() => "200"));
    assert.equal(await page.getByRole("button", { name: /Retry/ }).isVisible(), false);
    assert.equal(inspector.errors.filter((text) => !text.includes("ERR_ABORTED")).length, 0);
  });

  test("If the Worker cannot be reached, the rows of the batch say so", async (t) => {
    const inspector = await start(t, ["landscape.jpg"], (page) => page.route("**/metadata", (route) => route.abort()));
    await finished(inspector.page, "1 of 1 images, 1 failed.");
    assert.deepEqual(await cells(inspector.page, 2), ["no-response"]);
    inspector.assertNoErrors(["/metadata"]);
  });

  test("If a response breaks off or is another server's page, the rows of the batch say so", async (t) => {
    const inspector = await start(t, ["landscape.jpg"], (page) => page.route("**/metadata", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" })));
    await finished(inspector.page, "1 of 1 images, 1 failed.");
    assert.deepEqual(await cells(inspector.page, 2), ["no-response"]);
    inspector.assertNoErrors();
  });

  test("A batch does not move the rows of a list that is not sorted", async (t) => {
    const proceed = Promise.withResolvers();
    const names = Array.from({ length: 2 * LIMIT }, (_, n) => `none/${n}.jpg`);
    const { page } = await start(t, names, (page) => page.route("**/metadata", (route) => proceed.promise.then(() => route.continue())));
    await page.evaluate(() => {
      window.moves = 0;
      new MutationObserver((moves) => (window.moves += moves.length)).observe(document.querySelector("#list-table tbody"), { childList: true });
    });
    proceed.resolve();
    await finished(page, `${names.length} of ${names.length} images`);
    assert.equal(await page.evaluate(() => window.moves), 0);
  });

  test("The table is saved as a CSV file with all fields, and no cell of it is a formula", async (t) => {
    origin.on("/=1+1.jpg", image({ width: 7, height: 5 }));
    const inspector = await start(t, ["landscape.jpg", "=1+1.jpg", "none.jpg"]);
    const { page } = inspector;
    await finished(page, "3 of 3 images, 1 failed.");
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download CSV" }).click();
    const download = await saved;
    assert.equal(download.suggestedFilename(), "images.csv");
    const lines = readFileSync(await download.path(), "utf8").split("\r\n");
    assert.equal(lines.length, 5);
    const { metadata } = (await site.get("/metadata/landscape.jpg")).json;
    const names = lines[0].replace("\uFEFF", "").split(",");
    const row = Object.fromEntries(lines[1].split(",").map((value, n) => [names[n], value]));
    assert.equal(row.path, "landscape.jpg");
    for (const [name, value] of Object.entries(metadata)) assert.equal(row[name], `${value}`, name);
    assert.ok(lines[2].startsWith(`"'=1+1.jpg",200,,,7,5,`), lines[2]);
    assert.ok(lines[3].startsWith("none.jpg,404,not-found,"), lines[3]);
    inspector.assertNoErrors();
  });
});

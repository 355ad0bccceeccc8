import assert from "node:assert/strict";
import path from "node:path";
import test, { after, suite } from "node:test";
import { withoutBrowser } from "../harness/browser.mjs";
import { samples, startInspector, TOKEN } from "../harness/inspector.mjs";
import { file, image, inSequence } from "../harness/origin.mjs";

suite("What the Inspector does for the holder of the admin token, in a browser", { skip: withoutBrowser }, async () => {
  const { origin, site, open } = await startInspector({ after });

  test("The Inspector shows the isolate's statistics after the admin token is entered", async (t) => {
    const inspector = await open(t);
    const { page } = inspector;
    await page.getByRole("tab", { name: "Image" }).focus();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Statistics");
    const field = page.locator("#stats").getByLabel("Admin token");
    await field.press("Enter");
    assert.equal(await inspector.fieldError(field), "Enter the admin token.");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    assert.match(await inspector.fieldError(field), /ADMIN_TOKEN/);
    await field.fill(TOKEN);
    const request = page.waitForRequest("**/stats");
    await page.keyboard.press("Enter");
    assert.equal(await (await request).headerValue("authorization"), `Bearer ${TOKEN}`);
    await page.getByText(/^Isolate [0-9a-f]{16}, started .* ago, version /).waitFor();
    assert.equal(await field.isVisible(), false);
    for (const name of ["Found in a cache", "Responses by layer", "Responses by age of the metadata", "Durations of responses by layer"]) {
      await page.getByRole("heading", { name, exact: true }).waitFor();
    }
    const durations = page.getByRole("figure").filter({ hasText: "Durations of responses by layer" });
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
    await page.getByRole("heading", { name: "Found in a cache" }).waitFor();
    assert.equal(await page.evaluate((token) => JSON.stringify(localStorage).includes(token), TOKEN), false);
    await page.getByRole("button", { name: "Remove token" }).click();
    await field.waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    inspector.assertNoErrors(["/stats"]);
  });

  test("The share of a cache is the sum of the shares below it", async (t) => {
    const inspector = await open(t);
    const { page } = inspector;
    await page.evaluate((token) => sessionStorage.setItem("inspector.token", token), TOKEN);
    await page.route("**/stats", async (route) => {
      const response = await route.fetch();
      const stats = await response.json();
      await route.fulfill({ response, json: { ...stats, answers: { memory: 1729, kv: 205, origin: 66, inflight: 0 } } });
    });
    await page.getByRole("tab", { name: "Statistics" }).click();
    const tile = page.locator(".tile", { hasText: "Found in a cache" });
    await tile.waitFor();
    assert.deepEqual((await tile.innerText()).replaceAll("\u00a0", " ").split(/\n+/), ["Found in a cache", "96.8 %", "86.5 % in memory + 10.3 % in KV"]);
  });

  test("An image is purged with the token, which both views share, and looked up again at the origin", async (t) => {
    origin.on("/replaced.jpg", inSequence(image({ width: 10, height: 10 }), image({ width: 20, height: 20 }), file(path.join(samples, "landscape.jpg"), "image/jpeg")));
    const inspector = await open(t, "#path=replaced.jpg");
    const { page } = inspector;
    const purge = page.getByRole("button", { name: "Purge", exact: true }).first();
    const field = page.locator("dialog").getByLabel("Admin token");
    await inspector.answered("replaced.jpg");
    await purge.click();
    await field.press("Enter");
    assert.equal(await inspector.fieldError(field), "Enter the admin token.");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.locator(".error", { hasText: "ADMIN_TOKEN" }).waitFor();
    await inspector.fieldError(field);
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.keyboard.press("Escape");
    assert.equal(await field.isVisible(), false);
    await purge.click();
    assert.equal(await page.locator(".error").count(), 0);
    await field.fill(TOKEN);
    const request = page.waitForRequest((request) => request.method() === "DELETE");
    await page.keyboard.press("Enter");
    assert.equal(new URL((await request).url()).pathname, "/metadata/replaced.jpg");
    await page.getByText("Purged, and looked up again.").waitFor();
    await page.locator("#response .badge.origin").waitFor();
    await page.getByRole("button", { name: "Look up again" }).click();
    await page.locator("#response .badge.memory").waitFor();
    assert.equal(await page.getByText("Purged, and looked up again.").isVisible(), false);
    // Now without a question.
    await purge.click();
    await page.locator("#response .badge.origin").waitFor();
    assert.equal(await field.isVisible(), false);
    await page.getByRole("tab", { name: "Statistics" }).click();
    await page.getByRole("heading", { name: "Found in a cache" }).waitFor();
    inspector.assertNoErrors(["replaced.jpg"]);
  });

  test("The purge of an image named like a folder purges no folder", async (t) => {
    for (const name of ["folder/kept.jpg", "folder/*"]) origin.on(`/${name}`, image());
    await site.get("/metadata/folder/kept.jpg");
    const inspector = await open(t);
    const { page } = inspector;
    await page.evaluate((token) => sessionStorage.setItem("inspector.token", token), TOKEN);
    await inspector.lookUp("folder/*");
    await inspector.answered("folder/*");
    const request = page.waitForRequest((request) => request.method() === "DELETE");
    await page.getByRole("button", { name: "Purge", exact: true }).click();
    assert.equal(new URL((await request).url()).pathname, "/metadata/folder/%2A");
    await page.getByText("Purged, and looked up again.").waitFor();
    assert.match((await site.get("/metadata/folder/kept.jpg")).headers["cache-status"], /detail=memory/);
  });

  test("A purge goes on while the response has a cursor", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg");
    const { page } = inspector;
    await page.evaluate((token) => sessionStorage.setItem("inspector.token", token), TOKEN);
    await inspector.answered("landscape.jpg");
    const asked = [];
    await page.route("**/metadata/**", async (route) => {
      if (route.request().method() !== "DELETE") return route.continue();
      asked.push(new URL(route.request().url()).search);
      await route.fulfill({ json: asked.length < 3 ? { purged: 100, cursor: `c${asked.length}` } : { purged: 1 } });
    });
    await page.getByRole("button", { name: "Purge", exact: true }).click();
    await page.getByText("Purged, and looked up again.").waitFor();
    assert.deepEqual(asked, ["", "?cursor=c1", "?cursor=c2"]);
  });
});

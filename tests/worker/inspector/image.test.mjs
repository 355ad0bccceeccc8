import assert from "node:assert/strict";
import path from "node:path";
import test, { after, suite } from "node:test";
import { withoutBrowser } from "../harness/browser.mjs";
import { Gate } from "../harness/gate.mjs";
import { samples, startInspector, TOKEN } from "../harness/inspector.mjs";
import { file, gated, image, inSequence, text } from "../harness/origin.mjs";

suite("The Inspector's view of an image, in a browser", { skip: withoutBrowser }, async () => {
  const { origin, originUrl, site, open } = await startInspector({ after });
  const landscape = file(path.join(samples, "landscape.jpg"), "image/jpeg");

  test("The Inspector shows an image, its metadata, and which layer answered", async (t) => {
    const inspector = await open(t);
    await inspector.page.getByRole("heading", { name: "Inspect an image and see which cache answered" }).waitFor();
    assert.equal(await inspector.page.getByText("Or start with a sample").isVisible(), false);
    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    assert.equal(await inspector.page.getByRole("img", { name: "landscape.jpg" }).evaluate((img) => img.decode().then(() => img.naturalWidth)), 1600);
    const metadata = await inspector.page.locator("#metadata").innerText();
    for (const fact of ["1,600 × 1,067", "jpeg", "image/jpeg", "28.0 kB", "high", "format-json"]) assert.ok(metadata.includes(fact), `${fact} in ${metadata}`);
    const answer = inspector.page.locator("#response");
    await answer.locator(".badge.origin").waitFor();
    assert.match(await inspector.page.getByRole("status").innerText(), /^landscape\.jpg: 1600 by 1067 pixels\. Answered by origin\.$/);
    await inspector.page.getByRole("button", { name: "Look up again" }).click();
    await answer.locator(".badge.memory").waitFor();
    assert.equal(await answer.locator("dd code").first().innerText(), (await site.get("/metadata/landscape.jpg")).etag);
    inspector.assertNoErrors();
  });

  test("The waterfall divides the time of the request, and shows no bar for a layer that took none", async (t) => {
    origin.on("/waterfall.jpg", landscape);
    const inspector = await open(t, "#path=waterfall.jpg");
    await inspector.answered("waterfall.jpg");
    const waterfall = inspector.page.locator("#response table");
    assert.match(await waterfall.locator("caption").innerText(), /^This request took [\d.]+ ms: each layer of the Worker, then the network and this browser$/);
    assert.deepEqual(await waterfall.getByRole("rowheader").allInnerTexts(), ["memory", "kv", "origin", "network"]);
    const ends = () =>
      waterfall.locator("tr").evaluateAll((rows) =>
        rows.map((row) => {
          const [track, bar] = [row.querySelector(".track"), row.querySelector(".bar")].map((element) => element?.getBoundingClientRect());
          return bar && { from: bar.left - track.left, to: track.right - bar.right };
        }),
      );
    const network = (await ends()).at(-1);
    assert.ok(network.to < 4, `the network ends with the request: ${JSON.stringify(network)}`);
    await inspector.page.getByRole("button", { name: "Look up again" }).click();
    await inspector.page.locator(".badge.memory").waitFor();
    const [memory, rest] = await ends();
    assert.equal(memory, undefined);
    assert.ok(rest.from < 1 && rest.to < 4, JSON.stringify(rest));
    assert.deepEqual((await waterfall.locator("td:last-child").allInnerTexts())[0], "< 1 ms");
    inspector.assertNoErrors();
  });

  test("An image that the origin does not have leaves a page that says why and what to do", async (t) => {
    origin.on("/late.jpg", inSequence(text("none", { status: 404 }), landscape));
    const inspector = await open(t, "#path=landscape.jpg&aspect=1:1");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    await inspector.lookUp("late.jpg");
    const shown = await inspector.problem("not-found");
    assert.match(shown, /^Image not found\n\nlate\.jpg\n/);
    assert.match(shown, /upper and lower case/);
    assert.match(shown, /look it up again in (1 min|\d+ s)/);
    assert.equal(await page.locator("#problem").getByRole("link").getAttribute("href"), `${originUrl}/late.jpg`);
    await page.locator("#response .badge.origin").waitFor();
    assert.equal(await page.locator("#response").getByRole("rowheader").count(), 4);
    assert.match(await page.locator("#response").innerText(), /fwd-status=404/);
    for (const part of ["figure.stage", "#crop", "#gallery", "#snippets", "#metadata"]) assert.equal(await page.locator(part).isVisible(), false, part);
    await page.reload();
    await inspector.problem("not-found");

    await page.getByRole("button", { name: "Purge", exact: true }).click();
    await page.getByLabel("Admin token").and(page.locator("dialog *")).fill(TOKEN);
    await page.keyboard.press("Enter");
    await inspector.answered("late.jpg");
    assert.equal(await page.locator("#problem").isVisible(), false);
    inspector.assertNoErrors(["late.jpg"]);
  });

  test("A failure of the origin is shown without the steps for a missing image", async (t) => {
    origin.on("/broken.jpg", text("broken", { status: 500 }));
    const inspector = await open(t, "#path=broken.jpg");
    const shown = await inspector.problem("origin-error");
    assert.match(shown, /500/);
    assert.doesNotMatch(shown, /upper and lower case/);
    inspector.assertNoErrors(["broken.jpg"]);
  });

  test("An invalid ratio in the URL shows the image, and its error at the field, where it can be corrected", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=abc");
    const { page } = inspector;
    const ratio = page.getByRole("textbox", { name: "Ratio" });
    assert.match(await inspector.fieldError(ratio), /16:9/);
    await inspector.answered("landscape.jpg");
    assert.equal(await ratio.inputValue(), "abc");
    assert.equal(await page.getByRole("img", { name: "landscape.jpg" }).isVisible(), true);
    await ratio.fill("16:9");
    assert.equal(await ratio.getAttribute("aria-invalid"), null);
    await page.keyboard.press("Enter");
    await inspector.assertCrop("aspect=16:9");
    await page.waitForURL((url) => url.hash === "#path=landscape.jpg&aspect=16:9");
    inspector.assertNoErrors(["aspect=abc"]);
  });

  test("Each error stands at its field, moves nothing, and ends with the next change", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=1:1");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    const stage = () => page.locator("figure.stage, #gallery").evaluateAll((parts) => parts.map((part) => scrollY + part.getBoundingClientRect().top));
    const before = await stage();
    for (const [field, value, expected] of [
      [page.getByRole("textbox", { name: "Ratio" }), "16", /'aspect'/],
      [page.getByLabel("Focal x"), "1.5", /'focal'/],
      [page.getByLabel("Focal y"), "-1", /'focal'/],
      [page.getByLabel("Width"), "0", /'width'/],
    ]) {
      const valid = await field.inputValue();
      await field.fill(value);
      await page.keyboard.press("Enter");
      assert.match(await inspector.fieldError(field), expected);
      assert.equal(await page.locator("[aria-invalid]").count(), 1);
      assert.deepEqual(await stage(), before);
      await field.fill(valid);
      assert.equal(await page.locator("[aria-invalid], .error").count(), 0);
      await page.keyboard.press("Enter");
      await inspector.idle();
    }
    for (const name of ["a//b.jpg", "a\\b.jpg", "a/../b.jpg", "..", "<img src=x onerror=alert(1)>\\", "  "]) {
      await inspector.lookUp(name);
      assert.match(await inspector.fieldError(inspector.path), /[Pp]ath/, name);
      assert.deepEqual(await stage(), before);
      // The image that is shown stays the current one.
      await inspector.assertCrop("landscape.jpg?aspect=1:1");
    }
    inspector.assertNoErrors(["a//b.jpg", "%5C", "aspect=", "width=0"]);
  });

  test("The crop of an image is not that of the next one", async (t) => {
    const inspector = await open(t, "#path=landscape.jpg&aspect=16:9&focal=0.3,0.2&width=300");
    const { page } = inspector;
    await inspector.answered("landscape.jpg");
    await inspector.lookUp("portrait.png");
    await inspector.answered("portrait.png");
    assert.equal(await inspector.request(), `${site.url}/metadata/portrait.png`);
    assert.deepEqual(await page.locator("[data-aspect][aria-pressed=true]").allInnerTexts(), ["Whole"]);
    for (const [field, value] of [["Ratio", ""], ["Focal x", "0.5"], ["Focal y", "0.5"], ["Width", ""]]) {
      assert.equal(await page.getByRole(field.startsWith("R") ? "textbox" : "spinbutton", { name: field }).inputValue(), value, field);
    }
    assert.equal(new URL(page.url()).hash, "#path=portrait.png");
    await page.goBack();
    await inspector.shows("landscape.jpg?aspect=16:9&focal=0.3,0.2&width=300");
    // A second look-up of the same image keeps its crop.
    await inspector.lookUp("landscape.jpg");
    await inspector.shows("landscape.jpg?aspect=16:9&focal=0.3,0.2&width=300");
    inspector.assertNoErrors();
  });

  test("The URL holds the Inspector's state, for sharing and for the browser's history", async (t) => {
    const inspector = await open(t, "#path=gallery/Größe 1.png&aspect=1:1&focal=0.3,0.5");
    const { page } = inspector;
    await inspector.assertOutputs("/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=1:1&focal=0.3,0.5");
    await page.getByRole("button", { name: "16:9", exact: true }).click();
    await page.waitForURL((url) => url.hash === "#path=gallery/Gr%C3%B6%C3%9Fe+1.png&aspect=16:9&focal=0.3,0.5");
    await inspector.lookUp("landscape.jpg");
    await inspector.shows("/metadata/landscape.jpg'");
    await page.goBack();
    await inspector.assertOutputs("/metadata/gallery/Gr%C3%B6%C3%9Fe%201.png?aspect=16:9&focal=0.3,0.5");
    inspector.assertNoErrors();
  });

  test("A late response does not replace that of a later look-up", async (t) => {
    const gate = new Gate();
    origin.on("/slow.jpg", gated(gate, image()));
    const inspector = await open(t);
    await inspector.lookUp("slow.jpg");
    await gate.arrived();
    const late = inspector.page.waitForResponse((response) => response.url().endsWith("/slow.jpg"));
    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    gate.open();
    await (await late).finished();
    assert.equal(await inspector.path.inputValue(), "landscape.jpg");
    await inspector.answered("landscape.jpg");
    inspector.assertNoErrors();
  });

  test("The Inspector remembers ten paths until they are cleared", async (t) => {
    const names = ["landscape.jpg", "portrait.png", "wide.webp", "photo.avif", "animation.gif", "corners.png"];
    const old = Array.from({ length: 9 }, (_, n) => `old-${n}.jpg`);
    const inspector = await open(t);
    await inspector.page.evaluate((paths) => localStorage.setItem("inspector.recent", JSON.stringify(paths)), old);
    for (const name of names) {
      await inspector.lookUp(name);
      await inspector.answered(name);
    }
    await inspector.page.goto(site.url);
    const recent = inspector.page.getByRole("region", { name: "Recent" });
    assert.deepEqual(await recent.getByRole("listitem").allInnerTexts(), [...names.toReversed(), ...old.slice(0, 4)]);
    assert.equal(await inspector.page.locator("#recent-paths option").count(), 10);
    await recent.getByRole("link", { name: "wide.webp" }).click();
    await inspector.answered("wide.webp");
    assert.equal(await recent.getByRole("listitem").first().innerText(), "wide.webp");
    await recent.getByRole("button", { name: "Clear" }).click();
    await recent.waitFor({ state: "hidden" });
    await inspector.page.reload();
    await inspector.answered("wide.webp");
    inspector.assertNoErrors();
  });

  test("The Inspector shows the density and color profile of an image that has them", async (t) => {
    const inspector = await open(t);
    const known = { density: 300, hasProfile: true };
    await inspector.page.route("**/metadata/landscape.jpg*", async (route) => {
      const response = await route.fetch();
      const { path, metadata } = await response.json();
      await route.fulfill({ response, json: { path, metadata: { ...metadata, ...known } } });
    });
    await inspector.lookUp("landscape.jpg");
    await inspector.answered("landscape.jpg");
    assert.match(await inspector.page.locator("#metadata").innerText(), /Density\s+300 ppi\s+ICC profile\s+embedded/);
    inspector.assertNoErrors();
  });

  test("The Inspector shows the metadata of an image that the browser cannot show, without a focal point on it", async (t) => {
    origin.on("/strange.jpg", inSequence(landscape, text("no image")));
    const inspector = await open(t, "#path=strange.jpg&aspect=1:1");
    await inspector.page.getByText("No picture: this browser cannot load or show it.").waitFor();
    assert.equal(await inspector.page.getByRole("button", { name: "Focal point" }).isVisible(), false);
    assert.match(await inspector.page.locator("#metadata").innerText(), /1,600 × 1,067/);
    inspector.assertNoErrors();
  });
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test, { after, before, suite } from "node:test";
import sharp from "sharp";
import { openPage, startBrowser, withoutBrowser } from "../../tests/worker/harness/browser.mjs";
import { bodyOf } from "../../tests/worker/harness/expect.mjs";
import { Gate } from "../../tests/worker/harness/gate.mjs";
import { close, createTestServer, listen } from "../../tests/worker/harness/listener.mjs";
import { failure } from "../../tests/worker/harness/origin.mjs";
import { deploy } from "../../tests/worker/harness/site.mjs";
import { problem } from "./support.mjs";

suite("The client in a browser", { skip: withoutBrowser }, () => {
  let browser;
  let cleanup;
  before(async () => {
    browser = await startBrowser({ after: (close) => (cleanup = close) });
  });
  after(() => cleanup?.());

  /** Opens an empty page of a site that has the client's modules and `routes`. */
  async function open(t, routes = {}) {
    const server = createTestServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://x");
      if (routes[pathname]) return routes[pathname](request, response);
      if (!pathname.startsWith("/dist/")) return response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><link rel=icon href=data:,><body style='margin:0'>");
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(await readFile(new URL(`..${pathname}`, import.meta.url)));
    });
    const url = `http://${await listen(server)}`;
    t.after(() => close(server));
    return openPage(t, browser, url);
  }

  test("Look-ups of one tick are one POST to another site, without a preflight request", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/none.jpg", failure(404));
    const { page, errors } = await open(t);
    const methods = [];
    page.on("request", (request) => request.url().startsWith(site.url) && methods.push(`${request.method()} ${request.url().replace(site.url, "")}`));
    const session = await page.context().newCDPSession(page);
    const preflights = [];
    await session.send("Network.enable");
    session.on("Network.requestWillBeSent", ({ request, type }) => (request.method === "OPTIONS" || type === "Preflight") && preflights.push(request.url));
    const values = await page.evaluate(async (baseUrl) => {
      const { createClient } = await import("/dist/index.js");
      const { get } = createClient({ baseUrl });
      const show = ({ name, status, code }) => ({ name, status, code });
      return Promise.all([get("a.jpg"), get("none.jpg").catch(show), get("b.jpg"), get("c.jpg", { aspect: "1:1" }).then(({ dimensions }) => dimensions)]);
    }, site.url);
    assert.deepEqual(values, [bodyOf("a.jpg"), { name: "MetadataError", status: 404, code: "not-found" }, bodyOf("b.jpg"), { width: 3000, height: 3000 }]);
    assert.deepEqual(methods, ["POST /metadata", "GET /metadata/c.jpg?aspect=1:1"]);
    assert.deepEqual([preflights, errors], [[], []]);
  });

  test("A script of another site can read Retry-After, and an abort ends the request", async (t) => {
    const site = await deploy(t, { config: { errorTtl: 0 } });
    site.origin.on("/assets/busy.jpg", failure(503, { "Retry-After": "77" }));
    site.origin.on("/assets/slow.jpg", () => {});
    const { page } = await open(t);
    const [busy, aborted] = await page.evaluate(async (baseUrl) => {
      const { createClient } = await import("/dist/index.js");
      const { get } = createClient({ baseUrl });
      const busy = await get("busy.jpg").catch(({ code, retryAfter }) => ({ code, retryAfter }));
      const aborted = await get("slow.jpg", undefined, { signal: AbortSignal.timeout(100) }).catch(({ name }) => name);
      return [busy, aborted];
    }, site.url);
    assert.deepEqual([busy, aborted], [{ code: "origin-overloaded", retryAfter: 77 }, "TimeoutError"]);
  });

  test("The browser's own fetch can be passed", async (t) => {
    const site = await deploy(t);
    const { page } = await open(t);
    const width = await page.evaluate(async (baseUrl) => {
      const { createClient } = await import("/dist/index.js");
      const { metadata } = await createClient({ baseUrl }, { fetch }).get("a.jpg");
      return metadata.width;
    }, site.url);
    assert.equal(width, bodyOf("a.jpg").metadata.width);
  });

  test("A page looks images up on its own site, and a network-error says what to check", async (t) => {
    const { page } = await open(t, {
      "/metadata/a.jpg": (_, response) => response.writeHead(404, { "Content-Type": "application/problem+json" }).end(JSON.stringify(problem(404, "not-found"))),
    });
    const errors = await page.evaluate(async () => {
      const { createClient } = await import("/dist/index.js");
      const outcome = (baseUrl) => createClient({ baseUrl }).get("a.jpg").catch(({ code, message }) => `${code} ${message}`);
      return [await outcome(""), await outcome("/"), await outcome("http://127.0.0.1:1")];
    });
    assert.deepEqual(errors, [
      "not-found a.jpg: It is not-found.",
      "not-found a.jpg: It is not-found.",
      "network-error a.jpg: The service did not respond. Check the base URL and corsOrigins.",
    ]);
  });

  test("An image with the attributes has its size and its background before it is loaded, and nothing shifts", async (t) => {
    const gate = new Gate();
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="450"><rect width="800" height="450" fill="red"/></svg>';
    const served = [];
    const { page } = await open(t, {
      "/cdn-cgi/image/trim=375;0;375;0,width=800,height=450,fit=cover/photos/cat.jpg": async (request, response) => {
        served.push(request.url);
        await gate.pass();
        response.writeHead(200, { "Content-Type": "image/svg+xml" }).end(svg);
      },
    });
    const answer = {
      ...bodyOf("photos/cat.jpg", { color: "#336699" }),
      dimensions: { width: 4000, height: 2250 },
      aspectCrop: { width: 4000, height: 2250, hoffset: 0, voffset: 375 },
    };
    await page.evaluate(async (answer) => {
      const { htmlOf, imgAttributes } = await import("/dist/index.js");
      globalThis.shifts = [];
      new PerformanceObserver((list) => globalThis.shifts.push(...list.getEntries().map(({ value }) => value))).observe({ type: "layout-shift", buffered: true });
      const attributes = imgAttributes(answer, { widths: [400, 800, 1600], sizes: "800px", resizer: "cloudflare" });
      document.body.innerHTML = `<style>img { width: 800px; height: auto; display: block }</style><img ${htmlOf({ ...attributes, alt: "" })}><p>below</p>`;
    }, answer);
    const state = () =>
      page.evaluate(async () => {
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const img = document.querySelector("img");
        const { width, height } = img.getBoundingClientRect();
        return { width, height, background: getComputedStyle(img).backgroundColor, natural: img.naturalWidth, below: document.querySelector("p").offsetTop, shifts: globalThis.shifts };
      });
    await gate.arrived();
    const before = await state();
    const { below } = before;
    assert.deepEqual(before, { width: 800, height: 450, background: "rgb(51, 102, 153)", natural: 0, below, shifts: [] });
    gate.open();
    await page.waitForFunction(() => document.querySelector("img").complete);
    assert.deepEqual(await state(), { ...before, natural: 800 });
    assert.equal(served.length, 1);
  });

  test("A placeholder shows the part of the image that the crop shows", async (t) => {
    const { page } = await open(t);
    await page.evaluate(async () => {
      const { htmlOf, imgAttributes } = await import("/dist/index.js");
      // Four quarters of the image, each of another color.
      const canvas = Object.assign(document.createElement("canvas"), { width: 2, height: 2 });
      const context = canvas.getContext("2d");
      ["#f00", "#0f0", "#00f", "#ff0"].forEach((color, n) => ((context.fillStyle = color), context.fillRect(n % 2, n >> 1, 1, 1)));
      const answer = { path: "a", metadata: { width: 400, height: 400 }, placeholder: { dataUrl: canvas.toDataURL() } };
      const transparent = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
      const images = [[0, 0], [200, 0], [0, 200], [200, 200]].map(([hoffset, voffset]) =>
        htmlOf(imgAttributes(answer, { crop: { width: 200, height: 200, hoffset, voffset }, resizer: () => transparent })),
      );
      document.body.innerHTML = `<div style="display: flex">${images.map((attributes) => `<img ${attributes}>`).join("")}</div>`;
      await Promise.all([...document.images].map((image) => image.decode()));
    });
    const { data, info } = await sharp(await page.screenshot({ clip: { x: 0, y: 0, width: 800, height: 200 } })).raw().toBuffer({ resolveWithObject: true });
    const centers = [100, 300, 500, 700].map((x) => [...data.subarray((100 * info.width + x) * info.channels).subarray(0, 3)]);
    assert.deepEqual(centers, [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]);
  });
});

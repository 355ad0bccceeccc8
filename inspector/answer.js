// Shows a response: the layer, the waterfall, the metadata, and the texts to copy.

import { $, bytes, facts, h, milliseconds, number, say, seconds } from "./dom.js";
import { imageUrl, requestPath } from "./lookup.js";

/** Shows which layer answered, and how long each one took. */
export function showAnswer(answer) {
  const { layer, ttl, age, cacheStatus, cacheControl, etag } = answer;
  const stale = ttl < 0;
  $("answer-facts").replaceChildren(
    h("p", { class: "layer-line" }, h("span", { class: `badge ${layer}` }, layer), " ", stale && h("span", { class: "badge stale" }, "stale"), LAYERS[layer] ?? ""),
    waterfall(answer),
    facts({
      "Metadata age": seconds(age),
      [stale ? "Stale for" : "Fresh for"]: ttl === undefined ? undefined : seconds(Math.abs(ttl)),
      ETag: h("code", {}, etag),
      "Cache-Status": h("code", {}, cacheStatus),
      "Cache-Control": h("code", {}, cacheControl),
    }),
  );
}

const LAYERS = {
  memory: "Found in this isolate's memory.",
  kv: "Found in Workers KV.",
  origin: "Fetched from the origin.",
  inflight: "Joined a look-up in progress.",
};

/** Shows the phases one after another, within the round trip of the browser. */
function waterfall({ phases, roundTripMs }) {
  const total = phases.find(({ name }) => name === "total")?.ms ?? 0;
  const scale = Math.max(roundTripMs, total, 1);
  // Assume that the request and the response take the same time on the network.
  const start = Math.max(0, roundTripMs - total) / 2;
  let next = start;
  const layers = phases.filter(({ name }) => name !== "total").map(({ name, ms }) => {
    const from = next;
    next += ms;
    return { name, from, ms };
  });
  const rows = [...layers, { name: "total", from: start, ms: total }, { name: "round trip", from: 0, ms: roundTripMs }];
  const row = ({ name, from, ms }) =>
    h("tr", {},
      h("th", { scope: "row" }, name),
      h("td", { class: "track" }, h("span", { class: `bar ${name}`, style: { "--from": from / scale, "--size": ms / scale } })),
      h("td", {}, milliseconds(ms)),
    );
  return h("table", { class: "waterfall" }, h("caption", {}, "Server-Timing, within this browser's round trip"), h("tbody", {}, ...rows.map(row)));
}

/** Shows the metadata of the image and its crop. */
export function showMetadata({ path, query, metadata, dimensions, aspectCrop, fit }) {
  const { width, height, format, mimeType, fileSize, orientation, confidence, source } = metadata;
  const { hasAlpha, animated, frames, bitDepth, colorSpace, density, hasProfile } = metadata;
  const colours = [colorSpace, bitDepth && `${bitDepth} bits`, hasAlpha && "transparency"].filter(Boolean).join(", ");
  const size = (of) => `${number(of.width)} × ${number(of.height)}`;
  const json = JSON.stringify({ path, query, metadata, dimensions, aspectCrop, fit }, null, 2);
  $("metadata-facts").replaceChildren(
    facts({
      Size: size({ width, height }),
      Format: format,
      "Media type": mimeType,
      "File size": fileSize === undefined ? undefined : h("span", { title: `${number(fileSize)} bytes` }, bytes(fileSize)),
      Orientation: orientation === undefined ? undefined : `${orientation}`,
      Colours: colours || undefined,
      Density: density === undefined ? undefined : `${number(density)} ppi`,
      "ICC profile": { true: "embedded", false: "none" }[hasProfile],
      Animated: animated ? (frames ? `${number(frames)} frames` : "yes") : undefined,
      Confidence: confidence,
      Source: source,
      Result: dimensions && `${size(dimensions)}${fit ? `, ${fit}` : ""}`,
      Crop: aspectCrop && `${size(aspectCrop)} at ${number(aspectCrop.hoffset)}, ${number(aspectCrop.voffset)}`,
    }),
    h("details", { open: $("metadata-facts").querySelector("details")?.open }, h("summary", {}, "JSON"), h("pre", { tabindex: "0", "aria-label": "JSON" }, json)),
  );
}

const copies = new Map();

/** Shows the request URL, the transform options and the HTML element. */
export function showOutputs(answer, parameters) {
  const { transform, dimensions } = answer;
  const image = imageUrl(answer);
  const source = transform ? `/cdn-cgi/image/${transform}/${image.replace(/^\//, "")}` : image;
  const { width, height } = dimensions ?? answer.metadata;
  const texts = {
    Request: location.origin + requestPath(answer, parameters),
    Transform: transform,
    Element: `<img src="${source.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}" width="${width}" height="${height}" alt="">`,
  };
  for (const [name, text] of Object.entries(texts)) {
    if (!copies.has(name)) copies.set(name, copy(name));
    const { row, code } = copies.get(name);
    row.hidden = text === undefined;
    code.textContent = text ?? "";
  }
}

/** Creates a row, which is reused: a new row would take the focus from its button. */
function copy(name) {
  const code = h("code", {});
  const button = h("button", { type: "button", "aria-label": `Copy ${name.toLowerCase()}`, click: copied }, "Copy");
  async function copied() {
    try {
      await navigator.clipboard.writeText(code.textContent);
      say(`${name} copied.`);
      button.textContent = "Copied";
    } catch {
      // Browsers allow clipboard access only with HTTPS.
      getSelection().selectAllChildren(code);
      say(`${name} selected.`);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }
  const row = h("div", { class: "output" }, h("h3", {}, name), code, button);
  $("outputs").append(row);
  return { row, code };
}

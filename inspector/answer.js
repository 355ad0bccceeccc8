// Shows a response: the layer, the time of each layer, and the metadata.

import { copyButton } from "./copy.js";
import { $, bytes, facts, h, milliseconds, number, seconds } from "./dom.js";

const LAYERS = {
  memory: "In this isolate's memory",
  kv: "In Workers KV",
  origin: "The origin was asked",
  inflight: "Joined another look-up",
};

/** Shows which layer answered, and how long each one took. `report` is that of a look-up, also of one that failed. */
export function showReport(report) {
  const { layer, ttl, age, cacheStatus, cacheControl, etag } = report;
  const stale = ttl < 0;
  const code = (text) => text && h("code", {}, text);
  $("response").replaceChildren(
    h("p", { class: "layer-line" }, layer && h("span", { class: `badge ${layer}` }, layer), " ", stale && h("span", { class: "badge stale" }, "stale"), LAYERS[layer] ?? "No layer was asked"),
    waterfall(report),
    facts({
      "Metadata age": age === undefined ? undefined : seconds(age),
      [stale ? "Stale for" : "Fresh for"]: ttl === undefined ? undefined : seconds(Math.abs(ttl)),
      ETag: code(etag),
      "Cache-Status": code(cacheStatus || undefined),
      "Cache-Control": code(cacheControl),
    }),
  );
}

/** Shows the phases one after another, then the rest of the time that the browser waited, as parts of one line. */
function waterfall({ phases, roundTripMs }) {
  const worker = phases.find(({ name }) => name === "total")?.ms ?? 0;
  const all = Math.max(roundTripMs, worker, 1);
  let next = 0;
  const parts = phases.map(({ name, ms }) => {
    const part = name === "total" ? { name: "network", from: worker, ms: all - worker } : { name, from: next, ms };
    next += ms;
    return part;
  });
  const row = ({ name, from, ms }) =>
    h("tr", {},
      h("th", { scope: "row" }, name),
      // Less than a millisecond is a number without a bar.
      h("td", { class: "track" }, ms > 0 && h("span", { class: `bar ${name}`, style: { "--from": from / all, "--size": ms / all } })),
      h("td", {}, ms ? milliseconds(ms) : "< 1 ms"),
    );
  return h("table", { class: "waterfall" },
    h("caption", {}, `This request took ${milliseconds(all)}: each layer of the Worker, then the network and this browser`),
    h("tbody", {}, ...parts.map(row)));
}

/** Shows the metadata of the image and its crop. */
export function showMetadata({ query, typedQuery, metadata, placeholder, dimensions, aspectCrop, fit, transform }) {
  const { width, height, format, mimeType, fileSize, orientation, confidence, source } = metadata;
  const { hasAlpha, animated, frames, bitDepth, colorSpace, density, hasProfile, color, thumbhash } = metadata;
  const colours = [colorSpace, bitDepth && `${bitDepth} bits`, hasAlpha && "transparency"].filter(Boolean).join(", ");
  const size = (of) => `${number(of.width)} × ${number(of.height)}`;
  const ignored = typedQuery && typedQuery !== query && `?${typedQuery}: ${query ? `only ?${query} is used` : "ignored, as it selects no version here"}`;
  $("metadata").replaceChildren(
    facts({
      Query: ignored || query,
      Size: size({ width, height }),
      Format: format,
      "Media type": mimeType,
      "File size": fileSize === undefined ? undefined : h("span", { title: `${number(fileSize)} bytes` }, bytes(fileSize)),
      Orientation: orientation === undefined ? undefined : `${orientation}`,
      Colours: colours || undefined,
      Density: density === undefined ? undefined : `${number(density)} ppi`,
      "ICC profile": { true: "embedded", false: "none" }[hasProfile],
      Animated: animated ? (frames ? `${number(frames)} frames` : "yes") : undefined,
      "Average color": copyable("color", color, h("i", { class: "swatch", style: { background: color } })),
      ThumbHash: copyable("ThumbHash", thumbhash),
      "Data URL": copyable("data URL", placeholder?.dataUrl),
      Confidence: confidence,
      Source: source,
      Result: dimensions && `${size(dimensions)}${fit ? `, ${fit}` : ""}`,
      Crop: aspectCrop && `${size(aspectCrop)} at ${number(aspectCrop.hoffset)}, ${number(aspectCrop.voffset)}`,
      Transform: transform && h("code", {}, transform),
    }),
  );
}

/** Creates an element that shows a text and has a button to copy it. Returns nothing without a text. */
function copyable(name, text, ...before) {
  if (!text) return;
  const code = h("code", {}, text);
  return h("span", { class: "copyable" }, ...before, code, copyButton(code, () => name));
}

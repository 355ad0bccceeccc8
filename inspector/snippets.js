// The code for an image and its crop, for copying: a tab for each kind.

import { copyButton } from "./copy.js";
import { computeCrop, DEVICES } from "./crop.js";
import { $, h, tabList } from "./dom.js";
import { requestPath, siteUrl } from "./lookup.js";

/** The name of the last kind that was selected, for the next visit. */
const KIND = "inspector.code";

const attribute = (text) => `"${text.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"`;

/** Returns a URL of the image that the resizer handles with these options. */
const resized = (url, options) => (options ? `/cdn-cgi/image/${options}/${url.replace(/^\//, "")}` : url);

/** Returns the candidates of a `srcset`: the crop at the width of each device, and at its own. */
function candidates(url, { metadata, dimensions = metadata }, parameters) {
  const widths = [...Object.values(DEVICES).filter((width) => width < dimensions.width), dimensions.width];
  return widths.map((width) => {
    const narrow = new URLSearchParams(parameters);
    narrow.delete("device");
    narrow.set("width", width);
    return `${resized(url, computeCrop(metadata, narrow).transform)} ${width}w`;
  });
}

const lines = (...texts) => texts.join("\n");

const KINDS = {
  HTML: ({ src, width, height }) => `<img src=${attribute(src)} width="${width}" height="${height}" alt="">`,
  picture: ({ src, srcset, width, height }) =>
    lines(
      "<picture>",
      '  <source sizes="100vw" srcset="',
      `${srcset.map((candidate) => `    ${attribute(candidate).slice(1, -1)}`).join(",\n")}">`,
      `  <img src=${attribute(src)} width="${width}" height="${height}" alt="">`,
      "</picture>",
    ),
  Astro: ({ request, srcOf, sizeOf, names }) =>
    lines(
      "---",
      `const response = await fetch(${request});`,
      `const { ${names} } = await response.json();`,
      "---",
      `<img src={${srcOf}} width={${sizeOf}.width} height={${sizeOf}.height} alt="" />`,
    ),
  Next: ({ request, srcOf, sizeOf, names }) =>
    lines(
      'import Image from "next/image";',
      "",
      "export default async function Picture() {",
      `  const response = await fetch(${request});`,
      `  const { ${names} } = await response.json();`,
      `  return <Image unoptimized src={${srcOf}} width={${sizeOf}.width} height={${sizeOf}.height} alt="" />;`,
      "}",
    ),
  // Encoded, so that the shell passes it on as it is.
  curl: ({ request }) => `curl -s '${JSON.parse(request).replaceAll("'", "%27")}'`,
  JSON: ({ json }) => json,
};

const code = h("pre", { tabindex: "0" });
const tabs = Object.keys(KINDS).map((kind) => h("button", { type: "button", role: "tab", id: `snippet-${kind}`, "aria-controls": "snippet" }, kind));
let kind = localStorage.getItem(KIND) in KINDS ? localStorage.getItem(KIND) : "HTML";
let values;
const copy = copyButton(code, () => kind);
const panel = h("div", { role: "tabpanel", id: "snippet" }, code, copy);

$("snippets").append(h("div", { role: "tablist", "aria-label": "Kinds of code" }, ...tabs), panel);
const select = tabList(tabs, (tab) => {
  kind = tab.textContent;
  localStorage.setItem(KIND, kind);
  show();
});
select($(`snippet-${kind}`));

/** Shows the code for a response and the parameters of its crop. */
export function showSnippets(answer, parameters) {
  const { path, query, metadata, dimensions, aspectCrop, fit, transform } = answer;
  const url = siteUrl(answer);
  const { width, height } = dimensions ?? metadata;
  values = {
    src: resized(url, transform),
    srcset: candidates(url, answer, parameters),
    width,
    height,
    request: JSON.stringify(location.origin + requestPath(answer, parameters)),
    names: transform ? "dimensions, transform" : "metadata",
    sizeOf: transform ? "dimensions" : "metadata",
    // The URL of an image is encoded: it has no backquote and no `${`.
    srcOf: transform ? `\`${resized(url, "${transform}")}\`` : JSON.stringify(url),
    json: JSON.stringify({ path, query, metadata, dimensions, aspectCrop, fit, transform }, null, 2),
  };
  show();
}

function show() {
  panel.setAttribute("aria-labelledby", `snippet-${kind}`);
  code.setAttribute("aria-label", `${kind} code`);
  copy.setAttribute("aria-label", `Copy ${kind}`);
  code.textContent = values && KINDS[kind](values);
}

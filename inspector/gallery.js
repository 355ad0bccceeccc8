// The crops for all platforms at once, cut out of the one picture by the style sheet.

import { computeCrop, PLATFORMS } from "./crop.js";
import { selectPlatform } from "./crop-form.js";
import { $, h, number } from "./dom.js";

const NAMES = { twitter: "Twitter", facebook: "Facebook", instagram: "Instagram", "instagram portrait": "Instagram" };

/** Calls `selected` when the user has chosen a platform. */
export function onPlatform(selected) {
  $("gallery").replaceChildren(
    ...Object.entries(PLATFORMS).map(([platform, ratio]) => {
      const [width, height] = ratio.split(":");
      const click = () => {
        selectPlatform(platform);
        selected();
      };
      return h("button", { type: "button", "data-platform": platform, style: { "--ratio": width / height }, click },
        h("span", { class: "cut" }, h("img", { alt: "", draggable: "false" })),
        h("b", {}, `${NAMES[platform]} ${ratio}`), " ",
        h("span", { class: "quiet" }),
      );
    }),
  );
}

/** Shows the crops of the image of this size at `url`, if there is one, with the focal point and the width of `parameters`. */
export function showGallery(url, size, parameters) {
  for (const button of $("gallery").children) {
    const [platform, content = ""] = button.dataset.platform.split(" ");
    const crop = computeCrop(size, new URLSearchParams({ platform, content, focal: parameters.get("focal") ?? "" }));
    if (!crop) return;
    const { width, height, hoffset, voffset } = crop.aspectCrop;
    const img = button.querySelector("img");
    img.hidden = !url;
    if (url && img.getAttribute("src") !== url) img.src = url;
    const place = { width: size.width / width, left: -hoffset / width, top: -voffset / height };
    for (const [name, share] of Object.entries(place)) img.style.setProperty(name, `${100 * share}%`);
    button.lastChild.textContent = `${number(width)} × ${number(height)}`;
    const isSelected = parameters.get("platform") === platform && (parameters.get("content") ?? "") === content;
    button.setAttribute("aria-pressed", isSelected && !parameters.has("aspect"));
  }
}

for (const kind of ["error", "load"]) {
  // These events do not bubble.
  $("gallery").addEventListener(kind, ({ target }) => (target.hidden = kind === "error"), true);
}

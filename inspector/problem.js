// Shows why a look-up failed, and what to do.

import { $, h, seconds } from "./dom.js";
import { pictureUrl } from "./lookup.js";

/** Shows a problem of the service or a network error in a box. Without a problem, hides the box. */
export function showProblem(box, problem) {
  box.hidden = !problem;
  if (!problem) return box.replaceChildren();
  const { title, detail, status, code, image, report } = problem;
  const url = image && pictureUrl(image);
  const maxAge = report?.cacheControl?.match(/max-age=(\d+)/)?.[1];
  const steps = code === "not-found" && [
    "Compare the path with the name of the file: upper and lower case and the extension count.",
    url && h("span", {}, "See what the origin has: ", h("a", { href: url, target: "_blank", rel: "noreferrer" }, url)),
    `If the image has just been uploaded, look it up again ${maxAge ? `in ${seconds(maxAge)}` : "later"}: until then this response is cached. A purge removes it now.`,
  ];
  box.replaceChildren(
    ...[
      h("h2", {}, title),
      image && h("p", {}, h("code", {}, image.path)),
      h("p", {}, detail),
      steps && h("ul", {}, ...steps.filter(Boolean).map((step) => h("li", {}, step))),
      h("p", { class: "quiet" }, [status, code].filter(Boolean).join(" · ")),
    ].filter(Boolean),
  );
}

// The recent paths, in this browser.

import { $, h, say } from "./dom.js";
import { readable } from "./lookup.js";

const RECENT = "inspector.recent";
const MAX_RECENT = 10;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT)) ?? [];
  } catch {
    return [];
  }
}

export function remember(path) {
  const paths = [path, ...recent().filter((other) => other !== path)].slice(0, MAX_RECENT);
  localStorage.setItem(RECENT, JSON.stringify(paths));
  showRecent();
}

/** Shows the paths, each as a link to it. */
export function showRecent() {
  const paths = recent();
  $("recent").hidden = paths.length === 0;
  $("recent").querySelector("ul").replaceChildren(...paths.map((path) => h("li", {}, h("a", { href: linkTo(path) }, path))));
  $("recent-paths").replaceChildren(...paths.map((value) => h("option", { value })));
}

/** Returns the address of an image in this page. */
export const linkTo = (path) => `#${readable(new URLSearchParams({ path }))}`;

$("recent").querySelector("button").addEventListener("click", () => {
  localStorage.removeItem(RECENT);
  showRecent();
  say("Recent paths cleared.");
  $("path").focus();
});

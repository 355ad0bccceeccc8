// The page: the path, the crop form, the recent paths, and the two views.
//
// Its state is in the URL's fragment, so that it can be shared: `#path=photos/cat.jpg&aspect=16:9&focal=0.5,0.3`.

import { showAnswer, showMetadata, showOutputs } from "./answer.js";
import { $, h, say, showProblem } from "./dom.js";
import { lookUp, originLabel, pictureUrl, Problem, readable, typedPath, typedText } from "./lookup.js";
import { onFocalPoint, showFocalPoint, showPicture } from "./picture.js";
import { showStats } from "./stats.js";

const crop = $("crop").elements;
/** The current path, as it is typed. */
let path = "";

// The look-up -----------------------------------------------------------------------------------------------------------

let latest = 0;
let isLookingUp = false;
let hasMoved = false;

/** Looks the path up, with the crop from the form. Ignores a response if a later request has been sent. */
async function look() {
  const current = ++latest;
  $("image").setAttribute("aria-busy", "true");
  const parameters = cropParameters();
  try {
    const answer = await lookUp(path, parameters);
    if (current !== latest) return;
    show(answer, parameters);
    return answer;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (current === latest) fail(problem);
  } finally {
    if (current === latest) $("image").removeAttribute("aria-busy");
  }
}

/** Updates the crop after a move of the focal point. Moves during a look-up are merged into one more look-up. */
async function drag(keyboard) {
  if (isLookingUp) return (hasMoved = true);
  isLookingUp = true;
  const answer = await look();
  isLookingUp = false;
  if (hasMoved) {
    hasMoved = false;
    return drag(keyboard);
  }
  if (answer && keyboard) say(`Focal point ${crop.x.value}, ${crop.y.value}. ${summary(answer)}`);
  save();
}

function show(answer, parameters) {
  showProblem($("problem"));
  $("welcome").hidden = true;
  $("result").hidden = false;
  showPicture(pictureUrl(answer), answer);
  showAnswer(answer);
  showMetadata(answer);
  showOutputs(answer, parameters);
}

function fail(problem) {
  showProblem($("problem"), problem);
  $("welcome").hidden = true;
  // The crop form, where an invalid parameter can be corrected, is part of the result.
  if (problem.code !== "invalid-parameter") $("result").hidden = true;
}

const summary = ({ metadata: { width, height }, aspectCrop: crop }) =>
  crop ? `Crop ${crop.width} by ${crop.height} at ${crop.hoffset}, ${crop.voffset}.` : `${width} by ${height} pixels.`;

$("origin-url").textContent = originLabel();
$("look-up").addEventListener("submit", async (event) => {
  event.preventDefault();
  path = typedPath($("path").value);
  $("path").value = path;
  history.pushState(null, "", state());
  announce(await look());
});

function announce(answer) {
  if (!answer) return;
  say(`${answer.path}: ${summary(answer)} Answered by ${answer.layer}.`);
  remember(typedText(answer));
}

// The crop --------------------------------------------------------------------------------------------------------------

/** Pairs of fields that exclude each other. */
const EXCLUDES = { aspect: "platform", platform: "aspect", device: "width", width: "device" };

/** Returns the values of the form as query parameters of the service. */
function cropParameters() {
  const [platform, content] = crop.platform.value.split(" ");
  const focal = [crop.x, crop.y].map(({ value }) => value || "0.5").join();
  const values = {
    aspect: crop.aspect.value.trim(),
    platform,
    content,
    // The focal point needs a ratio, and its default is the centre.
    focal: (crop.aspect.value || platform) && focal !== "0.5,0.5" && focal,
    device: crop.device.value,
    width: crop.width.value,
    allowExpansion: crop.allowExpansion.checked && "true",
  };
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value));
}

function fillCrop(parameters) {
  const get = (name) => parameters.get(name) ?? "";
  for (const name of ["aspect", "device", "width"]) crop[name].value = get(name);
  crop.platform.value = [get("platform"), get("content")].join(" ").trim();
  crop.allowExpansion.checked = get("allowExpansion") === "true";
  const [x = "0.5", y = "0.5"] = get("focal").split(",").filter(Boolean);
  [crop.x.value, crop.y.value] = [x, y];
  cropFilled();
}

function cropFilled() {
  showFocalPoint({ x: Number(crop.x.value || 0.5), y: Number(crop.y.value || 0.5) });
  const { aspect, platform } = crop;
  for (const button of document.querySelectorAll("[data-aspect]")) {
    button.setAttribute("aria-pressed", button.dataset.aspect === aspect.value && !platform.value);
  }
}

async function recrop() {
  cropFilled();
  const answer = await look();
  if (answer) say(summary(answer));
  save();
}

$("crop").addEventListener("submit", (event) => event.preventDefault());
$("crop").addEventListener("change", ({ target }) => {
  const other = EXCLUDES[target.name];
  if (other && target.value) crop[other].value = "";
  recrop();
});
$("crop").addEventListener("click", ({ target }) => {
  if (target.dataset.aspect === undefined) return;
  [crop.aspect.value, crop.platform.value] = [target.dataset.aspect, ""];
  recrop();
});
onFocalPoint(({ x, y }, keyboard) => {
  [crop.x.value, crop.y.value] = [x, y];
  drag(keyboard);
});

// The URL ---------------------------------------------------------------------------------------------------------------

function state() {
  const all = new URLSearchParams(path && [["path", path], ...cropParameters()]);
  if (!$("stats").hidden) all.set("tab", "stats");
  return `#${readable(all)}`;
}

let saving;

/** Saves the state after a delay: browsers limit how often a page may do so, for example on pointer moves. */
function save() {
  clearTimeout(saving);
  saving = setTimeout(() => history.replaceState(null, "", state()), 200);
}

async function restore() {
  clearTimeout(saving);
  const saved = new URLSearchParams(location.hash.slice(1));
  select(saved.get("tab") === "stats" ? "stats" : "image");
  fillCrop(saved);
  path = saved.get("path") ?? "";
  $("path").value = path;
  if (path) return announce(await look());
  showProblem($("problem"));
  $("result").hidden = true;
  $("welcome").hidden = false;
}

// Recent paths ----------------------------------------------------------------------------------------------------------

const RECENT = "inspector.recent";
const MAX_RECENT = 10;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT)) ?? [];
  } catch {
    return [];
  }
}

function remember(path) {
  const paths = [path, ...recent().filter((other) => other !== path)].slice(0, MAX_RECENT);
  localStorage.setItem(RECENT, JSON.stringify(paths));
  showRecent();
}

function showRecent() {
  const paths = recent();
  $("recent").hidden = paths.length === 0;
  const again = ({ target }) => {
    $("path").value = target.textContent;
    $("look-up").requestSubmit();
  };
  $("recent").querySelector("ul").replaceChildren(...paths.map((path) => h("li", {}, h("button", { type: "button", click: again }, path))));
  $("recent-paths").replaceChildren(...paths.map((value) => h("option", { value })));
}

$("recent").querySelector(".quiet").addEventListener("click", () => {
  localStorage.removeItem(RECENT);
  showRecent();
  say("Recent paths cleared.");
  $("path").focus();
});

// The views -------------------------------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll("[role=tab]")];

function select(view) {
  for (const tab of tabs) {
    const selected = tab.id === `${view}-tab`;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !selected;
  }
  showStats(view === "stats");
}

for (const tab of tabs) {
  tab.addEventListener("click", () => {
    select(tab.getAttribute("aria-controls"));
    save();
  });
  tab.addEventListener("keydown", ({ key }) => {
    const to = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (!to) return;
    const next = tabs.at((tabs.indexOf(tab) + to) % tabs.length);
    next.focus();
    next.click();
  });
}

showRecent();
addEventListener("popstate", restore);
restore();

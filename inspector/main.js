// The page: the path, the crop that is asked for, what was looked up before, and the two views.
//
// Its state is in the URL's fragment, to be shared: `#path=photos/cat.jpg&aspect=16:9&focal=0.5,0.3`.

import { showAnswer, showMetadata, showOutputs } from "./answer.js";
import { $, h, say, showProblem } from "./dom.js";
import { imageUrl, lookUp, pictureUrl, Problem, readable, typedPath } from "./lookup.js";
import { onFocalPoint, showFocalPoint, showPicture } from "./picture.js";
import { showStats } from "./stats.js";

const crop = $("crop").elements;
/** What was asked for last. */
let path = "";

// The look-up -----------------------------------------------------------------------------------------------------------

let turn = 0;
let dragging = false;
let draggedOn = false;

/** Looks the path up, with the crop as the form has it. An answer that comes after the next question is dropped. */
async function look() {
  const mine = ++turn;
  $("image").setAttribute("aria-busy", "true");
  const parameters = cropParameters();
  try {
    const answer = await lookUp(path, parameters);
    if (mine !== turn) return;
    show(answer, parameters);
    return answer;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (mine === turn) fail(problem);
  } finally {
    if (mine === turn) $("image").removeAttribute("aria-busy");
  }
}

/** The crop after a move of the focal point. While one is under way, the next is the last that came. */
async function drag(keyboard) {
  if (dragging) return (draggedOn = true);
  dragging = true;
  const answer = await look();
  dragging = false;
  if (draggedOn) {
    draggedOn = false;
    return drag(keyboard);
  }
  if (answer && keyboard) say(`Focal point ${crop.x.value}, ${crop.y.value}. ${told(answer)}`);
  save();
}

function show(answer, parameters) {
  showProblem($("problem"));
  $("welcome").hidden = true;
  $("result").hidden = false;
  showPicture(pictureUrl(answer.path), answer);
  showAnswer(answer);
  showMetadata(answer);
  showOutputs(answer, parameters);
}

function fail(problem) {
  showProblem($("problem"), problem);
  $("welcome").hidden = true;
  // A parameter is put right beside the picture.
  if (problem.code !== "invalid-parameter") $("result").hidden = true;
}

const told = ({ metadata: { width, height }, aspectCrop: crop }) =>
  crop ? `Crop ${crop.width} by ${crop.height} at ${crop.hoffset}, ${crop.voffset}.` : `${width} by ${height} pixels.`;

$("origin-url").textContent = imageUrl("");
$("look-up").addEventListener("submit", async (event) => {
  event.preventDefault();
  path = typedPath($("path").value);
  $("path").value = path;
  history.pushState(null, "", state());
  announce(await look());
});

function announce(answer) {
  if (!answer) return;
  say(`${answer.path}: ${told(answer)} Answered by ${answer.layer}.`);
  remember(answer.path);
}

// The crop --------------------------------------------------------------------------------------------------------------

const INSTEAD = { aspect: "platform", platform: "aspect", device: "width", width: "device" };

/** What the form asks for, under the names that the service takes. */
function cropParameters() {
  const [platform, content] = crop.platform.value.split(" ");
  const focal = [crop.x, crop.y].map(({ value }) => value || "0.5").join();
  const asked = {
    aspect: crop.aspect.value.trim(),
    platform,
    content,
    // Without a ratio nothing is cropped, and from the centre is where it starts.
    focal: (crop.aspect.value || platform) && focal !== "0.5,0.5" && focal,
    device: crop.device.value,
    width: crop.width.value,
    allowExpansion: crop.allowExpansion.checked && "true",
  };
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
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
  if (answer) say(told(answer));
  save();
}

$("crop").addEventListener("submit", (event) => event.preventDefault());
$("crop").addEventListener("change", ({ target }) => {
  const other = INSTEAD[target.name];
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

/** Writes the state, soon: browsers refuse a page that does so on every move of the pointer. */
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

// What was looked up before ---------------------------------------------------------------------------------------------

const RECENT = "inspector.recent";
const MOST_RECENT = 10;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT)) ?? [];
  } catch {
    return [];
  }
}

function remember(path) {
  const paths = [path, ...recent().filter((other) => other !== path)].slice(0, MOST_RECENT);
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
  say("The recent paths are forgotten.");
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

// The page: the path, the image that is shown, and the three views.
//
// Its state is in the URL's fragment, so that it can be shared: `#path=photos/cat.jpg&aspect=16:9&focal=0.5,0.3`.

import { showMetadata, showReport } from "./answer.js";
import { computeCrop } from "./crop.js";
import { cropParameters, fillCrop, onCrop, setFocalPoint, showCropProblem } from "./crop-form.js";
import { $, h, say, showFieldError, tabList } from "./dom.js";
import { onPlatform, showGallery } from "./gallery.js";
import { onList } from "./list.js";
import { lookUp, pictureUrl, Problem, readable } from "./lookup.js";
import { onFocalPoint, showCrop, showPicture } from "./picture.js";
import { showProblem } from "./problem.js";
import { onPurge } from "./purging.js";
import { linkTo, remember, showRecent } from "./recent.js";
import { showSnippets } from "./snippets.js";
import { showStats } from "./stats.js";
import { imageOf, originLabel, readTyped, typedText } from "./typed.js";

/** The current path, as it is typed. */
let path = "";
/** The last response for this path. */
let answer;

// The look-up -----------------------------------------------------------------------------------------------------------

let latest = 0;

/** Looks an image up, and shows it. Ignores a response if a later request has been sent. */
async function look(typed, parameters) {
  const current = ++latest;
  $("image").setAttribute("aria-busy", "true");
  $("purged").hidden = true;
  try {
    const found = await lookUp(typed, parameters);
    if (current !== latest) return;
    showCropProblem();
    adopt(typed, parameters);
    show(found, parameters);
    return found;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return current === latest ? await fail(problem, typed, parameters) : undefined;
  } finally {
    if (current === latest) $("image").removeAttribute("aria-busy");
  }
}

/** Makes an image the current one. The crop of the one before is not its crop. */
function adopt(typed, parameters) {
  showFieldError($("path"));
  if (`${parameters}` !== `${cropParameters()}`) fillCrop(parameters);
  path = typed;
  $("path").value = path;
}

function show(found, parameters) {
  answer = found;
  view("answered");
  const url = pictureUrl(answer);
  showPicture(url, answer);
  showCrop(answer.metadata, answer);
  showGallery(url, answer.metadata, parameters);
  showReport(answer);
  showMetadata(answer);
  showSnippets(answer, parameters);
}

/** Shows a problem at the field that can solve it, or instead of the image. */
async function fail(problem, typed, parameters) {
  const { code, detail, report } = problem;
  if (code === "invalid-parameter" && /'(aspect|focal|width)'/.test(detail)) {
    // Show the image, so that the crop can be corrected on it.
    const found = typed === path && answer ? undefined : await look(typed, new URLSearchParams());
    if (typed !== path || !answer) return;
    fillCrop(parameters);
    showCropProblem(detail);
    return found;
  } else if (code === "invalid-path" || code === "invalid-parameter") {
    showFieldError($("path"), detail);
  } else {
    adopt(typed, parameters);
    answer = undefined;
    view("failed");
    showProblem($("problem"), problem);
    if (report) showReport(report);
    $("response").parentNode.hidden = !report;
  }
}

/** Shows the first screen, an image, or a problem. */
function view(state) {
  $("welcome").hidden = state !== "welcome";
  $("result").hidden = state === "welcome";
  $("result").className = `result ${state}`;
  $("response").parentNode.hidden = false;
  if (state !== "failed") showProblem($("problem"));
}

const summary = ({ metadata: { width, height }, aspectCrop: crop }) =>
  crop ? `Crop ${crop.width} by ${crop.height} at ${crop.hoffset}, ${crop.voffset}.` : `${width} by ${height} pixels.`;

$("origin-url").textContent = originLabel();
$("look-up").addEventListener("submit", (event) => {
  event.preventDefault();
  const { typed, crop = new URLSearchParams(), unknown } = readTyped($("path").value);
  if (!typed) return showFieldError($("path"), "Enter the path of an image, or its URL.");
  // The link is a new look-up, so it is not the crop's.
  if (unknown) return showFieldError($("path"), unknown, " Look up ", h("a", { href: linkTo(typed) }, typed), "?");
  go(typed, typed === path && !crop.size ? cropParameters() : crop);
});

/** Looks an image up at the user's request, and adds it to the browser's history. */
async function go(typed, parameters) {
  const before = path;
  const found = await look(typed, parameters);
  if (path !== before) history.pushState(null, "", state());
  announce(found);
}

function announce(found) {
  if (!found) return;
  say(`${found.path}: ${summary(found)} Answered by ${found.layer}.`);
  remember(typedText(found));
}

$("again").addEventListener("click", async () => announce(await look(path, cropParameters())));
onPurge(
  () => imageOf(path),
  async () => {
    announce(await look(path, cropParameters()));
    $("purged").textContent = "Purged, and looked up again. Other isolates and browsers may return the old metadata for a time.";
    $("purged").hidden = false;
  },
);

// The crop --------------------------------------------------------------------------------------------------------------

/** Shows the crop of the form before the Worker answers. */
function preview() {
  const parameters = cropParameters();
  const crop = answer && computeCrop(answer.metadata, parameters);
  if (!crop) return;
  showCrop(answer.metadata, crop);
  showGallery(pictureUrl(answer), answer.metadata, parameters);
}

async function recrop(keyboard) {
  preview();
  const found = await look(path, cropParameters());
  const { focal } = Object.fromEntries(cropParameters());
  if (found) say(`${keyboard === true ? `Focal point ${(focal ?? "0.5,0.5").replace(",", ", ")}. ` : ""}${summary(found)}`);
  save();
}

onCrop(recrop);
onPlatform(recrop);
onFocalPoint((point) => {
  // A response to an earlier request would move the point back.
  latest++;
  setFocalPoint(point);
  preview();
}, recrop);

// The URL ---------------------------------------------------------------------------------------------------------------

function state() {
  const all = new URLSearchParams(path && [["path", path], ...cropParameters()]);
  const selected = tabs.find(({ ariaSelected }) => ariaSelected === "true");
  if (selected !== tabs[0]) all.set("tab", selected.getAttribute("aria-controls"));
  return `#${readable(all)}`;
}

const save = () => history.replaceState(null, "", state());

async function restore() {
  const saved = new URLSearchParams(location.hash.slice(1));
  const tab = $(`${saved.get("tab")}-tab`);
  select(tabs.includes(tab) ? tab : tabs[0]);
  const typed = saved.get("path") ?? "";
  fillCrop(saved);
  if (typed) return announce(await look(typed, cropParameters()));
  latest++;
  $("image").removeAttribute("aria-busy");
  adopt("", saved);
  answer = undefined;
  view("welcome");
}

// The views -------------------------------------------------------------------------------------------------------------

const tabs = ["image", "list", "stats"].map((name) => $(`${name}-tab`));
const selectTab = tabList(tabs, (tab) => {
  select(tab);
  save();
});

function select(selected) {
  selectTab(selected);
  for (const tab of tabs) $(tab.getAttribute("aria-controls")).hidden = tab !== selected;
  showStats(selected.id === "stats-tab");
}

/** Only `npm start` knows samples. */
const samples = JSON.parse(document.documentElement.dataset.samples ?? "[]");
$("samples").hidden = samples.length === 0;
$("samples").querySelector("ul").replaceChildren(
  ...samples.map((sample) => {
    const src = pictureUrl({ path: sample });
    return h("li", {}, h("a", { href: linkTo(sample) }, h("span", { class: "thumb" }, src ? h("img", { src, alt: "" }) : "no picture"), sample));
  }),
);

showRecent();
onList();
addEventListener("popstate", restore);
restore();

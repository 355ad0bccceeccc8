// The statistics of one isolate, from `/stats`: hit rate, durations and ages, as charts and tables.

import { $, facts, h, number, percent, seconds, showFieldError, svg } from "./dom.js";
import { ask, jsonOf, Problem } from "./lookup.js";
import { showProblem } from "./problem.js";
import { checkToken, removeToken, setToken, token, tokenProblem } from "./token.js";

const LAYERS = ["memory", "kv", "origin", "inflight"];
const REFRESH_MS = 2000;

let shown = false;
let timer;
let isolateId;

/** Shows the view, which then refreshes itself, or stops the refreshes. */
export function showStats(show) {
  shown = show;
  refresh();
}

async function refresh() {
  clearTimeout(timer);
  const key = token();
  $("token").hidden = Boolean(key);
  if (!key || !shown || document.hidden) return;
  try {
    const response = await ask("/stats", { headers: { Authorization: `Bearer ${key}` } });
    const stats = await jsonOf(response);
    // The token was removed while the request was in progress.
    if (token() !== key) return;
    draw(stats);
    showProblem($("stats-problem"));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    $("numbers").hidden = true;
    checkToken(problem);
    $("token").hidden = Boolean(token());
    if (token()) showProblem($("stats-problem"), problem);
    else showFieldError($("token-field"), tokenProblem(problem));
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, REFRESH_MS);
}

$("token").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = $("token-field");
  if (!field.value) return showFieldError(field, "Enter the admin token.");
  setToken(field.value);
  showFieldError(field);
  field.value = "";
  refresh();
});
document.addEventListener("visibilitychange", refresh);

function draw(stats) {
  const { isolate, version, answers, layers, entries, capacity, kv, origin, errors, durationsMs, agesS } = stats;
  const all = sum(LAYERS.map((layer) => answers[layer]));
  const share = (count) => (all ? percent(count / all) : "–");
  // The sum of the rounded parts, so that they add up.
  const hits = sum([answers.memory, answers.kv].map((count) => Math.round((1000 * count) / (all || 1)))) / 1000;
  const another = isolateId && isolateId !== isolate.id;
  isolateId = isolate.id;
  // Keep open tables and the keyboard focus.
  const open = [...$("numbers").querySelectorAll("[open]")].map(({ id }) => id);
  const focused = $("numbers").contains(document.activeElement) && document.activeElement.id;
  const figure = (id, title, plot, head, rows) =>
    h("figure", { class: `card ${id}` }, h("h2", {}, title), plot, h("details", { id, open: open.includes(id) }, h("summary", { id: `${id}-table` }, "As a table"), table(head, rows)));
  $("numbers").replaceChildren(
    h("p", {},
      another ? "A different isolate: " : "Isolate ", h("code", {}, isolate.id), `, started ${seconds(isolate.ageMs / 1000)} ago, version ${version}. `,
      h("span", { class: "quiet" }, "Each isolate has its own statistics. The next request may reach a different one."),
    ),
    h("div", { class: "tiles" },
      tile("Found in a cache", all ? percent(hits) : "–", `${share(answers.memory)} in memory + ${share(answers.kv)} in KV`),
      tile("Responses", number(all), `${number(stats.stale)} stale, ${number(sum(Object.values(errors)))} errors`),
      tile("Entries in memory", number(entries), `of ${number(capacity)}, ${number(stats.evictions)} evicted`),
      tile("Look-ups in flight", number(stats.inFlight), `${number(stats.coalesced)} joined, ${number(stats.refreshes)} refreshes`),
      tile("KV reads", number(kv.reads), `${number(kv.writes)} writes, ${number(kv.failures)} failures`),
      tile("Origin fetches", number(origin.fetches), `${number(origin.failures)} failures`),
    ),
    h("div", { class: "plots" },
      figure("answers", "Responses by layer", shares(answers, share), ["Layer", "Responses", "Share", "Hits", "Misses"],
        LAYERS.map((layer) => [layer, answers[layer], share(answers[layer]), ...["hits", "misses"].map((kind) => layers[layer]?.[kind] ?? "–")])),
      figure("ages", "Responses by age of the metadata", histogram(agesS, "memory", seconds, "Responses by age of the metadata"), ["Age", "Responses"],
        bounds(agesS, seconds).map((bound, i) => [bound, agesS.counts[i]])),
      figure("wide", "Durations of responses by layer",
        h("div", { class: "multiples" }, ...LAYERS.map((layer) =>
          h("div", {}, h("p", { class: "quiet" }, h("b", { class: `badge ${layer}` }, layer), ` ${quantiles(durationsMs[layer])}`),
            histogram(durationsMs[layer], layer, inMs, `Durations of responses from ${layer}`)))),
        ["Duration", ...LAYERS], bounds(durationsMs.memory, inMs).map((bound, i) => [bound, ...LAYERS.map((layer) => durationsMs[layer].counts[i])])),
      sum(Object.values(errors)) > 0 && h("section", { class: "card" }, h("h2", {}, "Errors"), facts(errors)),
    ),
    h("p", {}, h("button", { type: "button", id: "refresh", click: refresh }, "Refresh"), " ",
      h("button", { type: "button", id: "remove-token", class: "quiet", click: signOut }, "Remove token")),
  );
  $("numbers").hidden = false;
  if (focused) $(focused)?.focus();
}

function signOut() {
  removeToken();
  $("numbers").hidden = true;
  $("token").hidden = false;
  $("token-field").focus();
}

const sum = (counts) => counts.reduce((total, count) => total + count, 0);
const inMs = (ms) => `${number(ms)} ms`;

const tile = (name, value, detail) => h("div", { class: "tile" }, h("h2", {}, name), h("p", { class: "value" }, value), h("p", { class: "quiet" }, detail));

const table = (head, rows) =>
  h("table", {}, h("thead", {}, h("tr", {}, ...head.map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((cell) => h("td", {}, typeof cell === "number" ? number(cell) : cell))))));

const drawing = (label, width, height, parts) =>
  svg("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" }, ...parts);

/** Draws one bar with the share of each layer, and its legend. */
function shares(answers, share) {
  let x = 0;
  const all = sum(LAYERS.map((layer) => answers[layer])) || 1;
  const parts = LAYERS.map((layer) => {
    const part = svg("rect", { class: layer, x, width: answers[layer], height: 1 });
    x += answers[layer];
    return part;
  });
  return h("div", { class: "shares" }, drawing("Share of responses by layer", all, 1, parts),
    h("ul", {}, ...LAYERS.map((layer) => h("li", { class: layer }, `${layer} `, h("b", {}, share(answers[layer]))))));
}

/** Draws a bar per bucket. The last bucket is for values above all bounds. Non-empty buckets are always visible. */
function histogram({ le, counts, count }, kind, unit, label) {
  const most = Math.max(...counts, 1);
  const bars = counts.map((n, i) => {
    const height = n && Math.max(1, (40 * n) / most);
    return svg("rect", { class: kind, x: i + 0.08, width: 0.84, y: 40 - height, height });
  });
  return h("div", { class: "histogram" }, drawing(`${label}: ${number(count)}`, counts.length, 40, bars),
    h("p", { class: "quiet", "aria-hidden": "true" }, h("span", {}, `≤ ${unit(le[0])}`), h("span", {}, `> ${unit(le.at(-1))}`)));
}

const bounds = ({ le }, unit) => [...le.map((bound) => `≤ ${unit(bound)}`), `> ${unit(le.at(-1))}`];

/** Returns the buckets of two percentiles, because a histogram has no exact values. */
function quantiles({ le, counts, count }) {
  if (!count) return "none yet";
  const bound = (share) => {
    let seen = 0;
    return bounds({ le }, inMs)[counts.findIndex((n) => (seen += n) >= share * count)];
  };
  return `p50 ${bound(0.5)}, p99 ${bound(0.99)}`;
}

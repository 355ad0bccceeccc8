// The statistics of one isolate, from `/stats`: hit rate, durations and ages, as charts and tables.

import { $, facts, h, number, percent, seconds, showProblem, svg } from "./dom.js";
import { ask, Problem } from "./lookup.js";

const LAYERS = ["memory", "kv", "origin", "inflight"];
const REFRESH_MS = 2000;
// In sessionStorage, so only this tab has the token, until it is closed.
const TOKEN = "inspector.token";

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
  const token = sessionStorage.getItem(TOKEN);
  $("token").hidden = Boolean(token);
  if (!token || !shown || document.hidden) return;
  try {
    const response = await ask("/stats", { headers: { Authorization: `Bearer ${token}` } });
    const stats = await response.json();
    // The token was removed while the request was in progress.
    if (sessionStorage.getItem(TOKEN) !== token) return;
    draw(stats);
    showProblem($("stats-problem"));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const { status } = problem;
    if (status === 404) problem.detail = "This Worker has no ADMIN_TOKEN secret. Set one to see its statistics.";
    showProblem($("stats-problem"), problem);
    $("numbers").hidden = true;
    if (status >= 400 && status < 500) removeToken();
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, REFRESH_MS);
}

function removeToken() {
  sessionStorage.removeItem(TOKEN);
  $("token").hidden = false;
}

$("token").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $("token-field").value);
  $("token-field").value = "";
  refresh();
});
document.addEventListener("visibilitychange", refresh);

function draw(stats) {
  const { isolate, version, answers, layers, entries, capacity, kv, origin, errors, durationsMs, agesS } = stats;
  const all = sum(LAYERS.map((layer) => answers[layer]));
  const share = (count) => (all ? percent(count / all) : "–");
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
      tile("Hit rate", share(answers.memory + answers.kv), `${share(answers.memory)} memory, ${share(answers.kv)} KV`),
      tile("Responses", number(all), `${number(stats.stale)} stale, ${number(sum(Object.values(errors)))} errors`),
      tile("Entries", number(entries), `of ${number(capacity)}, ${number(stats.evictions)} evicted`),
      tile("In flight", number(stats.inFlight), `${number(stats.coalesced)} joined, ${number(stats.refreshes)} refreshes`),
      tile("KV reads", number(kv.reads), `${number(kv.writes)} writes, ${number(kv.failures)} failures`),
      tile("Origin fetches", number(origin.fetches), `${number(origin.failures)} failures`),
    ),
    h("div", { class: "plots" },
      figure("answers", "Responses by layer", shares(answers, share), ["Layer", "Responses", "Share", "Hits", "Misses"],
        LAYERS.map((layer) => [layer, answers[layer], share(answers[layer]), ...["hits", "misses"].map((kind) => layers[layer]?.[kind] ?? "–")])),
      figure("ages", "Entries by age", histogram(agesS, "memory", seconds, "Entries by age"), ["Age", "Entries"],
        bounds(agesS, seconds).map((bound, i) => [bound, agesS.counts[i]])),
      figure("wide", "Durations by layer",
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

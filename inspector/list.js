// The list: looks many images up, in batches, into a table that can be sorted and saved.

import { csv } from "./csv.js";
import { $, bytes, h, number, say } from "./dom.js";
import { BATCH, lookUpAll, Problem } from "./lookup.js";
import { linkTo } from "./recent.js";
import { readTyped } from "./typed.js";

/** The columns: the title, the value that is sorted by, and what is shown if it is not the value. */
const COLUMNS = [
  { title: "Path", value: ({ typed }) => typed, show: ({ typed, code, detail }) => h("span", {}, h("a", { href: linkTo(typed) }, typed), code !== "not-found" && detail && h("span", { class: "quiet" }, detail)) },
  { title: "Status", value: ({ status, code }) => (code ? [status, code].filter(Boolean).join(" ") : status) },
  { title: "Width", value: ({ width }) => width },
  { title: "Height", value: ({ height }) => height },
  { title: "Format", value: ({ format }) => format },
  { title: "File size", value: ({ fileSize }) => fileSize, show: ({ fileSize }) => fileSize !== undefined && bytes(fileSize) },
  { title: "Confidence", value: ({ confidence }) => confidence },
];

const FIELDS = "path status code detail width height format mimeType fileSize orientation hasAlpha animated frames bitDepth colorSpace density hasProfile confidence source";

/** The rows: what was typed, its `element`, and after its look-up the fields of its result. */
let rows = [];
let sorted = { ascending: true };
let controller;

export function onList() {
  $("list-form").addEventListener("submit", (event) => {
    event.preventDefault();
    start($("lines").value);
  });
  $("stop").addEventListener("click", () => controller.abort());
  $("retry").addEventListener("click", () => run(rows.filter(isMissing)));
  $("csv").addEventListener("click", download);
}

const hasFailed = ({ status }) => status !== undefined && status !== 200;
/** A line that is not looked up, because its URL is not that of an origin, says so instead. */
const isOpen = ({ status, code }) => status === undefined && !code;
const isMissing = (row) => isOpen(row) || hasFailed(row);

function start(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  rows = [...new Map(lines.map(readTyped).map((line) => [line.typed, line])).values()].map(({ typed, unknown }) => ({
    typed,
    ...(unknown && { code: "unknown-url", detail: unknown }),
    element: h("tr", {}),
  }));
  if (rows.length === 0) return $("lines").focus();
  sorted = { ascending: true };
  $("list-result").hidden = false;
  drawHead();
  for (const row of rows) draw(row);
  order();
  run(rows.filter(isOpen));
}

/** Looks rows up, a batch at a time, so that the table fills steadily. After *Stop*, the signal ends the rest without requests. */
async function run(open) {
  controller?.abort();
  const own = (controller = new AbortController());
  $("stop").hidden = false;
  for (const row of open) Object.assign(row, { status: undefined, code: undefined, detail: undefined });
  progress();
  for (let next = 0; next < open.length; next += BATCH) {
    await runBatch(open.slice(next, next + BATCH), own.signal);
    progress();
  }
  if (controller !== own) return;
  $("stop").hidden = true;
  say(progress());
}

async function runBatch(batch, signal) {
  try {
    const results = await lookUpAll(batch.map(({ typed }) => typed), signal);
    for (const [n, { status, problem, metadata }] of results.entries()) Object.assign(batch[n], { status, code: problem?.code, detail: problem?.detail, ...metadata });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    if (!(problem instanceof Problem)) throw problem;
    const { status = 0, code = "no-response", detail } = problem;
    for (const row of batch) Object.assign(row, { status, code, detail });
  }
  for (const row of batch) draw(row);
  // Without a sorted column, each row is in its place. To place thousands of rows after each batch takes minutes.
  if (sorted.column) order();
}

/** Shows how many rows are done, and returns it as a sentence. */
function progress() {
  const failed = rows.filter(hasFailed).length;
  const unknown = rows.filter(({ code, status }) => code && status === undefined).length;
  const done = rows.filter((row) => !isOpen(row)).length;
  Object.assign($("list-progress"), { max: rows.length, value: done });
  const text = [`${number(done)} of ${number(rows.length)} images`, failed && `${number(failed)} failed`, unknown && `${number(unknown)} not of an origin`].filter(Boolean).join(", ");
  $("list-count").textContent = text;
  const missing = rows.filter(isMissing).length;
  $("retry").hidden = !missing || !$("stop").hidden;
  $("retry").textContent = `Retry ${number(missing)}`;
  return `${text}.`;
}

function draw(row) {
  row.element.className = row.code ? "failed" : "";
  row.element.replaceChildren(
    ...COLUMNS.map(({ value, show = value }, n) => {
      const shown = show(row);
      return h(n ? "td" : "th", n ? {} : { scope: "row" }, typeof shown === "number" && n > 1 ? number(shown) : (shown ?? ""));
    }),
  );
}

function drawHead() {
  const head = COLUMNS.map((column) => {
    const sort = () => {
      sorted = { column, ascending: sorted.column !== column || !sorted.ascending };
      for (const [n, cell] of [...cells.children].entries()) {
        if (COLUMNS[n] === column) cell.setAttribute("aria-sort", sorted.ascending ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      }
      order();
    };
    return h("th", { scope: "col" }, h("button", { type: "button", click: sort }, column.title));
  });
  const cells = h("tr", {}, ...head);
  $("list-table").replaceChildren(h("thead", {}, cells), h("tbody", {}));
}

/** Puts the rows in the order of the selected column, those without a value last. */
function order() {
  const { column, ascending } = sorted;
  const compare = (a, b) => {
    const [x, y] = [a, b].map(column.value);
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    return (typeof x === "number" && typeof y === "number" ? x - y : `${x}`.localeCompare(`${y}`, "en", { numeric: true })) * (ascending ? 1 : -1);
  };
  const shown = column ? [...rows].sort(compare) : rows;
  $("list-table").tBodies[0].replaceChildren(...shown.map(({ element }) => element));
}

function download() {
  const text = csv(FIELDS.split(" "), rows.map((row) => ({ ...row, path: row.typed })));
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  h("a", { href: url, download: "images.csv" }).click();
  URL.revokeObjectURL(url);
}

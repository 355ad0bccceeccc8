// Tables as CSV files (RFC 4180). Has no access to the page.

/** A spreadsheet would run a cell that begins like this as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value) {
  const text = `${value ?? ""}`;
  const safe = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
  return /["',\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Returns a table of objects as CSV: a column for each name. Spreadsheets need the byte order mark for UTF-8. */
export function csv(names, rows) {
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return `\uFEFF${lines.map((line) => `${line.map(cell).join()}\r\n`).join("")}`;
}

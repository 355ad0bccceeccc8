// The rows of the CSV file and of the file of failed paths.

export const CSV_HEADER = "path,width,height,format\r\n";

/** Returns a row of CSV (RFC 4180). */
export function csvRow({ path, metadata: { width, height, format = "" } }) {
  return `${[path, width, height, format].map(csvField).join(",")}\r\n`;
}

function csvField(value) {
  const text = `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Returns a row of tab-separated values. Tabs and line breaks in a value become spaces. */
export function failedRow({ path, status, code, detail }) {
  return `${[path, status, code, detail].map((value) => `${value}`.replace(/[\t\r\n]+/g, " ")).join("\t")}\n`;
}

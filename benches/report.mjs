/** Formats a table. The first column is left-aligned, the others right-aligned. */
export function table([columns, ...rows]) {
  const texts = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, index) => Math.max(...texts.map((row) => row[index].length)));
  const line = (row) => row.map((text, index) => (index ? text.padStart(widths[index]) : text.padEnd(widths[index]))).join("   ");
  const [head, ...body] = texts.map(line);
  return [head, "─".repeat(head.length), ...body].join("\n");
}

/** Reports whether a figure meets its target, which is a maximum, and by how much. */
export function verdict({ name, value, target, unit, digits = 0 }) {
  const show = (number) => `${number.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
  const difference = value - target;
  const share = target === 0 ? "" : ` (${Math.abs((difference / target) * 100).toFixed(0)} %)`;
  const margin = difference === 0 ? "" : `, ${show(Math.abs(difference))}${share} ${difference < 0 ? "under" : "over"}`;
  return `${difference > 0 ? "MISSED" : "met   "}  ${name}: ${show(value)}, target ≤ ${show(target)}${margin}`;
}

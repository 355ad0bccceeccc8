/** A table, its columns as wide as they need to be: the first one to the left, figures to the right. */
export function table([columns, ...rows]) {
  const texts = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, place) => Math.max(...texts.map((row) => row[place].length)));
  const line = (row) => row.map((text, place) => (place ? text.padStart(widths[place]) : text.padEnd(widths[place]))).join("   ");
  const [head, ...body] = texts.map(line);
  return [head, "─".repeat(head.length), ...body].join("\n");
}

/** How a figure compares to the most that it may be, and by how much it is under or over it. */
export function verdict({ what, value, target, unit, digits = 0 }) {
  const show = (number) => `${number.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
  const by = value - target;
  const share = target === 0 ? "" : ` (${Math.abs((by / target) * 100).toFixed(0)} %)`;
  const distance = by === 0 ? "" : `, ${show(Math.abs(by))}${share} ${by < 0 ? "under" : "over"}`;
  return `${by > 0 ? "MISSED" : "met   "}  ${what}: ${show(value)}, target ≤ ${show(target)}${distance}`;
}
